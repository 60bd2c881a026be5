"""One figure: the facts behind it and what almost counted; its years cluster by cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import Struct
from psycopg import Connection

from api.kept_figures import FIGURES, Question
from api.pages.figure_clusters import ByCluster, by_cluster, is_by_cluster
from api.pages.once import Once
from api.pages.sheet import Ask, PageQuery, Sheet, page
from api.problems import Problem
from api.requests import day_of, today
from api.routes.figures import (
    READ,
    Seen,
    almost_as_seen,
    facts_as_seen,
    of_refusal,
    seen_by,
)
from api.routes.trail import TRAIL_READ, limited_to
from ledger.domain.streams import UNDATED, effective_day
from ledger.store.codec import decode_leaf
from projections.figures.almost import AlmostPage, almost_counted
from projections.figures.asking import within_ledger
from projections.figures.behind import FactsPage, facts_behind
from projections.figures.catalogue import NUMBERS, Definition, Text, definition_of
from projections.figures.engines import PostgresEngine
from projections.figures.refusals import FigureRefusal
from projections.reports.compute import PARTS
from projections.views.base import Cut
from projections.views.names import (
    activity_titles,
    cluster_names,
    organisation_names,
    project_titles,
)

_STREAMS: Final = 50
"""A page's number of streams; each has one to a few facts."""
KEPT_MOST: Final = 64


class FactsQuery(PageQuery, frozen=True, rename={"from_": "from"}):
    """Whose facts, as the API asks it; `to` left out is the page's day. `cursor` goes on in the
    facts, `almost` in what almost counted."""

    from_: str | None = None
    to: str | None = None
    cluster: str | None = None
    view: str = "participating"
    of: str | None = None
    cursor: str | None = None
    almost: str | None = None


class FactsOfFigure(Struct, frozen=True, rename={"from_": "from"}):
    """A figure's numbers, the facts they rest on, and what almost counted: a page of each."""

    definition: str
    from_: str | None
    to: str
    known_at: int
    cluster: str | None
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
        None,
        asked.view,
        asked.cluster or None,
        asked.of or None,
        None,
    )
    try:
        answered = await ask.request.app[FIGURES].at(ask.state, question, ask.cut.known_at)
        seen = seen_by(ask.request, question.cluster)
        behind, almost = await ask.state.read(_behind, question, ask.cut.known_at, asked, seen)
    except FigureRefusal as refusal:
        raise of_refusal(refusal) from refusal
    answer = msgspec.json.decode(answered.body)
    cut = Cut(question.period_to, ask.cut.known_at)
    about: dict[int, About] = {}
    if ask.authority.has(TRAIL_READ) and limited_to(ask.authority) is None:
        listed = [fact.position for fact in behind.facts]
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
            {part: answer[part] for part in NUMBERS[definition.measure]},
            behind,
            almost,
        ),
        rows=behind.facts,
        content={"question": question, "names": names, "parts_of": PARTS, "about": about},
    )


def _definition(request: web.Request) -> Definition:
    try:
        return definition_of(request.match_info["figure"])
    except FigureRefusal as refusal:
        raise Problem("not_found", str(refusal)) from refusal


def _behind(
    conn: Connection[Any], question: Question, position: int, asked: FactsQuery, seen: Seen
) -> tuple[FactsPage, AlmostPage]:
    engine = PostgresEngine(conn)
    within_ledger(engine, question.period_to, position, today=today())
    behind = facts_behind(
        engine,
        question.definition,
        period_from=question.period_from,
        period_to=question.period_to,
        known_at=position,
        view=question.view,
        cluster=question.cluster,
        of=question.of,
        after=asked.cursor,
        limit=_STREAMS,
    )
    almost = almost_counted(
        engine,
        question.definition,
        period_from=question.period_from,
        period_to=question.period_to,
        known_at=position,
        view=question.view,
        cluster=question.cluster,
        of=question.of,
        after=asked.almost,
        limit=_STREAMS,
    )
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


class FigureClusters:
    """Figures by year and cluster, the latest asked. Lives in the event loop."""

    def __init__(self) -> None:
        self._kept: Once[tuple[str, Cut], ByCluster] = Once(KEPT_MOST)

    async def of(self, ask: Ask[Any], definition: Definition) -> ByCluster:
        """The years up to the day. Raises FigureRefusal, Problem `unavailable`."""
        count = partial(ask.state.read, by_cluster, definition, ask.cut)
        return await self._kept.of((definition.name, ask.cut), count)


FIGURE_CLUSTERS: Final = web.AppKey("figure_clusters", FigureClusters)


async def clusters(ask: Ask[PageQuery]) -> Sheet:
    """A figure's years, cluster by cluster on one scale, and the table of both."""
    definition = _definition(ask.request)
    if not is_by_cluster(definition):
        raise Problem("not_found", f"{definition.name} is not counted by year and cluster.")
    try:
        found = await ask.request.app[FIGURE_CLUSTERS].of(ask, definition)
    except FigureRefusal as refusal:
        raise of_refusal(refusal) from refusal
    title = definition.title
    return Sheet(
        title=Text(f"{title.de} nach Jahren und Clustern", f"{title.en} by year and cluster"),
        template="figure_clusters.html",
        data=found.table,
        content={"definition": definition, "drawn": found.drawn[ask.language]},
    )


ROUTES: Final = (
    page("/figures/{figure:[^/.]+}/facts", facts, "The facts behind a figure", scope=READ,
         asked=FactsQuery),
    page("/figures/{figure:[^/.]+}/clusters", clusters, "A figure by year and cluster",
         scope=READ),
)  # fmt: skip
