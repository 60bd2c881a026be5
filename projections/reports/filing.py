"""Filed reports: what is recorded of them, how they are found, and how they are made again.

A filing keeps no tables: it names what the report is a function of, and its digest. Whoever reads
it has it made again from the facts known then, and compared with the digest.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from ledger.domain.facts import DefinitionDigest, PeriodClosed, ReportPublished
from ledger.domain.history import Entry, voided
from ledger.domain.vocabulary import FIRST_DAY
from ledger.store.codec import decode_leaf, event_key
from projections.figures.behind import histories
from projections.figures.catalogue import CATALOGUE, definition_of
from projections.figures.engines import Engine, PostgresEngine
from projections.figures.together import Together
from projections.models.trail import name_id
from projections.reports.catalogue import ReportOf, report_of
from projections.reports.compute import Asked, Making, Question, asked_together
from projections.reports.imports import refuse_open
from projections.reports.model import Report, Span, Used
from projections.reports.refusals import ReportMismatch

if TYPE_CHECKING:
    from psycopg import Connection


class Filed(Struct, frozen=True, kw_only=True):
    """A filed report: its `report.published` fact. `position` is its name, `known_at` the position
    it was computed at, `sha256` the digest of its canonical JSON. `voided_by` is the position of
    its void, if it was voided since: it can still be read, and says so."""

    position: int
    recorded_at: str
    actor: str
    report: str
    period: Span
    known_at: int
    parameters: dict[str, str]
    definitions: tuple[Used, ...]
    sha256: str
    voided_by: int | None = None

    @property
    def asked(self) -> Asked:
        """What the report was asked for, with the definitions that counted. Raises UnknownFigure,
        UnknownVersion where this software lacks one."""
        counted = [definition_of(used.definition) for used in self.definitions]
        return Asked(
            period_from=self.period.from_,
            period_to=self.period.to,
            known_at=self.known_at,
            parameters=self.parameters,
            figures={definition.id: definition for definition in counted},
        )


def to_be_filed(engine: PostgresEngine | Together, definition: ReportOf, asked: Asked) -> Report:
    """The report that is filed. Raises ImportOpen, or another FigureRefusal."""
    definition.check(asked.parameters)
    refuse_open(engine.conn, definition, asked)
    return Making(engine, asked).report(definition)


def published(report: Report) -> ReportPublished:
    """The fact that files a report. A period without a first day begins with the first day that a
    fact can have, so that it means the same."""
    return ReportPublished(
        report=report.report,
        period_from=report.period.from_ or FIRST_DAY,
        period_to=report.period.to,
        parameters=report.parameters,
        known_at=report.known_at,
        definitions=tuple(DefinitionDigest(u.definition, u.sha256) for u in report.definitions),
        sha256=report.digest,
    )


def filed(entry: Entry) -> Filed:
    """What a `report.published` fact says. TypeError for any other."""
    fact = entry.fact
    if not isinstance(fact, ReportPublished):
        raise TypeError(f"position {entry.position} files no report")
    begin = None if fact.period_from == FIRST_DAY else fact.period_from
    return Filed(
        position=entry.position,
        recorded_at=entry.recorded_at,
        actor=entry.actor,
        report=fact.report,
        period=Span(from_=begin, to=fact.period_to),
        known_at=fact.known_at,
        parameters=fact.parameters,
        definitions=tuple(Used(d.definition, d.sha256) for d in fact.definitions),
        sha256=fact.sha256,
    )


def filings(
    conn: Connection[Any], *, upto: int, report: str | None = None, limit: int = 1_000
) -> list[Filed]:
    """Reports filed by position `upto`, newest first: all, or those of one id or
    id@version. Voided ones are left out; they can still be read at their position."""
    rows = conn.execute(
        """SELECT f.state FROM ledger.facts f
        WHERE f.notification_id <= %(upto)s AND f.originator_id IN (
            SELECT p.originator_id FROM models.trail t
            JOIN ledger.facts p ON p.notification_id = t.position
            WHERE t.topic = %(topic)s AND t.position <= %(upto)s)
        ORDER BY f.originator_id, f.originator_version""",
        {"topic": name_id(ReportPublished.topic), "upto": upto},
        binary=True,
    ).fetchall()
    entries = [decode_leaf(bytes(state)) for (state,) in rows]
    gone = voided(entries)
    found = [
        filed(entry)
        for entry in entries
        if isinstance(entry.fact, ReportPublished)
        and entry.event not in gone
        and report in (None, entry.fact.report, entry.fact.report.partition("@")[0])
    ]
    return sorted(found, key=lambda filing: -filing.position)[:limit]


def filing_at(conn: Connection[Any], position: int, *, upto: int) -> Filed | None:
    """The report filed at a position, if one is, and whether it was voided by position `upto`."""
    row = conn.execute(
        "SELECT originator_id FROM ledger.facts WHERE notification_id = %s AND topic = %s",
        (position, ReportPublished.topic),
        binary=True,
    ).fetchone()
    if row is None or position > upto:
        return None
    entries = histories(conn, [row[0]], upto)[row[0]]
    gone = voided(entries)
    (entry,) = (entry for entry in entries if entry.position == position)
    return replace(
        filed(entry), voided_by=gone[entry.event].position if entry.event in gone else None
    )


def recorded(conn: Connection[Any], source: str, id: str) -> Entry | None:
    """The fact that was taken under this source and id before."""
    row = conn.execute(
        "SELECT state FROM ledger.facts WHERE event_key = %s", (event_key(source, id),), binary=True
    ).fetchone()
    return None if row is None else decode_leaf(bytes(row[0]))


def made_again(engine: Engine, filing: Filed) -> Report:
    """The report of a filing, computed anew by the definitions it names.

    Raises ReportMismatch when its digest is not the filed one: the ledger was tampered with, or
    this software counts otherwise than the one that filed it.
    """
    report = Making(engine, filing.asked).report(report_of(filing.report))
    if report.digest != filing.sha256:
        raise ReportMismatch(position=filing.position, filed=filing.sha256, made=report.digest)
    return report


def closed(
    engine: Engine,
    *,
    period_from: date,
    period_to: date,
    known_at: int,
    figures: Iterable[str] = CATALOGUE,
) -> PeriodClosed:
    """The fact that closes a period: each figure's definition, and the digest of its answer over
    the period. Raises a FigureRefusal."""
    definitions = [definition_of(figure) for figure in figures]
    questions = [
        (Question(one.id, None, "participating", period_from, period_to, ()), one, known_at)
        for one in definitions
    ]
    engine = asked_together(engine, questions)
    answers = [question.answer(engine, one, known_at) for question, one, _ in questions]
    return PeriodClosed(
        period_from=period_from,
        period_to=period_to,
        known_at=known_at,
        definitions=tuple(answer.definition for answer in answers),
        digests=tuple(answer.digest for answer in answers),
    )
