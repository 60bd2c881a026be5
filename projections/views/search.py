"""Search: clusters, organisations, activities and projects by what people call them.

Case, accents and umlauts don't matter. An organisation is also found by a name it bore before, and
by an identifier. Where nothing contains the words, names that resemble them are offered.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from msgspec import Struct
from psycopg import Connection
from psycopg.rows import class_row

from projections.views.base import Cut, known, part_of

HITS_MAX: Final = 20


class Hit(Struct, frozen=True):
    """Something found. `key` is a cluster's code or an id; `found` what matched, where that is not
    the name it bears: a former name, an identifier."""

    kind: str
    key: str
    name: str
    found: str | None
    day: date | None
    """The day an activity was held on or begins, or a project began."""


class Found(Struct, frozen=True):
    """The best hits, best first. `resembling`: nothing contains the words; these come near. `more`:
    there are others beyond these."""

    hits: tuple[Hit, ...]
    resembling: bool
    more: bool


# Where the words begin the name, then where they begin a word, then shorter names first.
_RANK: Final = """
    CASE WHEN starts_with(ledger.folded(found), ledger.folded(%(q)s)) THEN 0
        WHEN ledger.folded(found) LIKE '%% ' || ledger.folded(%(q)s) || '%%' THEN 1 ELSE 2 END,
    length(found), name COLLATE "C", key"""


def _current(condition: str, *, valid: bool) -> str:
    day = " AND t.valid_from <= %(as_of)s AND %(as_of)s < t.valid_to" if valid else ""
    return f"{known('t')}{day} AND {condition}"


_COVERED: Final = {"activity": "organisers", "project": "clusters"}


def _covered(kind: str) -> str:
    """A condition: `t` is shared by all, or of a cluster that the asking is limited to."""
    column = _COVERED.get(kind)
    if column is None:
        return "true"
    return f"(%(clusters)s::text[] IS NULL OR t.{column} && %(clusters)s::text[])"


def _statement(matches: str, rank: str) -> str:
    """Hits of every kind; `matches` has the place `{}` for the column."""

    def ranked(hits: str) -> str:
        return f"(SELECT * FROM ({hits}) AS hit ORDER BY {rank} LIMIT %(limit)s)"  # noqa: S608 - constants

    def one(kind: str, key: str, name: str, day: str, *, valid: bool) -> str:
        condition = _current(matches.format("t." + name), valid=valid)
        return ranked(
            f"""SELECT '{kind}' AS kind, t.{key}::text AS key, t.{name} AS name,
                t.{name} AS found, {day} AS day FROM models.{kind} t
                WHERE {condition} AND {_covered(kind)}"""  # noqa: S608 - constants
        )

    # By every name it ever bore, shown under the one of the day.
    organisation = ranked(
        f"""SELECT 'organisation' AS kind, t.organisation_id::text AS key,
                coalesce((SELECT now.name FROM models.organisation now
                    WHERE now.organisation_id = t.organisation_id AND {known("now")}
                        AND now.valid_from <= %(as_of)s
                    ORDER BY now.valid_from DESC LIMIT 1), t.name) AS name,
                t.name AS found, NULL::date AS day
            FROM (SELECT DISTINCT organisation_id, name FROM models.organisation t
                WHERE {_current(matches.format("t.name"), valid=False)}) AS t"""  # noqa: S608 - constants
    )
    parts = (
        one("cluster", "cluster", "name", "NULL::date", valid=True),
        organisation,
        one("activity", "activity_id", "title", "coalesce(t.held_on, t.starts_on)", valid=False),
        one("project", "project_id", "title", "t.started_on", valid=True),
    )
    return f"""SELECT kind, key, name, nullif(found, name) AS found, day
        FROM ({" UNION ALL ".join(parts)}) AS hit ORDER BY {rank} LIMIT %(limit)s"""  # noqa: S608 - constants


_CONTAINING: Final = _statement(part_of("{}"), _RANK)
_RESEMBLING: Final = _statement(
    "ledger.folded(%(q)s) <%% ledger.folded({})",
    'word_similarity(ledger.folded(%(q)s), ledger.folded(found)) DESC, name COLLATE "C", key',
)
# Under the name of the day, or the nearest one before it, or after.
_FIRST: Final = "t.valid_from <= %(as_of)s DESC, abs(t.valid_from - %(as_of)s)"
_IDENTIFIED: Final = f"""
    SELECT DISTINCT ON (t.organisation_id) 'organisation' AS kind, t.organisation_id::text AS key,
        coalesce(t.name, '') AS name, identifier AS found, NULL::date AS day
    FROM models.organisation t CROSS JOIN LATERAL unnest(t.identifiers) AS identifier
    WHERE {known("t")} AND (lower(identifier) = lower(%(q)s)
        OR lower(substr(identifier, strpos(identifier, ':') + 1)) = lower(%(q)s))
    ORDER BY t.organisation_id, {_FIRST}
    LIMIT %(limit)s"""  # noqa: S608 - constants


def _with_id(kind: str, name: str, order: str) -> str:
    return f"""(SELECT '{kind}' AS kind, t.{kind}_id::text AS key, coalesce(t.{name}, '') AS name,
            t.{kind}_id::text AS found, NULL::date AS day
        FROM models.{kind} t
        WHERE {known("t")} AND t.{kind}_id = %(id)s AND {_covered(kind)} {order} LIMIT 1)"""  # noqa: S608 - constants


_NAMED: Final = " UNION ALL ".join(
    (
        _with_id("organisation", "name", f"ORDER BY {_FIRST}"),
        _with_id("activity", "title", ""),
        _with_id("project", "title", ""),
    )
)


def search(
    conn: Connection[Any],
    cut: Cut,
    q: str,
    *,
    clusters: Sequence[str] | None,
    limit: int = HITS_MAX,
) -> Found:
    """What the words name, at the cut. `clusters` limits activities and projects to those covered.

    An id finds what it names.
    """
    words = q.strip()
    if not words:
        return Found((), resembling=False, more=False)
    parameters = {
        **cut._asdict(),
        "q": words,
        "id": _id(words),
        "limit": limit + 1,
        "clusters": None if clusters is None else list(clusters),
    }
    if parameters["id"] is not None:
        return _found(_asked(conn, _NAMED, parameters), limit, resembling=False)
    hits = [*_asked(conn, _IDENTIFIED, parameters), *_asked(conn, _CONTAINING, parameters)]
    if hits:
        return _found(hits, limit, resembling=False)
    return _found(_asked(conn, _RESEMBLING, parameters), limit, resembling=True)


def _id(words: str) -> UUID | None:
    try:
        return UUID(words)
    except ValueError:
        return None


def _found(hits: list[Hit], limit: int, *, resembling: bool) -> Found:
    return Found(tuple(hits[:limit]), resembling=resembling and bool(hits), more=len(hits) > limit)


def _asked(conn: Connection[Any], query: str, parameters: dict[str, Any]) -> list[Hit]:
    with conn.cursor(row_factory=class_row(Hit)) as curs:
        return curs.execute(query, parameters, prepare=False).fetchall()
