"""What almost counted: streams that a reader may miss in a figure, and the rule that excluded them.

The rules stand in `almost.toml`, in German and English, each with the figures it speaks about. They
change no value: a rule may be added or sharpened without a new version of a figure.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Final
from uuid import UUID

import msgspec

from ledger.domain.history import Entry, voided
from ledger.domain.streams import Kind, namespace
from projections.figures.asking import Question
from projections.figures.behind import Key, histories, stream_of
from projections.figures.catalogue import Text, composed
from projections.figures.cell import cell
from projections.figures.engines import PostgresEngine
from projections.figures.refusals import InvalidCursor

# By class: of the activity, or of the record that is named, as it was on the cell's last day.
_PAGE: Final = """-- Needs: bucket, activity_profile, profile
SELECT kind, first_key, second_key
FROM (
    SELECT
        almost.kind, almost.first_key, almost.second_key,
        coalesce(activity_profile.code, profile.code, 'unknown') AS code
    FROM almost
    CROSS JOIN bucket
    LEFT JOIN activity_profile ON %(key)s <> '' AND almost.kind IN (4, 5)
        AND activity_profile.activity_id = almost.first_key
    LEFT JOIN models.attendance AS attendance ON %(key)s <> '' AND almost.kind = 5
        AND attendance.activity_id = almost.first_key
        AND CAST(attendance.person_ref AS text) = almost.second_key
        AND attendance.known_from <= %(known_at)s AND %(known_at)s < attendance.known_to
    LEFT JOIN profile ON %(key)s <> ''
        AND profile.organisation_id = CASE almost.kind
            WHEN 2 THEN almost.first_key
            WHEN 3 THEN almost.first_key
            WHEN 5 THEN attendance.organisation_id
            WHEN 7 THEN CAST(almost.second_key AS uuid)
        END
        AND profile.valid_from <= bucket.last_day AND bucket.last_day < profile.valid_to
) AS classed
WHERE (%(key)s = '' OR code = %(key)s) AND (kind, first_key, second_key COLLATE "C")
    > (%(kind)s, CAST(%(first_key)s AS uuid), %(second_key)s)
GROUP BY kind, first_key, second_key
ORDER BY kind, first_key, second_key COLLATE "C"
LIMIT %(streams)s
"""
_BEGINNING: Final[Key] = (0, UUID(int=0), "")


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a stream is not in a figure. `sql` lists such streams."""

    id: str
    figures: tuple[str, ...]
    text: Text
    sql: str


class FactOfStream(msgspec.Struct, frozen=True, kw_only=True):
    """One fact of a stream that almost counted; `voided_by` is the position of its void."""

    position: int
    type: str
    recorded_at: str
    voided_by: int | None


class Almost(msgspec.Struct, frozen=True, kw_only=True):
    """One stream that almost counted: the rule that excluded it, and its facts in their order."""

    rule: str
    text: Text
    stream_kind: str
    stream: UUID
    facts: tuple[FactOfStream, ...]


class AlmostPage(msgspec.Struct, frozen=True):
    """Some of the streams, and the cursor for more of them; None after the last ones."""

    items: tuple[Almost, ...]
    next: str | None


@cache
def rules() -> tuple[Rule, ...]:
    """All rules, in their order."""
    text = (files("projections.figures") / "almost.toml").read_text(encoding="utf-8")
    return tuple(msgspec.convert(tomllib.loads(text)["rules"], tuple[Rule, ...]))


def almost_counted(
    engine: PostgresEngine,
    question: Question,
    *,
    key: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> AlmostPage:
    """Streams that almost counted in a figure or in one cell of it (`key` of the table that the
    question asks for), rule by rule, page by page.

    A stream may stand under several rules. `limit` is the number of streams a page. Raises a
    FigureRefusal.
    """
    definition = question.definition
    first_rule, beginning = _parsed(after)
    parameters = cell(engine, question, key).parameters
    found: list[tuple[Rule, Key]] = []
    for number, rule in enumerate(rules()):
        if number < first_rule or definition.id not in rule.figures or len(found) > limit:
            continue
        kind, first, second = beginning if number == first_rule else _BEGINNING
        page = {"kind": kind, "first_key": first, "second_key": second}
        sql = composed(rule.sql.lstrip(), fragments=definition.fragments, then=_PAGE, name="almost")
        rows = engine.rows(sql, {**parameters, **page, "streams": limit + 1 - len(found)})
        found += [(rule, (int(k), a, str(b))) for k, a, b in rows]
    items = _with_facts(engine, found[:limit], question.known_at)
    return AlmostPage(items, _cursor(*found[limit - 1]) if len(found) > limit else None)


def _with_facts(
    engine: PostgresEngine, found: Sequence[tuple[Rule, Key]], known_at: int
) -> tuple[Almost, ...]:
    space = namespace(engine.origin)
    streams = [stream_of(space, key) for _, key in found]
    entries = histories(engine.conn, streams, known_at)
    return tuple(
        Almost(
            rule=rule.id,
            text=rule.text,
            stream_kind=Kind(key[0]).name,
            stream=stream,
            facts=_facts(entries.get(stream, [])),
        )
        for (rule, key), stream in zip(found, streams, strict=True)
    )


def _facts(entries: Sequence[Entry]) -> tuple[FactOfStream, ...]:
    gone = voided(entries)
    return tuple(
        FactOfStream(
            position=entry.position,
            type=entry.fact.topic,
            recorded_at=entry.recorded_at,
            voided_by=gone[entry.event].position if entry.event in gone else None,
        )
        for entry in entries
    )


def _cursor(rule: Rule, key: Key) -> str:
    return f"{rule.id}/{key[0]}/{key[1]}/{key[2]}"


def _parsed(cursor: str | None) -> tuple[int, Key]:
    """The rule's number and the key behind which to go on. Raises InvalidCursor."""
    if cursor is None:
        return 0, _BEGINNING
    numbers = {rule.id: number for number, rule in enumerate(rules())}
    name, _, rest = cursor.partition("/")
    parts = rest.split("/", 2)
    try:
        kind, first, second = parts
        return numbers[name], (int(Kind(int(kind))), UUID(first), second)
    except (KeyError, ValueError) as error:
        raise InvalidCursor(after=cursor[:100]) from error
