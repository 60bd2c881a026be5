"""Filed reports in an audit bundle: which, their files, and their figures recomputed from facts."""

from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import Final

from ledger.store.codec import decode_leaf
from projections.figures.engines import Engine
from projections.figures.refusals import FigureRefusal
from projections.recount.engine import from_leaves
from projections.recount.reading import Unreadable
from projections.reports.catalogue import ReportOf, report_of, tables_of
from projections.reports.filing import Filed, filed, made_again
from projections.reports.refusals import ReportMismatch

_FOLDER: Final = files("projections.reports") / "definitions"


class NotRecomputed(Exception):
    """A published figure does not follow from the facts, or cannot be computed from them."""

    def __init__(self, position: int, why: object) -> None:
        super().__init__(f"position {position:,}: {why}")
        self.position = position


def newest(filings: Iterable[Filed]) -> list[Filed]:
    """The last filing of each id@version, in order of position."""
    found: dict[str, Filed] = {}
    for filing in sorted(filings, key=lambda filing: filing.position):
        found[filing.report] = filing
    return sorted(found.values(), key=lambda filing: filing.position)


def files_of(engine: Engine, filings: Iterable[Filed]) -> Iterator[tuple[str, bytes]]:
    """(path below data/, content) of each report and its definitions. Raises ReportMismatch."""
    for filing in filings:
        folder = f"reports/{filing.report}"
        yield f"{folder}/report.json", made_again(engine, filing).canonical()
        yield f"{folder}/definition.sql", _sql(filing).encode()
        yield f"{folder}/definition.toml", _toml(report_of(filing.report))


def _sql(filing: Filed) -> str:
    """The figures' SQL as it was run, each headed by its name and digest."""
    figures = sorted(filing.asked.figures.values(), key=lambda figure: figure.name)
    return "\n".join(f"-- {f.name}, sha256 {f.sha256}\n{f.sql.rstrip()}\n" for f in figures)


def _toml(report: ReportOf) -> bytes:
    newest, older = f"{report.id}.toml", f"{report.id}.v{report.version}.toml"
    name = older if (_FOLDER / older).is_file() else newest
    return (_FOLDER / name).read_bytes()


def recompute(
    published: Iterable[bytes], facts: Iterable[bytes], *, origin: str
) -> tuple[int, list[str]]:
    """Makes published reports again from the facts alone, by the second engine: how many, and those
    with a table that no engine of figures has.

    `published` are leaves of `report.published` facts. Raises NotRecomputed.
    """
    filings = newest(filed(decode_leaf(leaf)) for leaf in published)
    beyond = [filing.report for filing in filings if _lists_facts(filing)]
    asked = [filing for filing in filings if not _lists_facts(filing)]
    if not asked:
        return 0, beyond  # nothing to load the facts for
    try:
        with from_leaves(facts, origin=origin) as engine:
            for filing in asked:
                _make_again(engine, filing)
    except Unreadable as error:
        raise NotRecomputed(asked[0].position, error) from error
    return len(asked), beyond


def _lists_facts(filing: Filed) -> bool:
    """Whether a table of the report is read from the book, and not a table of figures."""
    try:
        return any(table.source for table in tables_of(report_of(filing.report)))
    except FigureRefusal as error:  # a report that this software does not know
        raise NotRecomputed(filing.position, error) from error


def _make_again(engine: Engine, filing: Filed) -> None:
    try:
        made_again(engine, filing)
    except (FigureRefusal, ReportMismatch) as error:
        raise NotRecomputed(filing.position, error) from error
