"""`clusterledger figures`: on the ledger, from a file of facts alone, and both compared."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import msgspec
import orjson
import typer

from api.cli.options import DatabaseUrl, DataDir, Json, printed, settings
from api.cli.place import visited
from api.cli.terminal import CommandError, progress_bar
from api.logs import configure
from api.settings import DEFAULT_ORIGIN
from ledger.store.book import Book
from ledger.store.database import READER, connect
from projections import progress
from projections.figures import agreement
from projections.figures.almost import AlmostPage, almost_counted
from projections.figures.asking import checked, first_day, within_ledger
from projections.figures.behind import FactsPage, facts_behind
from projections.figures.catalogue import CATALOGUE, EVERY, Definition, definition_of
from projections.figures.compute import Figure, compute
from projections.figures.engines import PostgresEngine
from projections.figures.refusals import FigureRefusal
from projections.reports.agreement import told_alike

PAGE = 5_000

app = typer.Typer(
    no_args_is_help=True, help="Figures: listed, shown, recomputed from facts, engines compared."
)

Figures = Annotated[
    list[str], typer.Option("--figure", help="An id, or id@version; repeatable. Left out: all.")
]
From = Annotated[
    datetime | None,
    typer.Option("--from", formats=["%Y-%m-%d"], help="The first day; left out: the start."),
]
To = Annotated[
    datetime | None,
    typer.Option("--to", formats=["%Y-%m-%d"], help="The last day; left out: today."),
]
Known = Annotated[
    int | None,
    typer.Option("--known-at", help="A position; left out: how far the read models are."),
]
By = Annotated[str | None, typer.Option(help="A dimension.")]
View = Annotated[str, typer.Option(help="By cluster: participating or lead.")]
Cluster = Annotated[str | None, typer.Option(help="One cluster only.")]
AsOf = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="A day, for what is counted on a day."),
]
Of = Annotated[str | None, typer.Option(help="What a share is of.")]


@app.command("list")
def list_(json: Json = False) -> None:
    """The catalogue: every figure in its version in force, and what it is counted by."""
    printed([_told(definition) for definition in CATALOGUE.values()], json=json)


@app.command("show")
def show(
    figure: Annotated[str, typer.Argument(help="An id, or id@version.")],
    from_: From = None,
    to: To = None,
    as_of: AsOf = None,
    known_at: Known = None,
    by: By = None,
    view: View = "participating",
    cluster: Cluster = None,
    of: Of = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Compute a figure on the ledger. With --json its canonical bytes, whose digest is cited."""
    _one_day(as_of, from_, to)
    with _asked(figure, from_, as_of or to, known_at, data_dir, database_url) as (engine, given):
        found = compute(engine, **given, by=by, view=view, cluster=cluster, of=of)
    if json:
        print(found.canonical().decode())
        return
    printed(_shown(found), json=False)


def _one_day(as_of: datetime | None, from_: datetime | None, to: datetime | None) -> None:
    if as_of and (from_ or to):
        raise CommandError("--as-of is one day: give it, or --from and --to.")


def _told(definition: Definition) -> dict[str, Any]:
    """One line of the catalogue."""
    told: dict[str, Any] = {
        "figure": definition.name,
        "title": definition.title.en,
        "unit": definition.unit.en,
        "counted": "over a period" if definition.when == "period" else "on a day",
        "by": definition.dimensions,
    }
    return told | ({"of": definition.of} if definition.of else {})


def _day(given: datetime | None) -> date | None:
    return given.date() if given else None


Key = Annotated[str | None, typer.Option(help="With --by: a row of that table.")]
Cursor = Annotated[str | None, typer.Option(help="Where an earlier page ended: its `next`.")]
Limit = Annotated[int, typer.Option(min=1, max=1_000, help="Streams of facts a page.")]


@app.command("facts")
def facts(
    figure: Annotated[str, typer.Argument(help="An id, or id@version.")],
    from_: From = None,
    to: To = None,
    known_at: Known = None,
    by: By = None,
    key: Key = None,
    view: View = "participating",
    cluster: Cluster = None,
    of: Of = None,
    cursor: Cursor = None,
    limit: Limit = 100,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """The facts behind a figure, or behind one cell of it with --by and --key, page by page."""
    with _asked(figure, from_, to, known_at, data_dir, database_url) as (engine, given):
        question = checked(engine, **given, by=by, view=view, cluster=cluster, of=of)
        page = facts_behind(engine, question, key=key, after=cursor, limit=limit)
    _page(list(msgspec.to_builtins(page.items)), page, json=json)


@app.command("almost")
def almost(
    figure: Annotated[str, typer.Argument(help="An id, or id@version.")],
    from_: From = None,
    to: To = None,
    known_at: Known = None,
    by: By = None,
    key: Key = None,
    view: View = "participating",
    cluster: Cluster = None,
    of: Of = None,
    cursor: Cursor = None,
    limit: Limit = 100,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """What almost counted in a figure or a cell, and the rule that excluded it, page by page."""
    with _asked(figure, from_, to, known_at, data_dir, database_url) as (engine, given):
        question = checked(engine, **given, by=by, view=view, cluster=cluster, of=of)
        page = almost_counted(engine, question, key=key, after=cursor, limit=limit)
    lines = [
        {
            "rule": one.rule,
            "why": one.text.en,
            "stream": f"{one.stream_kind} {one.stream}",
            "facts": [f"{fact.type} at {fact.position}" for fact in one.facts],
        }
        for one in page.items
    ]
    _page(lines, page, json=json)


@contextmanager
def _asked(
    figure: str,
    from_: datetime | None,
    to: datetime | None,
    known_at: int | None,
    data_dir: Any,
    database_url: Any,
) -> Iterator[tuple[PostgresEngine, dict[str, Any]]]:
    """An engine on the ledger, and the definition, days and position that are asked for."""
    from api.requests import today

    given = settings(data_dir=data_dir, database_url=database_url)
    with (
        visited(given) as place,
        connect(place.url, READER, autocommit=True) as conn,
        _sentences(),
    ):
        engine, head = PostgresEngine(conn), progress.position(conn)
        position = head if known_at is None else known_at
        if not 0 <= position <= head:
            raise CommandError(f"The read models' last position is {head}, not {position}.")
        days = {"period_from": _day(from_), "period_to": _day(to) or today()}
        definition = definition_of(figure)
        within_ledger(engine, _day(to) or today(), position, today=today())
        yield engine, {"definition": definition, **days, "known_at": position}


def _page(lines: list[dict[str, Any]], page: FactsPage | AlmostPage, *, json: bool) -> None:
    if json:
        print(orjson.dumps(msgspec.to_builtins(page)).decode())
        return
    printed(lines, json=False)
    if page.next is not None:
        print(f"There is more: --cursor {page.next}")


@app.command("recompute")
def recompute(
    facts: Annotated[Path, typer.Argument(help="facts.ndjson, as exported or out of a bundle.")],
    origin: Annotated[str, typer.Option(help="The ledger's name.")] = DEFAULT_ORIGIN,
    figure: Figures = [],  # noqa: B006 - typer copies it
    from_: From = None,
    to: To = None,
    as_of: AsOf = None,
    known_at: Annotated[
        int | None, typer.Option(help="A position; left out: the file's last one.")
    ] = None,
    by: By = None,
    view: View = "participating",
    cluster: Cluster = None,
    of: Of = None,
    json: Json = False,
) -> None:
    """Compute figures from a file of facts alone: no database, no network, another engine."""
    from api.requests import today
    from projections.recount.engine import from_leaves

    _one_day(as_of, from_, to)
    made, period_to = [], _day(as_of or to) or today()
    with _sentences(), from_leaves(facts, origin=origin) as engine:
        position = engine.position if known_at is None else known_at
        if not 0 <= position <= engine.position:
            raise CommandError(f"The file's last position is {engine.position}, not {position}.")
        within_ledger(engine, period_to, position, today=today())
        asked = _definitions(figure, of=CATALOGUE)
        with progress_bar("figures", len(asked), quiet=json) as bar:
            for definition in asked:
                found = compute(
                    engine,
                    definition,
                    period_from=_day(from_),
                    period_to=period_to,
                    known_at=position,
                    by=by,
                    view=view,
                    cluster=cluster,
                    of=of,
                )
                made.append(found)
                bar.advance(1)
    if json:
        for found in made:
            print(found.canonical().decode())
        return
    printed([_shown(found) for found in made], json=False)


@app.command("compare")
def compare(
    facts: Annotated[
        Path | None, typer.Argument(help="facts.ndjson; left out: the ledger's own leaves.")
    ] = None,
    figure: Figures = [],  # noqa: B006 - typer copies it
    positions: Annotated[int, typer.Option(min=1, help="So many, at even distances.")] = 8,
    periods: Annotated[
        int, typer.Option(min=0, help="Stretches of days, beside the whole and each year.")
    ] = 8,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Ask PostgreSQL and the recount the same, and compare the answers byte by byte."""
    configure("warning")
    found = _compared(
        settings(data_dir=data_dir, database_url=database_url),
        facts,
        _definitions(figure, of=EVERY),
        facts_too=not figure,
        positions=positions,
        stretches=periods,
        quiet=json,
    )
    printed(found, json=json)
    if found["differences"]:
        raise typer.Exit(1)


def _compared(
    given: Any,
    facts: Path | None,
    definitions: list[Definition],
    *,
    facts_too: bool,
    positions: int,
    stretches: int,
    quiet: bool,
) -> dict[str, Any]:
    from api.requests import today
    from projections.recount.engine import from_leaves

    with visited(given) as place, connect(place.url, READER, autocommit=True) as conn:
        postgres = PostgresEngine(conn)
        head = progress.position(conn)
        leaves = facts or _leaves(place.url, head)
        with _sentences(), from_leaves(leaves, origin=postgres.origin) as duck:
            known = agreement.positions(min(head, duck.position), positions)
            begin, end = first_day(postgres, known[-1]), today()
            spans = agreement.periods(begin or end, end, stretches)
            asks = list(agreement.asks(postgres, definitions, spans, known))
            answers = agreement.compared(postgres, duck, asks)
            found = (None if one.equal else str(one) for one in answers)
            # What came late or was voided costs a reading of the trail: the whole and one part.
            tables = [(span, at) for span in spans[:2] for at in known] if facts_too else []
            told = told_alike(postgres, duck, tables)
            differences = []
            with progress_bar("compare", len(asks) + len(tables), quiet=quiet) as bar:
                for difference in chain(found, told):
                    differences += [difference] if difference else []
                    bar.advance(1)
    return {
        "definitions": len(definitions),
        "periods": len(spans),
        "positions": len(known),
        "comparisons": len(asks),
        "tables_of_facts": len(tables),
        "differences": len(differences),
        "first_difference": next(iter(differences), None),
    }


def _shown(found: Figure) -> dict[str, str]:
    """Numbers, then those of each row, then the digest."""
    told = orjson.loads(found.canonical())
    shown = {"figure": found.definition, **_numbers(told)}
    for row in told.get("rows", ()):
        shown[row["key"]] = ", ".join(
            number if name == "value" else f"{name} {number}"
            for name, number in _numbers(row).items()
        )
    return {**shown, "sha256": found.digest}


def _numbers(told: dict[str, Any]) -> dict[str, str]:
    """Whatever was counted, with thousands told apart."""
    return {
        name: f"{number:,}"
        for name, number in told.items()
        if isinstance(number, int) and name not in {"known_at", "joint_adjustment"}
    }


def _leaves(url: str, upto: int) -> Iterator[bytes]:
    with closing(Book(url)) as book:
        after = 0
        while page := book.leaves(after, PAGE, upto):
            yield from page
            after += len(page)


def _definitions(names: list[str], *, of: Any) -> list[Definition]:
    with _sentences():
        return [definition_of(name) for name in names] if names else list(of.values())


@contextmanager
def _sentences() -> Iterator[None]:
    """Refusals as the command's own errors, with what is allowed."""
    from projections.recount.lines import Unreadable

    try:
        yield
    except FigureRefusal as refusal:
        raise CommandError(" ".join(filter(None, (str(refusal), refusal.fix)))) from refusal
    except Unreadable as unreadable:
        raise CommandError(str(unreadable)) from unreadable
