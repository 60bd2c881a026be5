"""Lists on pages: filters from the URL, a page at a time, and how many there are in all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from types import GenericAlias
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct
from psycopg import Connection

from api.answers import Cursor, question_of, read_cursor
from api.pages.sheet import Ask, PageQuery
from api.problems import Problem
from api.routes.trail import covering, limited_to
from api.web.words import CODES
from projections.figures.catalogue import Text
from projections.views.base import Cut, Listed, View, counted, listed

T = TypeVar("T", bound=Struct)
PAGE_ITEMS: Final = 50
PIECE_ITEMS: Final = 1_000
"""How many rows of a CSV are read at once."""


class ListQuery(PageQuery, frozen=True):
    """A page of a list: `cursor` is where the page before ended."""

    q: str | None = None
    cursor: str | None = None


class Paged(Struct, Generic[T], frozen=True):
    """A page of a list: how many items the whole list has, and the cursor of the next page."""

    items: list[T]
    total: int
    next: str | None


class Choice(Struct, frozen=True):
    """A filter with its choices: the parameter's name, its label, the codes and their words."""

    name: str
    label: Text
    options: tuple[tuple[str, Text], ...]


def choice(name: str, label: Text, *codes: str) -> Choice:
    """A filter by codes of the vocabulary."""
    return Choice(name, label, tuple((code, CODES[code]) for code in codes))


def by_cluster(label: Text, names: Mapping[str, str]) -> Choice:
    """A filter by cluster; `names` by code."""
    options = sorted((name, code) for code, name in names.items())
    return Choice("cluster", label, tuple((code, Text(name, name)) for name, code in options))


async def paged(ask: Ask[Any], view: View[T], filters: Mapping[str, Any]) -> Paged[T]:
    """The page that is asked for. Raises Problem for a cursor of another list."""
    given = _given(ask, view, filters)
    question = question_of(ask.request, "cursor", "as_of", "known_at")
    after = None
    if ask.asked.cursor:
        place = GenericAlias(tuple, tuple(view.order.values()))
        after = read_cursor(ask.asked.cursor, place, question).after
    clusters = limited_to(ask.authority)
    total, found = await ask.state.read(_read, view, ask.cut, given, clusters, after)
    following = None
    if found.after is not None:
        following = Cursor(question, f"{ask.cut.as_of}/{ask.cut.known_at}", found.after).text()
    return Paged(found.items, total, following)


async def every(ask: Ask[Any], view: View[T], filters: Mapping[str, Any]) -> AsyncIterator[list[T]]:
    """The whole list, a piece at a time, all of it at the page's cut. Raises Problem."""
    given, clusters, after = _given(ask, view, filters), limited_to(ask.authority), None
    while True:
        found = await ask.state.read(_piece, view, ask.cut, given, clusters, after)
        yield found.items
        after = found.after
        if after is None:
            return


def _given(ask: Ask[Any], view: View[T], filters: Mapping[str, Any]) -> dict[str, Any]:
    """The filters that are set. Raises Problem for one that this key does not cover."""
    given = {name: value for name, value in filters.items() if value not in {None, ""}}
    if view.covered is not None:
        covering(ask.authority, given.get("cluster"))
    return given


def _piece(
    conn: Connection[Any],
    view: View[T],
    cut: Cut,
    filters: Mapping[str, Any],
    clusters: tuple[str, ...] | None,
    after: Any,
) -> Listed[T]:
    return listed(conn, view, cut, filters, clusters=clusters, after=after, limit=PIECE_ITEMS)


def _read(
    conn: Connection[Any],
    view: View[T],
    cut: Cut,
    filters: Mapping[str, Any],
    clusters: tuple[str, ...] | None,
    after: Any,
) -> tuple[int, Listed[T]]:
    total = counted(conn, view, cut, filters, clusters=clusters)
    page = listed(conn, view, cut, filters, clusters=clusters, after=after, limit=PAGE_ITEMS)
    return total, page


def choice_of(value: str | None, choices: Choice) -> str | None:
    """A filter's value; raises Problem `invalid_parameter` for one that is no choice."""
    if not value:
        return None
    codes = [code for code, _ in choices.options]
    if value not in codes:
        raise Problem("invalid_parameter", f"{choices.name} is one of {', '.join(codes)}.")
    return value
