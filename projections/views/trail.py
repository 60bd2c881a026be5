"""The trail: the facts themselves, filtered through the trail's index, read from the book."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
from msgspec import Struct
from psycopg import Connection

from ledger.domain.facts import AttendanceRecorded, AttendanceVoided, FactVoided
from ledger.domain.streams import Kind, stream_id
from ledger.store.codec import Leaf, decode_leaf, event_key, read_leaf
from projections.models.trail import USUAL, name_id

NEAR_FACTS: Final = 10_000
"""How far behind a fact its effects are looked for: as far as one batch reaches."""
EFFECTS_MAX: Final = 100

_SHARED: Final = (Kind.cluster, Kind.organisation)
"""Kinds of streams that concern everybody."""
VOIDING: Final = (FactVoided.topic, AttendanceVoided.topic)
"""Types of facts that void others."""
_ENTITIES: Final = (Kind.organisation, Kind.activity, Kind.project, Kind.person)
"""Kinds whose stream has one id as its key."""


class Filters(Struct, frozen=True):
    """Which facts. `after` and `before` are exclusive; None everywhere: no such filter.

    `clusters` are the codes that the asking is limited to.
    """

    positions: tuple[int, ...] | None = None
    topics: tuple[str, ...] | None = None
    stream: UUID | None = None
    entity: UUID | None = None
    actor: str | None = None
    cluster: str | None = None
    after: int = 0
    before: int | None = None
    clusters: tuple[str, ...] | None = None


class Found(NamedTuple):
    """One fact: the position, the stored leaf, its hash, the clusters it concerns."""

    position: int
    state: bytes
    leaf_hash: bytes
    clusters: tuple[str, ...]


class Voiding(NamedTuple):
    """The void of a fact."""

    position: int
    source: str
    id: str


def facts(
    conn: Connection[Any],
    space: UUID,
    filters: Filters,
    *,
    upto: int,
    newest_first: bool,
    limit: int,
) -> list[Found]:
    """Facts that match, none beyond position `upto`, at most `limit`, in order."""
    question = _Question(conn, space, filters, upto)
    turn = "DESC" if newest_first else "ASC"
    rows = conn.execute(
        f"""SELECT t.position, f.state, f.leaf_hash, n.name
        FROM (SELECT t.position, t.scope FROM {question.driver(turn)}
            WHERE {" AND ".join(question.conditions)}
            ORDER BY t.position {turn} LIMIT %(limit)s) AS t
        JOIN ledger.facts f ON f.notification_id = t.position
        JOIN models.trail_name n ON n.id = t.scope
        ORDER BY t.position {turn}""",  # noqa: S608 - composed of constants
        {**question.parameters, "limit": limit},
        # A plan for any filter would forget how few facts this one has.
        prepare=False,
        binary=True,
    )
    return [_found(row) for row in rows]


def _found(row: tuple[Any, ...]) -> Found:
    position, state, leaf_hash, scope = row
    return Found(position, state, leaf_hash, tuple(scope.split(",")) if scope else ())


class _Question:
    """The filters as SQL over `models.trail t`, and the index that finds the facts soonest."""

    def __init__(self, conn: Connection[Any], space: UUID, filters: Filters, upto: int) -> None:
        self._filters = filters
        last = upto if filters.before is None else min(upto, filters.before - 1)
        self.conditions = ["t.position > %(after)s", "t.position <= %(last)s"]
        self.parameters: dict[str, Any] = {"after": filters.after, "last": last}
        if filters.positions is not None:
            self._add("t.position = ANY(%(positions)s)", positions=list(filters.positions))
        self._rare = filters.topics is not None and AttendanceRecorded.topic not in filters.topics
        if self._rare:
            self._add(f"t.topic <> {USUAL}")  # or the index does not answer
        if filters.topics is not None:
            self._add("t.topic = ANY(%(topics)s)", topics=list(map(name_id, filters.topics)))
        if filters.actor is not None:
            self._add("t.actor = %(actor)s", actor=name_id(filters.actor))
        if filters.cluster is not None:
            self._add("t.scope = ANY(%(scopes)s)", scopes=_scopes(conn, [filters.cluster]))
        if filters.clusters is not None:
            self._add(
                "(t.scope = ANY(%(visible)s) OR t.kind = ANY(%(shared)s))",
                visible=_scopes(conn, filters.clusters),
                shared=list(map(int, _SHARED)),
            )
        if filters.stream is not None:
            self.parameters["stream"] = filters.stream
        if filters.entity is not None:
            own = [stream_id(space, kind, filters.entity) for kind in _ENTITIES]
            own += _attendances(conn, space, filters.entity)
            self.parameters |= {"entity": filters.entity, "own": [*own, filters.entity]}

    def _add(self, condition: str, **parameters: Any) -> None:
        self.conditions.append(condition)
        self.parameters |= parameters

    def driver(self, turn: str) -> str:
        """FROM: `models.trail t`, reached by the most selective way.

        A value of an index alone does not come in order of position; so each of several values is
        asked for its own first rows, which are few.
        """
        filters = self._filters
        if filters.stream is not None or filters.entity is not None:
            return f"({self._streams()}) AS s JOIN models.trail t ON t.position = s.position"
        if self._rare:
            return self._each("topics", "topic", turn)
        if filters.cluster is not None:
            return self._each("scopes", "scope", turn)
        return "models.trail t"

    def _each(self, parameter: str, column: str, turn: str) -> str:
        return f"""unnest(%({parameter})s::bigint[]) AS one (value) CROSS JOIN LATERAL (
            SELECT t.* FROM models.trail t
            WHERE t.{column} = one.value AND {" AND ".join(self.conditions)}
            ORDER BY t.position {turn} LIMIT %(limit)s) AS t"""  # noqa: S608 - constants

    def _streams(self) -> str:
        """Positions of the stream's facts, or of all streams that ever named the entity."""
        named = """SELECT unnest(streams) FROM ledger.mention WHERE entity = %(entity)s
            UNION SELECT unnest(%(own)s::uuid[])"""
        of = "f.originator_id = %(stream)s" if self._filters.stream is not None else "true"
        if self._filters.entity is not None:
            of += f" AND f.originator_id IN ({named})"
        return f"SELECT f.notification_id AS position FROM ledger.facts f WHERE {of}"  # noqa: S608 - constants


def _attendances(conn: Connection[Any], space: UUID, person_ref: UUID) -> list[UUID]:
    """The streams of a person's attendances: the book has no index of persons."""
    rows = conn.execute(
        "SELECT DISTINCT activity_id FROM models.attendance WHERE person_ref = %s", (person_ref,)
    )
    return [stream_id(space, Kind.attendance, activity, person_ref) for (activity,) in rows]


def _scopes(conn: Connection[Any], codes: Iterable[str]) -> list[int]:
    """The ids of the scopes that hold at least one of the clusters."""
    rows = conn.execute(
        "SELECT id FROM models.trail_name WHERE string_to_array(name, ',') && %s::text[]",
        (list(codes),),
    )
    return [scope for (scope,) in rows]


def at(
    conn: Connection[Any],
    space: UUID,
    positions: Sequence[int],
    clusters: tuple[str, ...] | None,
) -> list[Found]:
    """The facts at these positions, in order; left out are those that concern other clusters."""
    if not positions:
        return []
    only = Filters(positions=tuple(positions), clusters=clusters)
    last, most = max(positions), len(positions)
    return facts(conn, space, only, upto=last, newest_first=False, limit=most)


def voids(conn: Connection[Any], leaves: Sequence[Leaf], upto: int) -> dict[int, Voiding]:
    """Which of these facts were voided by position `upto`: `{position: its void}`."""
    rows = conn.execute(
        "SELECT state FROM ledger.facts WHERE originator_id = ANY(%s) AND topic = ANY(%s)"
        " AND notification_id <= %s ORDER BY notification_id",
        ([leaf.stream for leaf in leaves], list(VOIDING), upto),
        binary=True,
    )
    targets: dict[tuple[str, str], Voiding] = {}
    whole: dict[UUID, list[Voiding]] = {}
    for (state,) in rows:
        void = decode_leaf(state)
        by = Voiding(void.position, void.source, void.id)
        if isinstance(void.fact, FactVoided):
            source = void.fact.target_source or void.source
            targets.setdefault((source, void.fact.target), by)
        else:
            whole.setdefault(void.stream, []).append(by)
    found: dict[int, Voiding] = {}
    for leaf in leaves:
        if leaf.type in VOIDING:
            continue
        later = [v for v in whole.get(leaf.stream, ()) if v.position > leaf.position]
        named = targets.get((leaf.source, leaf.id))
        if by_whom := [*later, *([named] if named else [])]:
            found[leaf.position] = min(by_whom)
    return found


def causes(
    conn: Connection[Any], space: UUID, leaf: Leaf, clusters: tuple[str, ...] | None
) -> list[Found]:
    """The fact of the same source that this one names as its cause, if the ledger holds it."""
    if leaf.causation is None:
        return []
    rows = conn.execute(
        "SELECT notification_id FROM ledger.facts WHERE event_key = %s",
        (event_key(leaf.source, leaf.causation),),
    )
    return at(conn, space, [position for (position,) in rows], clusters)


def effects(
    conn: Connection[Any],
    space: UUID,
    leaf: Leaf,
    *,
    upto: int,
    clusters: tuple[str, ...] | None,
) -> list[Found]:
    """Facts of the same source that name this one as their cause, at most EFFECTS_MAX.

    Looked for in its own stream and among the NEAR_FACTS that follow: causes stand in no index.
    """
    rows = conn.execute(
        """SELECT f.state FROM (
            SELECT n.notification_id, n.state FROM ledger.facts n
            WHERE n.notification_id > %(position)s AND n.notification_id <= %(near)s
            UNION ALL
            SELECT s.notification_id, s.state FROM ledger.facts s
            WHERE s.originator_id = %(stream)s AND s.notification_id > %(near)s
        ) AS f
        WHERE f.notification_id <= %(upto)s AND position(%(written)s IN f.state) > 0
        ORDER BY f.notification_id LIMIT %(limit)s""",
        {
            "position": leaf.position,
            "near": leaf.position + NEAR_FACTS,
            "stream": leaf.stream,
            "upto": upto,
            "written": b'"causation":' + orjson.dumps(leaf.id),
            "limit": EFFECTS_MAX,
        },
        binary=True,
    )
    # The same bytes may stand in another fact's data: only the leaf itself tells.
    named = [read_leaf(state) for (state,) in rows]
    effects = [x.position for x in named if x.causation == leaf.id and x.source == leaf.source]
    return at(conn, space, effects, clusters)
