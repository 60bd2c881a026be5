"""`clusterledger report`: file reports, make them again, close periods."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from psycopg import Connection

from api.cli.actor import command_line
from api.cli.options import DatabaseUrl, DataDir, Json, printed, settings
from api.cli.place import Place, visited, written
from api.cli.terminal import CommandError, progress_bar
from api.settings import Settings
from ledger.domain.commands import Receipt, Refused
from ledger.domain.facts import Fact
from ledger.service import incoming
from ledger.store.codec import canonical
from ledger.store.database import READER, connect
from projections import progress
from projections.figures.asking import within_ledger
from projections.figures.catalogue import CATALOGUE
from projections.figures.engines import PostgresEngine
from projections.figures.refusals import FigureRefusal
from projections.reports import filing
from projections.reports.catalogue import report_of
from projections.reports.compute import Asked
from projections.reports.explaining import Restatement, of_filings
from projections.reports.filing import Filed
from projections.reports.outputs import FORMATS, Format, Language, render
from projections.reports.refusals import ReportMismatch
from projections.reports.restated import as_report
from projections.reports.restatement import EVALUATIONS_MAX, Cell, Moved

SOURCE = "urn:clusterledger:report"

AsFormat = Annotated[str, typer.Option("--format", help="json, csv, csv-de, xlsx or pdf.")]
Lang = Annotated[str, typer.Option(help="de or en: the language of its words.")]
Output = Annotated[Path | None, typer.Option(help="A file; left out: standard output.")]

app = typer.Typer(no_args_is_help=True, help="Reports: file them, make them again, close periods.")

From = Annotated[
    datetime | None,
    typer.Option("--from", formats=["%Y-%m-%d"], help="The first day; left out: the start."),
]
To = Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day.")]
KnownAt = Annotated[
    int | None, typer.Option(help="A position; left out: how far the read models are.")
]
Source = Annotated[str, typer.Option(help="The CloudEvents source to file under.")]
Id = Annotated[
    str | None, typer.Option("--id", help="The filing's id; left out: made of what is filed.")
]


@app.command("file")
def file(
    report: Annotated[str, typer.Argument(help="A report's id, or id@version.")],
    to: To,
    from_: From = None,
    known_at: KnownAt = None,
    parameter: Annotated[
        list[str],
        typer.Option(help="cluster=rail, open_imports=accepted; repeatable."),
    ] = [],  # noqa: B006 - typer copies it
    id: Id = None,
    source: Source = SOURCE,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Compute a report and record its filing."""
    from api.requests import today

    with _asked(data_dir, database_url) as (place, conn):
        engine, position = PostgresEngine(conn), _position(conn, known_at)
        within_ledger(engine, to.date(), position, today=today())
        asked = Asked(
            period_from=_day(from_),
            period_to=to.date(),
            known_at=position,
            parameters=_parameters(parameter),
        )
        made = filing.to_be_filed(engine, report_of(report), asked)
        named = f"{made.report}/{made.period.from_}/{made.period.to}/{made.known_at}"
        receipt = _record(
            place,
            settings(data_dir=data_dir, database_url=database_url),
            filing.published(made),
            id or named,
            source,
        )
    printed(
        {
            "position": receipt.position,
            "report": made.report,
            "known_at": made.known_at,
            "sha256": made.digest,
            "duplicate": receipt.duplicate,
        },
        json=json,
    )


@app.command("close")
def close(
    from_: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day.")],
    to: To,
    known_at: KnownAt = None,
    id: Id = None,
    source: Source = SOURCE,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Close a period with the digests of all figures: later facts for it are marked late."""
    from api.requests import today

    with _asked(data_dir, database_url) as (place, conn):
        engine, position = PostgresEngine(conn), _position(conn, known_at)
        within_ledger(engine, to.date(), position, today=today())
        fact = filing.closed(
            engine,
            period_from=from_.date(),
            period_to=to.date(),
            known_at=position,
            figures=CATALOGUE,
        )
        named = f"close/{fact.period_from}/{fact.period_to}"
        receipt = _record(
            place, settings(data_dir=data_dir, database_url=database_url), fact, id or named, source
        )
    printed(
        {
            "position": receipt.position,
            "known_at": fact.known_at,
            "definitions": fact.definitions,
            "duplicate": receipt.duplicate,
        },
        json=json,
    )


@app.command("list")
def listed(
    report: Annotated[str | None, typer.Argument(help="Of this report only.")] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """List the filed reports, newest first."""
    with _asked(data_dir, database_url) as (_, conn):
        found = filing.filings(conn, upto=progress.position(conn), report=report)
    printed([_shown(one) for one in found], json=json)


@app.command("show")
def show(
    position: Annotated[int, typer.Argument(help="The position of its filing.")],
    form: AsFormat = "json",
    lang: Lang = "de",
    output: Output = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """A filed report, made again: its canonical JSON, or drawn for people."""
    drawn, language = _form(form), _language(lang)
    with _asked(data_dir, database_url) as (_, conn):
        report = filing.made_again(PostgresEngine(conn), _filing(conn, position))
    _written(render(report, drawn, language), drawn, output)


def _form(given: str) -> Format:
    found: dict[str, Format] = {name: name for name in FORMATS}
    if given not in found:
        raise CommandError(f"There is no format {given!r}. Allowed: {', '.join(FORMATS)}.")
    return found[given]


def _language(given: str) -> Language:
    found: dict[str, Language] = {"de": "de", "en": "en"}
    if given not in found:
        raise CommandError(f"There is no language {given!r}. Allowed: {', '.join(found)}.")
    return found[given]


def _written(body: bytes, form: Format, output: Path | None) -> None:
    """Into the file, or out as it is; JSON ends with a line for terminals."""
    if output is not None:
        output.write_bytes(body)
        return
    sys.stdout.buffer.write(body + (b"\n" if form == "json" else b""))


@app.command("diff")
def diff(
    before: Annotated[int, typer.Argument(help="The position of a filing.")],
    after: Annotated[str, typer.Argument(help="A later one's, or `now`.")] = "now",
    evaluations: Annotated[
        int, typer.Option(min=0, help="Figures to compute at most to tell facts apart.")
    ] = EVALUATIONS_MAX,
    form: Annotated[
        str | None, typer.Option("--format", help="json, csv, csv-de, xlsx or pdf: as a report.")
    ] = None,
    lang: Lang = "de",
    output: Output = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """What moved a filed report since, fact by fact; drawn as a report with --format."""
    if after != "now" and not after.isdecimal():
        raise CommandError(f"{after!r} is neither a position nor `now`.")
    drawn, language = None if form is None else _form(form), _language(lang)
    with _asked(data_dir, database_url) as (_, conn):
        engine = PostgresEngine(conn)
        later = None if after == "now" else _filing(conn, int(after))
        with progress_bar("restatement", None, quiet=json or drawn is not None):
            found = of_filings(
                engine,
                _filing(conn, before),
                later,
                known_at=progress.position(conn),
                evaluations=evaluations,
            )
        figures = CATALOGUE if later is None else later.asked.figures
        report = as_report(found, origin=engine.origin, figures=figures)
    if drawn is not None:
        _written(render(report, drawn, language), drawn, output)
        return
    printed(msgspec.to_builtins(found) if json else _told(found), json=json)


def _told(found: Restatement) -> list[dict[str, Any]]:
    """A restatement in lines: first what differs, then why."""
    told: list[dict[str, Any]] = [
        {"cell": _cell(d.cell), "before": d.before, "after": d.after} for d in found.differences
    ]
    told += [
        {"definition": f"{v.before} -> {v.after}", "moved": _moves(v.moved)} for v in found.versions
    ]
    told += [
        {
            "position": line.position,
            "type": line.type,
            "recorded_at": line.recorded_at,
            "actor": line.actor,
            "reason": line.reason,
            "late": ", ".join(map(str, line.late)),
            "moved": _moves(line.moved),
        }
        for line in found.facts
    ]
    told += [
        {
            "run": f"{run.facts} facts behind {run.after}, up to {run.upto}, not looked at singly",
            "figure": run.figure,
            "moved": _moves(run.moved),
        }
        for run in found.runs
    ]
    return told


def _moves(moved: Iterable[Moved]) -> list[str]:
    return [f"{_cell(one.cell)} {one.by:+d}" for one in moved]


def _cell(cell: Cell) -> str:
    row = f"[{cell.key}]" if cell.key else ""
    return cell.figure + row + ("" if cell.part == "value" else f".{cell.part}")


@app.command("recompute")
def recompute(
    position: Annotated[
        int | None, typer.Argument(help="The position of a filing; left out: all of them.")
    ] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Make filed reports again and hold them against their digests."""
    with _asked(data_dir, database_url) as (_, conn):
        upto = progress.position(conn)
        asked = [_filing(conn, position)] if position else filing.filings(conn, upto=upto)
        results = []
        with progress_bar("reports", len(asked), quiet=json) as bar:
            for one in asked:
                results.append(_shown(one) | {"result": _compared(conn, one)})
                bar.advance(1)
    printed(results, json=json)
    if any(result["result"] != "same" for result in results):
        raise typer.Exit(1)


def _compared(conn: Connection[Any], found: Filed) -> str:
    try:
        filing.made_again(PostgresEngine(conn), found)
    except ReportMismatch as mismatch:
        return str(mismatch)
    return "same"


@contextmanager
def _asked(data_dir: Any, database_url: Any) -> Iterator[tuple[Place, Connection[Any]]]:
    """The ledger's place and a reader on it; refusals become sentences."""
    place_settings = settings(data_dir=data_dir, database_url=database_url)
    with (
        visited(place_settings) as place,
        connect(place.url, READER, autocommit=True) as conn,
    ):
        try:
            yield place, conn
        except FigureRefusal as refusal:
            raise CommandError(" ".join(filter(None, (str(refusal), refusal.fix)))) from refusal
        except (Refused, ReportMismatch) as error:
            raise CommandError(str(error)) from error


def _record(place: Place, given: Settings, fact: Fact, id: str, source: str) -> Receipt:
    with written(place, given) as ledger:
        authority = command_line(place.url, ledger)
        (receipt,) = ledger.record(authority, [incoming(id, source, fact.topic, canonical(fact))])
    return receipt


def _position(conn: Connection[Any], known_at: int | None) -> int:
    at = progress.position(conn)
    if known_at is not None and not 0 <= known_at <= at:
        raise CommandError(f"known_at lies between 0 and {at}, where the read models are.")
    return at if known_at is None else known_at


def _filing(conn: Connection[Any], position: int) -> Filed:
    found = filing.filing_at(conn, position, upto=progress.position(conn))
    if found is None:
        raise CommandError(f"No report was filed at position {position}.")
    return found


def _parameters(given: list[str]) -> dict[str, str]:
    split = [text.partition("=") for text in given]
    return {name: value for name, _, value in split}


def _day(given: datetime | None) -> date | None:
    return None if given is None else given.date()


def _shown(found: Filed) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(found)
    period = shown.pop("period")
    return {
        "position": found.position,
        "report": found.report,
        "period": f"{period['from'] or '…'} – {period['to']}",
        "known_at": found.known_at,
        "recorded_at": found.recorded_at,
        "actor": found.actor,
        "sha256": found.sha256,
    }
