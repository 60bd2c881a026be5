"""`clusterledger figures`: on the ledger, from a file of facts alone, and both compared."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import orjson
import typer

from api.cli.commands import CommandError, progress_bar
from api.cli.options import DatabaseUrl, DataDir, Json, printed, settings
from api.cli.place import visited
from api.logs import configure
from api.settings import DEFAULT_ORIGIN
from ledger.store.book import Book
from ledger.store.database import READER, connect
from projections import progress
from projections.figures import agreement
from projections.figures.almost import AlmostPage, almost_counted
from projections.figures.asking import first_day, within_ledger
from projections.figures.behind import FactsPage, facts_behind
from projections.figures.catalogue import CATALOGUE, EVERY, Definition, definition_of
from projections.figures.compute import Figure, compute
from projections.figures.engines import PostgresEngine
from projections.figures.refusals import FigureRefusal

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
    known_at: Annotated[
        int | None, typer.Option(help="A position; left out: how far the read models are.")
    ] = None,
    by: By = None,
    view: View = "participating",
    cluster: Cluster = None,
    of: Of = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Compute a figure on the ledger. With --json its canonical bytes, whose digest is cited."""
    from api.requests import today

    _one_day(as_of, from_, to)
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
        definition, period_to = definition_of(figure), _day(as_of or to) or today()
        within_ledger(engine, period_to, position, today=today())
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


Known = Annotated[
    int | None,
    typer.Option("--known-at", help="A position; left out: how far the read models are."),
]
Cursor = Annotated[str | None, typer.Option(help="Where an earlier page ended: its `next`.")]
Limit = Annotated[int, typer.Option(min=1, max=1_000, help="Streams of facts a page.")]


@app.command("facts")
def facts(
    figure: Annotated[str, typer.Argument(help="An id, or id@version.")],
    from_: From = None,
    to: To = None,
    known_at: Known = None,
    view: View = "participating",
    cluster: Cluster = None,
    of: Of = None,
    cursor: Cursor = None,
    limit: Limit = 100,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """The facts behind a figure, page by page."""
    with _drilling(figure, to, known_at, data_dir, database_url) as (engine, asked):
        page = facts_behind(
            engine,
            **asked,
            period_from=_day(from_),
            view=view,
            cluster=cluster,
            of=of,
            after=cursor,
            limit=limit,
        )
    _page(list(msgspec.to_builtins(page.facts)), page, json=json)


@app.command("almost")
def almost(
    figure: Annotated[str, typer.Argument(help="An id, or id@version.")],
    from_: From = None,
    to: To = None,
    known_at: Known = None,
    cluster: Cluster = None,
    cursor: Cursor = None,
    limit: Limit = 100,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """What almost counted in a figure, and the rule that excluded it, page by page."""
    with _drilling(figure, to, known_at, data_dir, database_url) as (engine, asked):
        page = almost_counted(
            engine, **asked, period_from=_day(from_), cluster=cluster, after=cursor, limit=limit
        )
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
def _drilling(
    figure: str, to: datetime | None, known_at: int | None, data_dir: Any, database_url: Any
) -> Iterator[tuple[PostgresEngine, dict[str, Any]]]:
    """An engine on the ledger, and the definition, last day and position that are asked for."""
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
        period_to = _day(to) or today()
        within_ledger(engine, period_to, position, today=today())
        yield (
            engine,
            {"definition": definition_of(figure), "period_to": period_to, "known_at": position},
        )


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
            first, differences = None, 0
            with progress_bar("compare", len(asks), quiet=quiet) as bar:
                for one in agreement.compared(postgres, duck, asks):
                    differences += not one.equal
                    first = first or (None if one.equal else str(one))
                    bar.advance(1)
    return {
        "definitions": len(definitions),
        "periods": len(spans),
        "positions": len(known),
        "comparisons": len(asks),
        "differences": differences,
        "first_difference": first,
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
    from projections.recount.reading import Unreadable

    try:
        yield
    except FigureRefusal as refusal:
        allowed = f" Allowed: {', '.join(refusal.allowed)}." if refusal.allowed else ""
        raise CommandError(f"{refusal}{allowed}") from refusal
    except Unreadable as unreadable:
        raise CommandError(str(unreadable)) from unreadable
