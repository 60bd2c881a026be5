"""The facts behind a figure: from a number down to positions of the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec

from ledger.domain.history import Entry, standing
from ledger.domain.streams import Kind, namespace, stream_id
from ledger.store.codec import decode_leaf
from projections.figures.asking import Question
from projections.figures.catalogue import Definition
from projections.figures.cell import cell
from projections.figures.engines import PostgresEngine
from projections.figures.refusals import InvalidCursor
from projections.views.lateness import day_of

if TYPE_CHECKING:
    import psycopg

Key = tuple[int, UUID, str]
"""Kind and key of a stream: what is left out of the key is ''."""

_BEGINNING: Final[Key] = (0, UUID(int=0), "")


class FactBehind(msgspec.Struct, frozen=True, kw_only=True):
    """One standing fact that the figure rests on. `stream_kind` and `stream` tell whose it is."""

    position: int
    type: str
    stream_kind: str
    stream: UUID
    recorded_at: str


class FactsPage(msgspec.Struct, frozen=True):
    """Some of the facts, and the cursor for more of them; None after the last ones."""

    items: tuple[FactBehind, ...]
    next: str | None


def facts_behind(
    engine: PostgresEngine,
    question: Question,
    *,
    key: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> FactsPage:
    """The standing facts that make a figure, or one cell of it (`key` of the table that the
    question asks for), page by page.

    Listed are the streams the figure counts (the organisations' memberships, attendances,
    enrolments; the activities; the projects), in order of kind and key, and of each its facts that
    stand at `known_at`, have one of the types the definition names (`facts`), and whose day is not
    behind the last one of the cell. What changes a membership, what is voided, and the facts about
    identities and classes are in the streams' own histories. `limit` is the number of streams a
    page; each has one to a few facts. Raises a FigureRefusal.
    """
    definition, known_at = question.definition, question.known_at
    kind, first_key, second_key = _BEGINNING if after is None else _parsed(after)
    asked = cell(engine, question, key)
    parameters = asked.parameters | {
        "kind": kind,
        "first_key": first_key,
        "second_key": second_key,
        "streams": limit + 1,
    }
    keys: list[Key] = [(k, a, b) for k, a, b in engine.rows(definition.facts_sql, parameters)]
    page = keys[:limit]
    facts = tuple(_facts(engine, definition, page, upto=asked.last_day, known_at=known_at))
    return FactsPage(facts, _cursor(page[-1]) if len(keys) > limit else None)


def _cursor(key: Key) -> str:
    return f"{key[0]}/{key[1]}/{key[2]}"


def _parsed(cursor: str) -> Key:
    """Raises InvalidCursor."""
    kind, _, rest = cursor.partition("/")
    first, _, second = rest.partition("/")
    try:
        return int(Kind(int(kind))), UUID(first), second
    except ValueError as error:
        raise InvalidCursor(after=cursor[:100]) from error


def _facts(
    engine: PostgresEngine,
    definition: Definition,
    keys: Sequence[Key],
    *,
    upto: date,
    known_at: int,
) -> Iterator[FactBehind]:
    """The facts of these streams, in the streams' order, each in the order of its fold."""
    space = namespace(engine.origin)
    kinds = {stream_of(space, key): Kind(key[0]) for key in keys}
    entries = histories(engine.conn, list(kinds), known_at)
    for stream, kind in kinds.items():
        for entry in standing(entries.get(stream, [])):
            if entry.fact.topic in definition.facts and day_of(entry.fact) <= upto:
                yield FactBehind(
                    position=entry.position,
                    type=entry.fact.topic,
                    stream_kind=kind.name,
                    stream=stream,
                    recorded_at=entry.recorded_at,
                )


def stream_of(space: UUID, key: Key) -> UUID:
    """A cluster's stream is named by its code alone."""
    kind, first, second = Kind(key[0]), key[1], key[2]
    if kind is Kind.cluster:
        return stream_id(space, kind, second)
    return stream_id(space, kind, first, *([second] if second else []))


def histories(
    conn: psycopg.Connection[Any], streams: list[UUID], known_at: int
) -> dict[UUID, list[Entry]]:
    """Entries by stream, in version order, up to a position."""
    rows = conn.execute(
        """SELECT originator_id, state FROM ledger.facts
        WHERE originator_id = ANY(%s) AND notification_id <= %s
        ORDER BY originator_id, originator_version""",
        (streams, known_at),
        binary=True,
    ).fetchall()
    return {
        stream: [decode_leaf(bytes(state)) for _, state in group]
        for stream, group in groupby(rows, key=lambda row: row[0])
    }
