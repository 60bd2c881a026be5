"""Filed reports in an audit bundle: which, their files, and their figures recomputed from facts."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import IO

from ledger.store.codec import decode_leaf
from ledger.transparency.definitions import definition_texts
from projections.figures.catalogue import definition_of, toml_of
from projections.figures.engines import Engine
from projections.figures.refusals import FigureRefusal
from projections.folding import UNFOLDABLE
from projections.recount.database import LITTLE_MB
from projections.recount.engine import from_leaves
from projections.recount.lines import Unreadable
from projections.reports.filing import Filed, filed, made_again
from projections.reports.made import Made
from projections.reports.refusals import ReportMismatch


class NotRecomputed(Exception):
    """A published figure does not follow from the facts, or cannot be computed from them."""

    def __init__(self, position: int, why: object) -> None:
        super().__init__(f"position {position:,}: {why}")
        self.position = position
        self.why = str(why)


def newest(filings: Iterable[Filed]) -> list[Filed]:
    """The last filing of each id@version, in order of position."""
    found: dict[str, Filed] = {}
    for filing in sorted(filings, key=lambda filing: filing.position):
        found[filing.report] = filing
    return sorted(found.values(), key=lambda filing: filing.position)


def files_of(engine: Engine, filings: Iterable[Filed]) -> Iterator[tuple[str, bytes]]:
    """(path below data/, content) of each report and of the definitions it rests on, which are the
    texts behind the digests it names. Raises ReportMismatch, FigureRefusal."""
    for filing in filings:
        folder = f"reports/{filing.report}"
        report = made_again(engine, filing)
        yield f"{folder}/report.json", report.canonical()
        used = [definition_of(used.definition) for used in report.definitions]
        counted = definition_texts("--", ((d.name, d.sha256, d.sql) for d in used))
        yield f"{folder}/definition.sql", counted
        meant = definition_texts("#", ((d.name, d.sha256, toml_of(d)) for d in used))
        yield f"{folder}/definition.toml", meant


def recompute(
    published: Iterable[tuple[int, bytes]],
    facts: IO[bytes] | Iterable[bytes],
    *,
    origin: str,
    told: Callable[[int], object] = lambda _: None,
) -> Made:
    """Makes published reports again from the facts alone, by the second engine, every filing of
    them. `facts` are leaves, or an open file with one a line; `told` is told how far it is.

    `published` are `report.published` facts, each its position and leaf; they are asked for when
    the facts are loaded. Raises NotRecomputed.
    """
    began = time.perf_counter()
    try:
        with from_leaves(facts, origin=origin, memory_mb=LITTLE_MB, told=told) as engine:
            seconds = time.perf_counter() - began
            filings = [_filing(position, leaf) for position, leaf in published]
            for filing in filings:
                _make_again(engine, filing)
            return Made(len(filings), engine.position, seconds)
    except Unreadable as error:
        first = next((position for position, _ in published), 0)
        raise NotRecomputed(first, error) from error


def _filing(position: int, leaf: bytes) -> Filed:
    try:
        return filed(decode_leaf(leaf))
    except UNFOLDABLE as error:  # a leaf in form whose data say no filing
        raise NotRecomputed(
            position, f"it publishes no report that can be read: {error}"
        ) from error


def _make_again(engine: Engine, filing: Filed) -> None:
    try:
        made_again(engine, filing)
    except (FigureRefusal, ReportMismatch) as error:
        raise NotRecomputed(filing.position, error) from error
