"""Every fact a row of the table `leaf`, and which of them are for the reducer.

Six facts of seven say that a person registered for an activity, was there, or first the one and
then the other. What they amount to is plain, if nothing else was ever said of this person there.
That is told of a share of all streams at a time, the view `share`; its streams that are not plain
are the table `reducible`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from projections.recount.database import Database, Shape, from_json, lines_in
from projections.recount.lines import Stretch, Unreadable
from projections.recount.reducer import STILL, TYPES

KEYS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "cluster": ("cluster", ("cluster",)),
    "organisation": ("organisation", ("organisation_id",)),
    "membership": ("membership", ("organisation_id", "cluster")),
    "activity": ("activity", ("activity_id",)),
    "headcount": ("activity", ("activity_id",)),
    "attendance_list": ("activity", ("activity_id",)),
    "attendance": ("attendance", ("activity_id", "person_ref")),
    "project": ("project", ("project_id",)),
    "enrolment": ("enrolment", ("project_id", "organisation_id")),
    "person": ("person", ("person_ref",)),
}
"""By the first word of a fact's type: the kind of its subject, and what names the subject. Facts of
other words are counted nowhere."""

_DATA: Final = {
    **dict.fromkeys(("activity_id", "organisation_id", "person_ref", "project_id"), "UUID"),
    **dict.fromkeys(("cluster", "reason"), "VARCHAR"),
    **dict.fromkeys(("effective_on", "last_day", "period_from", "period_to"), "DATE"),
}
_TEXTS: Final = ("type", "source", "id", "actor")

_TABLE: Final = f"""CREATE TABLE leaf (
    position BIGINT, {", ".join(f"{name} VARCHAR" for name in _TEXTS)},
    stream UUID, recorded_on DATE, data VARCHAR,
    {", ".join(f"{name} {type}" for name, type in _DATA.items())})"""

_LINE: Final[Shape] = {
    "position": "BIGINT",
    **dict.fromkeys((*_TEXTS, "stream", "recorded_at"), "VARCHAR"),
    "data": dict.fromkeys(_DATA, "VARCHAR"),
}
"""As text, of which the table makes what it has, or an error: of what is nothing of the kind, JSON
makes no value at all."""

_PLAIN: Final = "type IN ('attendance.recorded.v1', 'attendance.registered.v1')"

_NOT_NEXT: Final = """SELECT before, position FROM (
    SELECT position, lag(position, 1, 0) OVER (ORDER BY position) AS before FROM leaf)
WHERE position IS DISTINCT FROM before + 1 ORDER BY before LIMIT 1"""

_UNKNOWN: Final = """SELECT type, position FROM leaf
WHERE type IS NULL OR NOT list_contains($types, type) ORDER BY position LIMIT 1"""

_SUBJECT: Final = " ".join(
    f"WHEN '{word}' THEN concat_ws('/', '{kind}', {', '.join(names)})"
    for word, (kind, names) in KEYS.items()
)
# RFC 9562, section 5.5: of the hash's 128 bits four are the version's, two the variant's.
_OF_THE_HASH: Final = (1 << 128) - 1 - (0xF << 76 | 0b11 << 62)
_VERSION_5: Final = 5 << 76 | 0b10 << 62
_STRANGE: Final = f"""SELECT min(position) FROM (
    SELECT position, CAST(stream AS UHUGEINT) AS stream, sha1(unhex($space) || encode(
        CASE split_part(type, '.', 1) {_SUBJECT} END)) AS hash
    FROM leaf WHERE list_contains($words, split_part(type, '.', 1)))
WHERE stream IS DISTINCT FROM CAST(CAST(hash[:32] AS UUID) AS UHUGEINT)
    & CAST('{_OF_THE_HASH}' AS UHUGEINT) | CAST('{_VERSION_5}' AS UHUGEINT)"""  # noqa: S608 - ours

SHARE_FACTS: Final = 2_000_000
"""Streams are told apart a share at a time, with about so many facts: what that takes of memory
must not grow with the ledger."""


def shares_of(facts: int) -> int:
    """How many shares so many facts are told apart in."""
    return max(-(-facts // SHARE_FACTS), 1)


_REDUCIBLE: Final = f"""CREATE OR REPLACE TABLE reducible AS
SELECT stream FROM share GROUP BY stream HAVING count(*) > 1 OR NOT any_value({_PLAIN})"""  # noqa: S608

_PAIR: Final = """CREATE OR REPLACE TABLE pair AS
SELECT max(position) FILTER (type = 'attendance.registered.v1') AS registered,
    max(position) FILTER (type = 'attendance.recorded.v1') AS recorded, stream
FROM share SEMI JOIN reducible USING (stream)
GROUP BY stream HAVING count(*) = 2 AND registered < recorded"""

_ATTENDANCES: Final = f"""INSERT INTO models.attendance
SELECT activity_id, person_ref, organisation_id, type = 'attendance.registered.v1',
    type = 'attendance.recorded.v1', position, {STILL}
FROM share ANTI JOIN reducible USING (stream)"""  # noqa: S608 - a number of this package

_ATTENDANCES_OF_PAIRS: Final = f"""INSERT INTO models.attendance
SELECT one.activity_id, one.person_ref, one.organisation_id, true, false, registered, recorded
FROM pair JOIN share AS one ON one.position = registered
UNION ALL
SELECT one.activity_id, one.person_ref, coalesce(two.organisation_id, one.organisation_id),
    true, true, recorded, {STILL}
FROM pair
JOIN share AS one ON one.position = registered
JOIN share AS two ON two.position = recorded"""  # noqa: S608 - a number of this package

_NOT_PAIRS: Final = "DELETE FROM reducible WHERE stream IN (SELECT stream FROM pair)"

_REDUCED: Final = """SELECT CAST(stream AS VARCHAR), json_array(position, stream, type, source, id,
    CAST(coalesce(data, json_object('activity_id', activity_id, 'person_ref', person_ref,
        'organisation_id', organisation_id)) AS JSON))
FROM share SEMI JOIN reducible USING (stream)"""

_SHARE: Final = "CREATE OR REPLACE VIEW share AS SELECT * FROM leaf"


def _rows_of(lines: Path) -> str:
    """The statement that adds them. All that a plain fact says has its own columns."""
    texts = ", ".join(f"leaf.{name}" for name in _TEXTS)
    return f"""INSERT INTO leaf
SELECT leaf.position, {texts}, leaf.stream, leaf.recorded_at[:10],
    CASE WHEN NOT leaf.{_PLAIN} THEN line -> 'data' END, unnest(leaf.data)
FROM (SELECT line, {from_json(_LINE)} AS leaf FROM {lines_in(lines)})"""  # noqa: S608 - quoted there


class Leaves:
    """The table, as it fills and when it is full. Raises Unreadable, duckdb.Error."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._facts = 0
        self.plain = 0
        """How many facts are not for the reducer, as far as they were told apart."""
        db.rows(_TABLE)

    def take(self, stretch: Stretch) -> None:
        """The next lines."""
        ((rows,),) = self._db.rows(_rows_of(stretch.path))
        if rows != stretch.last - stretch.first + 1:  # an empty line is none to who reads them
            raise Unreadable(f"one of the lines {stretch.first} to {stretch.last} is no fact")
        self._facts = stretch.last

    def demand_all(self, origin: str) -> None:
        """All are there: no position is left out or stands twice, and nothing strange is among
        them.

        Each fact lies in the stream whose id follows from the ledger's name and what it is about.
        So the facts of a stream are those of a subject, and a subject's facts are in one stream.
        """
        for before, position in self._db.rows(_NOT_NEXT):
            if position is None:
                raise Unreadable("one of the lines is no fact")
            raise Unreadable(f"position {position} follows on {before}")
        for type, position in self._db.rows(_UNKNOWN, {"types": sorted(TYPES)}):
            raise Unreadable(f"nothing is known of {type} at position {position}")
        named = {"space": uuid5(NAMESPACE_URL, origin).hex, "words": sorted(KEYS)}
        ((strange,),) = self._db.rows(_STRANGE, named)
        if strange is not None:
            raise Unreadable(f"the fact at position {strange} is not of the ledger {origin}")

    def reducible(self) -> Iterator[tuple[str, str]]:
        """Of each fact for the reducer its stream, and as JSON its position, stream, type, source,
        id and data. In any order. Fills `models.attendance` with the rows of all others."""
        shares = shares_of(self._facts)
        for share in range(shares):
            some = f" WHERE hash(stream) % {shares} = {share}" if shares > 1 else ""
            self._db.rows(_SHARE + some)
            self._db.rows(_REDUCIBLE)
            ((alone,),) = self._db.rows(_ATTENDANCES)
            self._db.rows(_PAIR)
            ((paired,),) = self._db.rows(_ATTENDANCES_OF_PAIRS)
            self._db.rows(_NOT_PAIRS)
            self.plain += alone + paired
            yield from self._db.streamed(_REDUCED)
