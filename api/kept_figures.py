"""Figures that were answered, kept by question and position: below a position nothing changes."""

import asyncio
import time
from collections import OrderedDict, defaultdict
from contextlib import nullcontext
from datetime import date
from hashlib import sha256
from typing import Any, Final, NamedTuple

import msgspec
from aiohttp import web
from psycopg import Connection

from api.requests import today
from api.state import State
from projections.figures import asking
from projections.figures.catalogue import Definition
from projections.figures.compute import Figure, Period, compute
from projections.figures.engines import Engine, PostgresEngine
from projections.figures.overview import complete_years
from projections.figures.public import public_answer
from projections.figures.together import Together

KEPT_ANSWERS_MAX: Final = 5_000
PUBLIC_AT_ONCE: Final = 2
"""Figures that are counted for the public at the same time: half of the readers stay free."""


class Question(NamedTuple):
    """What is asked, apart from the position. `public` are the whole years that the public sees,
    for whoever asks without a key; None with one."""

    definition: Definition
    period_from: date | None
    period_to: date
    by: str | None
    view: str
    cluster: str | None
    of: str | None
    public: Period | None

    def at(self, engine: Engine, position: int) -> asking.Question:
        """The question at a position, checked. Raises a FigureRefusal, also for a period outside
        the ledger."""
        asking.within_ledger(engine, self.period_to, position, today=today())
        asked = self._asdict()
        del asked["public"]
        definition = asked.pop("definition")
        return asking.checked(engine, definition, known_at=position, **asked)


class Page(NamedTuple):
    """An answer as it is sent; it never changes."""

    body: bytes
    etag: str
    position: int


class Figures:
    """Answers kept by question and position. Lives in the event loop."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Any, ...], Page] = OrderedDict()
        self._locks: defaultdict[tuple[Any, ...], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._latest: dict[tuple[Any, ...], tuple[float, Page]] = {}
        self._public = asyncio.Semaphore(PUBLIC_AT_ONCE)
        self._years: tuple[int, date, Period | None] = (-1, date.min, None)

    async def years(self, state: State) -> Period | None:
        """The whole years that the public sees; None where none is over."""
        position, day = state.progress.position, today()
        if self._years[:2] != (position, day):
            async with self._public:
                if self._years[:2] != (position, day):
                    found = await state.read(_years, position, day)
                    self._years = (position, day, found)
        return self._years[2]

    async def at(self, state: State, question: Question, position: int) -> Page:
        """The figure as known at a position."""
        key = _key(question)
        page = self._kept.get((*key, position))
        if page is None:
            async with self._public if question.public else nullcontext():
                page = await state.count(_computed, question, position)
            self._keep(key, page)
        return page

    async def at_head(self, state: State, question: Question) -> Page:
        """The figure as far as the read models are: one computation serves all who wait for it."""
        key = _key(question)
        page = self._kept.get((*key, state.progress.position))
        if page is not None:
            return page
        arrived = time.monotonic()
        async with self._locks[key]:
            latest = self._latest.get(key)
            if latest is not None and latest[0] >= arrived:
                return latest[1]
            began = time.monotonic()
            page = await self.at(state, question, state.progress.position)
            self._latest[key] = (began, page)
        if len(self._locks) > KEPT_ANSWERS_MAX:
            self._locks.clear()
            self._latest.clear()
        return page

    def _keep(self, key: tuple[Any, ...], page: Page) -> None:
        self._kept[(*key, page.position)] = page
        if len(self._kept) > KEPT_ANSWERS_MAX:
            self._kept.popitem(last=False)


FIGURES: Final = web.AppKey("figures", Figures)


def _key(question: Question) -> tuple[Any, ...]:
    return (question.definition.name, *question[1:])


def _years(conn: Connection[Any], position: int, day: date) -> Period | None:
    return complete_years(PostgresEngine(conn), known_at=position, today=day)


def _computed(engine: Together, question: Question, position: int) -> Page:
    asking.within_ledger(engine, question.period_to, position, today=today())
    figure = compute(
        engine,
        question.definition,
        period_from=question.period_from,
        period_to=question.period_to,
        known_at=position,
        by=question.by,
        view=question.view,
        cluster=question.cluster,
        of=question.of,
    )
    if question.public is None:
        answer = msgspec.to_builtins(figure) | {"digest": figure.digest}
    else:
        answer = public_answer(figure, _years_of(engine, question, position))
    body = msgspec.json.encode(answer | {"links": _links(question, position)})
    # Of the body, not of the figure: whoever tries numbers would find what its digest withholds.
    return Page(body, f'"{sha256(body).hexdigest()[:32]}"', position)


def _years_of(engine: Together, question: Question, position: int) -> Figure | None:
    """The public's table by year of which a single year is a row; None where none was asked for."""
    years = question.public
    if years is None or question.by is not None or question.period_from is None:
        return None
    return compute(
        engine,
        question.definition,
        period_from=years.from_day,
        period_to=years.to_day,
        known_at=position,
        by="year",
        of=question.of,
    )


def _links(question: Question, position: int) -> dict[str, Any]:
    """`beside`: figures without which this one should not be shown."""
    links: dict[str, Any] = {"definition": "/v1/figures"}
    if question.public is None:
        links["facts"] = _facts_link(question, position)
    if question.definition.beside:
        links["beside"] = [f"/v1/figures/{id_}" for id_ in question.definition.beside]
    return links


def _facts_link(question: Question, position: int) -> str:
    parts = [f"to={question.period_to}", f"known_at={position}"]
    if question.period_from is not None:
        parts.insert(0, f"from={question.period_from}")
    if question.cluster is not None:
        parts += [f"cluster={question.cluster}", f"view={question.view}"]
    if question.of is not None:
        parts.append(f"of={question.of}")
    return f"/v1/figures/{question.definition.name}/facts?" + "&".join(parts)
