"""Random lawful-enough histories: every kind of stream, corrections and voids included."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from uuid import UUID

from ledger.domain import facts as f
from ledger.domain.facts import Fact
from tests.projections.book_writer import BookWriter

CODES = ("biotech", "rail", "sensors")


def number(n: int) -> UUID:
    """The n-th id."""
    return UUID(int=0x4000_8000_0000_0000_0000 | n << 96)


class History:
    """Facts of a small programme, made one by one from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._voidable: list[int] = []
        self._days = self._random.sample(range(3000), 3000)

    def _day(self) -> date:
        """A day of its own: two spells that begin on one day would be refused by the tables."""
        return date(2020, 1, 1) + timedelta(days=self._days.pop())

    def _id(self, block: int, count: int = 3) -> UUID:
        return number(block * 16 + self._random.randrange(count))

    def facts(self, book: BookWriter, count: int) -> None:
        """Record so many facts: the things first, then what happens to them."""
        entries = [book.entry(fact) for fact in self._things()]
        for _ in range(count):
            made = self._void(book) or self._happening()
            entries.append(book.entry(made))
            if not isinstance(made, f.FactVoided):
                self._voidable.append(entries[-1].position)
        book.insert(entries)

    def _void(self, book: BookWriter) -> Fact | None:
        if not self._voidable or self._random.random() > 0.2:
            return None
        return book.void(self._voidable.pop(self._random.randrange(len(self._voidable))))

    def _things(self) -> list[Fact]:
        day = date(2020, 1, 1)
        made: list[Fact] = [
            f.ClusterRegistered(cluster=code, name=code.title(), effective_on=day) for code in CODES
        ]
        for n in range(3):
            made += [
                f.OrganisationRegistered(
                    organisation_id=number(16 + n),
                    name=f"Firma {n}",
                    kind="company",
                    effective_on=day,
                ),
                f.ActivityScheduled(
                    activity_id=number(32 + n),
                    title=f"Treffen {n}",
                    kind="fair",
                    mode="online",
                    organisers=(CODES[n], CODES[0]),
                    starts_on=day,
                    ends_on=day,
                ),
                f.ProjectProposed(
                    project_id=number(64 + n), title="Ü", clusters=(CODES[n],), effective_on=day
                ),
            ]
        return made

    def _happening(self) -> Fact:
        who, where, which = self._id(1), self._id(2), self._id(4)
        person, day, code = self._id(3, 4), self._day(), self._random.choice(CODES)
        maybe = who if self._random.random() < 0.5 else None
        attended = f.AttendanceRecorded(activity_id=where, person_ref=person, organisation_id=maybe)
        return self._random.choice(
            (
                attended,
                attended,
                f.AttendanceRegistered(activity_id=where, person_ref=person),
                f.AttendanceWithdrawn(activity_id=where, person_ref=person),
                f.AttendanceVoided(activity_id=where, person_ref=person, reason="x"),
                f.ActivityChanged(activity_id=where, organisers=(code,)),
                f.ActivityHeld(activity_id=where, held_on=day),
                f.HeadcountRecorded(activity_id=where, count=7, scope="total"),
                f.OrganisationRelocated(organisation_id=who, nuts3="DE212", effective_on=day),
                f.OrganisationMerged(organisation_id=who, into=number(19), effective_on=day),
                f.OrganisationDissolved(organisation_id=who, effective_on=day),
                f.MembershipApplied(organisation_id=who, cluster=code, effective_on=day),
                f.ProjectApproved(
                    project_id=which, volume_cents=200, grant_cents=100, effective_on=day
                ),
                f.ProjectStarted(project_id=which, effective_on=day),
                f.ProjectEnded(project_id=which, last_day=day, outcome="aborted"),
                f.ClusterRenamed(cluster=code, name="Neu", effective_on=day),
                f.PersonSealed(person_ref=person, pdc="0" * 64),
            )
        )
