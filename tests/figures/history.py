"""A small history, posted through the real service, and the figures that come of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

import psycopg

from ledger.domain.commands import ADMIN, Authority
from ledger.service import Ledger, incoming
from ledger.store.book import create
from ledger.store.database import READER, connect
from projections import schema
from projections.figures.asking import Question, checked
from projections.figures.behind import FactsPage, facts_behind
from projections.figures.catalogue import NUMBERS, definition_of
from projections.figures.compute import Figure, Numbers, compute
from projections.figures.engines import PostgresEngine
from projections.runner import Projector

ORIGIN = "test.example/2026"
SOURCE = "//test.example/app"
OFFICE = Authority("key:00000000-0000-4000-8000-000000000001", frozenset({ADMIN}))
END = date(2020, 12, 31)


def uid(name: str) -> UUID:
    """The id of whatever is called so."""
    return uuid5(NAMESPACE_OID, name)


def numbers_of(row: Numbers) -> tuple[int, ...]:
    """Whatever numbers the measure has, in its order."""
    every = (getattr(row, name) for names in NUMBERS.values() for name in names)
    return tuple(number for number in every if number is not None)


class History:
    """Facts by their shortest names. Days are ISO; what has an id goes by a name."""

    def __init__(self, url: str, ledger: Ledger, projector: Projector, conn: psycopg.Connection):
        self.url, self.ledger, self.projector, self.conn = url, ledger, projector, conn
        self.engine = PostgresEngine(conn)
        self.posted = 0

    @property
    def head(self) -> int:
        return self.posted

    def post(self, type: str, **data: Any) -> int:
        """Record one fact; its position."""
        fact = incoming(f"f{self.posted + 1}", SOURCE, f"{type}.v1", data)
        (receipt,) = self.ledger.record(OFFICE, [fact])
        self.posted = receipt.position
        return receipt.position

    def void(self, position: int) -> int:
        return self.post("fact.voided", target=f"f{position}", reason="wrong")

    def cluster(self, *codes: str, on: str = "2006-01-01") -> None:
        for code in codes:
            self.post("cluster.registered", cluster=code, name=code.title(), effective_on=on)

    def company(self, *names: str, on: str = "2006-01-01", kind: str = "company") -> None:
        for name in names:
            self.post(
                "organisation.registered",
                organisation_id=uid(name),
                name=name,
                kind=kind,
                effective_on=on,
            )

    def member(self, name: str, cluster: str, on: str, last_day: str | None = None) -> int:
        key = {"organisation_id": uid(name), "cluster": cluster}
        position = self.post("membership.admitted", **key, effective_on=on)
        if last_day:
            self.post("membership.ended", **key, last_day=last_day, cause="resigned")
        return position

    def activity(self, name: str, *organisers: str, on: str, held: bool = True) -> int:
        self.post(
            "activity.scheduled",
            activity_id=uid(name),
            title=name,
            kind="conference",
            mode="onsite",
            organisers=organisers,
            starts_on=on,
            ends_on=on,
        )
        return self.post("activity.held", activity_id=uid(name), held_on=on) if held else self.head

    def came(self, activity: str, persons: Iterable[str], organisation: str | None = None) -> int:
        """Records each; the last one's position."""
        for person in persons:
            data = {"activity_id": uid(activity), "person_ref": uid(person)}
            if organisation:
                data["organisation_id"] = uid(organisation)
            self.post("attendance.recorded", **data)
        return self.head

    def headcount(self, activity: str, count: int, scope: str) -> int:
        return self.post("headcount.recorded", activity_id=uid(activity), count=count, scope=scope)

    def listed(self, activity: str, *, complete: bool, rows: int = 1) -> int:
        return self.post(
            "attendance_list.imported",
            activity_id=uid(activity),
            sha256="ab" * 32,
            rows=rows,
            complete=complete,
        )

    def project(self, name: str, *clusters: str, on: str, last_day: str | None = None) -> None:
        key = {"project_id": uid(name)}
        self.post("project.proposed", **key, title=name, clusters=clusters, effective_on=on)
        self.post("project.started", **key, effective_on=on)
        if last_day:
            self.post("project.ended", **key, last_day=last_day, outcome="completed")

    def enrolled(self, project: str, name: str, on: str) -> int:
        return self.post(
            "enrolment.started",
            project_id=uid(project),
            organisation_id=uid(name),
            role="partner",
            effective_on=on,
        )

    def figure(self, figure: str, *, known_at: int | None = None, **asked: Any) -> Figure:
        """A figure, cumulative to END unless a period is given, at the head unless known_at is."""
        self.project_all()
        return compute(self.engine, definition_of(figure), **self.asked(asked, known_at))

    def value(self, figure: str, **asked: Any) -> int:
        return self.figure(figure, **asked).value

    def numbers(self, figure: str, **asked: Any) -> tuple[int, ...]:
        return numbers_of(self.figure(figure, **asked))

    def rows(self, figure: str, **asked: Any) -> dict[str, int]:
        return {row.key: row.value for row in self.figure(figure, **asked).rows or ()}

    def table(self, figure: str, **asked: Any) -> dict[str, tuple[int, ...]]:
        """Rows in which something is counted, with all their numbers."""
        rows = {row.key: numbers_of(row) for row in self.figure(figure, **asked).rows or ()}
        return {key: numbers for key, numbers in rows.items() if any(numbers)}

    def behind(self, figure: str, *, known_at: int | None = None, **asked: Any) -> FactsPage:
        self.project_all()
        page = {name: asked.pop(name) for name in ("key", "after", "limit") if name in asked}
        return facts_behind(self.engine, self.question(figure, asked, known_at), **page)

    def question(self, figure: str, asked: dict[str, Any], known_at: int | None = None) -> Question:
        open_ = {"by": None, "view": "participating", "cluster": None, "of": None}
        given = open_ | self.asked(asked, known_at)
        return checked(self.engine, definition_of(figure), **given)

    def asked(self, asked: dict[str, Any], known_at: int | None) -> dict[str, Any]:
        return {
            "period_from": None,
            "period_to": END,
            "known_at": self.head if known_at is None else known_at,
        } | asked

    def project_all(self) -> None:
        while self.projector.advance():
            pass


@contextmanager
def history(url: str) -> Iterator[History]:
    """A new ledger with its read models."""
    create(url, ORIGIN)
    schema.ensure(url)
    with (
        Ledger.open(url) as ledger,
        Projector(url) as projector,
        connect(url, READER, autocommit=True) as conn,
    ):
        yield History(url, ledger, projector, conn)
