"""One figure: the facts behind it and what almost counted; its years cluster by cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import Struct
from psycopg import Connection

from api.kept_figures import FIGURES, Question
from api.pages.background import BACKGROUND, Tally
from api.pages.figure_clusters import ByCluster, by_cluster, is_by_cluster
from api.pages.once import Once
from api.pages.sheet import Ask, PageQuery, Sheet, page
from api.problems import Problem
from api.requests import day_of
from api.routes.figures import (
    READ,
    Seen,
    almost_as_seen,
    facts_as_seen,
    seen_by,
)
from api.routes.filing import refusing
from api.routes.trail import TRAIL_READ, limited_to
from api.web.language import Language, said
from api.web.tables import Names, key_name
from ledger.domain.streams import UNDATED, effective_day
from ledger.store.codec import decode_leaf
from projections.figures.almost import AlmostPage, almost_counted
from projections.figures.behind import FactsPage, facts_behind
from projections.figures.catalogue import NUMBERS, Definition, Text, definition_of
from projections.figures.engines import PostgresEngine
from projections.figures.refusals import FigureRefusal
from projections.reports.compute import KEYS, PARTS
from projections.views.base import Cut
from projections.views.names import (
    activity_titles,
    cluster_names,
    organisation_names,
    project_titles,
)

_STREAMS: Final = 50
"""A page's number of streams; each has one to a few facts."""


class FactsQuery(PageQuery, frozen=True, rename={"from_": "from"}):
    """Whose facts, as the API asks it; `to` left out is the page's day. With `by` and `key` those
    of one row of that table. `cursor` goes on in the facts, `almost` in what almost counted."""

    from_: str | None = None
    to: str | None = None
    cluster: str | None = None
    view: str = "participating"
    of: str | None = None
    by: str | None = None
    key: str | None = None
    cursor: str | None = None
    almost: str | None = None


class FactsOfFigure(Struct, frozen=True, rename={"from_": "from"}):
    """A figure's numbers, the facts they rest on, and what almost counted: a page of each."""

    definition: str
    from_: str | None
    to: str
    known_at: int
    cluster: str | None
    by: str | None
    key: str | None
    numbers: dict[str, int]
    facts: FactsPage
    almost: AlmostPage


async def facts(ask: Ask[FactsQuery]) -> Sheet:
    """The facts behind a figure, and what almost counted with the rule that excluded it."""
    asked = ask.asked
    definition = _definition(ask.request)
    question = Question(
        definition,
        day_of(asked.from_, "from") if asked.from_ else None,
        day_of(asked.to or None, "to", ask.cut.as_of),
        asked.by or None,
        asked.view,
        asked.cluster or None,
        asked.of or None,
        None,
    )
    seen = seen_by(ask.request, question.cluster)
    places = asked.key or None, asked.cursor, asked.almost
    key = (definition.name, *question[1:], ask.cut.known_at, *places)
    count = partial(ask.state.read, _behind, question, ask.cut.known_at, *places)
    figure, found = await refusing(
        asyncio.gather(
            ask.request.app[FIGURES].at(ask.state, question, ask.cut.known_at),
            ask.request.app[BEHIND].of(key, count),
        )
    )
    behind, almost = await ask.state.read(_as_seen, *found, seen)
    cut = Cut(question.period_to, ask.cut.known_at)
    about: dict[int, About] = {}
    if ask.authority.has(TRAIL_READ) and limited_to(ask.authority) is None:
        listed = [fact.position for fact in behind.items]
        listed += [fact.position for one in almost.items for fact in one.facts]
        about = await ask.state.read(_about, listed, cut)
    names = await ask.state.read(cluster_names, cut)
    return Sheet(
        title=Text(f"Fakten hinter: {definition.title.de}", f"Facts behind: {definition.title.en}"),
        template="figure_facts.html",
        data=FactsOfFigure(
            definition.name,
            None if question.period_from is None else question.period_from.isoformat(),
            question.period_to.isoformat(),
            ask.cut.known_at,
            question.cluster,
            question.by,
            asked.key or None,
            _numbers(definition, msgspec.json.decode(figure.body), asked.key or None),
            behind,
            almost,
        ),
        rows=behind.items,
        content={
            "question": question,
            "names": names,
            "parts_of": PARTS,
            "about": about,
            "row": _row(question.by, asked.key or None, ask.language, names),
        },
    )


def _numbers(definition: Definition, answer: dict[str, Any], key: str | None) -> dict[str, int]:
    """The figure's own, or a row's; a row that does not stand in the table counts nothing."""
    found = answer if key is None else next((r for r in answer["rows"] if r["key"] == key), {})
    return {part: found.get(part, 0) for part in NUMBERS[definition.measure]}


def _row(
    by: str | None, key: str | None, language: Language, names: Names
) -> tuple[str, str] | None:
    """What a row is called, and by what its table tells rows apart."""
    if by is None or key is None:
        return None
    return said(KEYS[by], language), key_name(by, key, language, names)


def _definition(request: web.Request) -> Definition:
    try:
        return definition_of(request.match_info["figure"])
    except FigureRefusal as refusal:
        raise Problem("not_found", str(refusal)) from refusal


Found = tuple[FactsPage, AlmostPage]

BEHIND: Final = web.AppKey("behind", Once[tuple[object, ...], Found])
"""What stands behind figures, the latest asked: at one position it is the same for ever."""
KEPT_MOST: Final = 256


def _behind(
    conn: Connection[Any],
    question: Question,
    position: int,
    key: str | None,
    cursor: str | None,
    almost: str | None,
) -> Found:
    engine = PostgresEngine(conn)
    whole = question.at(engine, position)
    return (
        facts_behind(engine, whole, key=key, after=cursor, limit=_STREAMS),
        almost_counted(engine, whole, key=key, after=almost, limit=_STREAMS),
    )


def _as_seen(conn: Connection[Any], behind: FactsPage, almost: AlmostPage, seen: Seen) -> Found:
    return facts_as_seen(conn, behind, seen), almost_as_seen(conn, almost, seen)


class About(Struct, frozen=True):
    """What a fact is about, in names, and the day from which it holds."""

    names: str
    day: date | None


def _about(conn: Connection[Any], positions: list[int], cut: Cut) -> dict[int, About]:
    """By position: the organisation, activity or project that a fact names, and the cluster."""
    rows = conn.execute(
        "SELECT state FROM ledger.facts WHERE notification_id = ANY(%s)", (positions,), binary=True
    ).fetchall()
    entries = [decode_leaf(bytes(state)) for (state,) in rows]
    called: dict[str, Mapping[Any, str]] = {
        field: names(conn, cut, {i for e in entries if (i := getattr(e.fact, field, None))})
        for field, names in _NAMES.items()
    }
    called["cluster"] = cluster_names(conn, cut)
    return {
        entry.position: About(
            ", ".join(
                names[i]
                for field, names in called.items()
                if (i := getattr(entry.fact, field, None)) in names
            ),
            None if (day := effective_day(entry.fact)) == UNDATED else day,
        )
        for entry in entries
    }


_NAMES: Final[Mapping[str, Callable[..., Mapping[Any, str]]]] = {
    "activity_id": activity_titles,
    "project_id": project_titles,
    "organisation_id": organisation_names,
}


async def clusters(ask: Ask[PageQuery]) -> Sheet:
    """A figure's years, cluster by cluster on one scale, and the table of both."""
    definition = _definition(ask.request)
    if not is_by_cluster(definition):
        raise Problem("not_found", f"{definition.name} is not counted by year and cluster.")
    title = Text(
        f"{definition.title.de} nach Jahren und Clustern",
        f"{definition.title.en} by year and cluster",
    )

    async def count(tally: Tally) -> ByCluster:
        return await refusing(ask.state.count(by_cluster, definition, ask.cut, tally.tell))

    key, known_at = ("by_cluster", definition.name, ask.cut), ask.cut.known_at
    found = await ask.request.app[BACKGROUND].of(ask, title, key, count, at=known_at)
    return Sheet(
        title=title,
        template="figure_clusters.html",
        data=found.table,
        rows=found.values,
        content={"definition": definition, "drawn": found.drawn[ask.language], "kept": found.kept},
    )


ROUTES: Final = (
    page("/figures/{figure:[^/.]+}/facts", facts, "The facts behind a figure", scope=READ,
         asked=FactsQuery),
    page("/figures/{figure:[^/.]+}/clusters", clusters, "A figure by year and cluster",
         scope=READ),
)  # fmt: skip
