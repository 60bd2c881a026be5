"""The generator's own bookkeeping: what every correct ledger must answer after the programme was
posted.

Nothing here reads a fact. Involvement is marked as it is planned, under the identity it has in the
end.
"""

from array import array
from collections.abc import Iterable
from datetime import date
from typing import Final

import msgspec

from .clusters import CODES
from .days import FIRST_DAY, Days

FAR: Final = 1 << 30
"""A day after every other: the end of what is still open."""


class Headline(msgspec.Struct, frozen=True):
    """The four headline figures of a period or a cluster."""

    companies: int
    activities: int
    participations: int
    projects: int


class Expected(msgspec.Struct, frozen=True):
    """Figures from 2006-01-01 to `end` (the last posted day), known by bookkeeping alone.

    `by_year` counts each calendar year (the last one to `end`); `by_cluster` is cumulative in the
    participating view, an organisation being involved with a cluster by a member day in it, a named
    attendance at an activity it co-organised, or an enrolment in a project it takes part in.
    `members_on` counts distinct identities of every kind by ISO date. `rejoiners` counts pairs of
    organisation and cluster with a second spell.
    """

    end: date
    facts: int
    companies: int
    activities: int
    participations: int
    named: int
    projects: int
    organisations_involved: int
    by_year: dict[int, Headline]
    by_cluster: dict[str, Headline]
    members_on: dict[str, int]
    duplicates: int
    duplicates_reverted: int
    mergers: int
    splits: int
    dissolutions: int
    rejoiners: int
    joint_activities: int
    cancelled_activities: int
    voids: int
    facts_by_type: dict[str, int]


class Ledgerless:
    """Identity and involvement by plan. Organisations are numbered from 0 in the order they were
    planned.
    """

    def __init__(self, days: Days) -> None:
        self.days = days
        self.years = range(FIRST_DAY.year, days.end_on.year + 1)
        self.is_company: list[bool] = []
        self.turned: dict[int, tuple[int, bool]] = {}  # organisation -> (day, company from then on)
        self.duplicate_of: dict[int, int] = {}
        self.merged: dict[int, tuple[int, int]] = {}  # absorbed -> (heir, effective day)
        self._spell_org, self._spell_cluster = array("i"), array("i")
        self._spell_from, self._spell_to = array("i"), array("i")
        self._by_year: dict[int, bytearray] = {}
        self._by_cluster: list[bytearray] = []
        self.counts_by_year = {
            year: [0, 0, 0] for year in self.years
        }  # activities, participations, projects
        self.counts_by_cluster = [[0, 0, 0] for _ in CODES]
        self.counts = [0, 0, 0]
        self.named = 0
        self.joint = 0
        self.cancelled = 0
        self.splits = 0
        self.dissolutions = 0
        self.reverted = 0
        self.rejoiners = 0

    def spell(self, organisation: int, cluster: int, first: int, last: int) -> None:
        """A membership as it truly was, both days inclusive; FAR when it is open."""
        self._spell_org.append(organisation)
        self._spell_cluster.append(cluster)
        self._spell_from.append(first)
        self._spell_to.append(min(last, self.days.end))

    def seal_identities(self) -> None:
        """Every organisation, duplicate and merger is planned: involvement can be marked from here
        on.
        """
        size = len(self.is_company)
        self._by_year = {year: bytearray(size) for year in self.years}
        self._by_cluster = [bytearray(size) for _ in CODES]
        for organisation, cluster, first, last in zip(
            self._spell_org, self._spell_cluster, self._spell_from, self._spell_to, strict=True
        ):
            self.involve(organisation, (cluster,), first, last)

    def identity(self, organisation: int, day: int) -> int:
        """Who the record is on a day: all duplicates, then mergers effective by then, repeated."""
        while True:
            while organisation in self.duplicate_of:
                organisation = self.duplicate_of[organisation]
            heir, effective = self.merged.get(organisation, (organisation, FAR))
            if effective > day:
                return organisation
            organisation = heir

    def involve(self, organisation: int, clusters: Iterable[int], first: int, last: int) -> None:
        """Marks involvement on every day from `first` to `last`, each day under the identity of
        that day.
        """
        day = first
        while day <= last:
            who = self.identity(organisation, day)
            until = min(last, self.merged.get(who, (who, FAR))[1] - 1)
            for year in range(self.days.year[day], self.days.year[until] + 1):
                self._by_year[year][who] = 1
            for cluster in clusters:
                self._by_cluster[cluster][who] = 1
            day = until + 1

    def count(
        self, figure: int, clusters: Iterable[int], years: Iterable[int], amount: int = 1
    ) -> None:
        """Adds to figure 0 (activities), 1 (participations) or 2 (projects) once in total, each
        year and cluster.
        """
        self.counts[figure] += amount
        for year in years:
            self.counts_by_year[year][figure] += amount
        for cluster in clusters:
            self.counts_by_cluster[cluster][figure] += amount

    def members_on(self, day: int) -> int:
        """Distinct identities with a spell that covers the day."""
        spells = zip(self._spell_org, self._spell_from, self._spell_to, strict=True)
        return len({self.identity(who, day) for who, first, last in spells if first <= day <= last})

    def expected(self, facts: int, by_type: dict[str, int]) -> Expected:
        """Closes the books; `facts` and `by_type` are what the desk posted."""
        end = self.days.end
        ever = bytearray(len(self.is_company))
        for marks in self._by_year.values():
            ever = bytearray(map(int.__or__, ever, marks))
        marked_days = {year: min(self.days.number(date(year, 12, 31)), end) for year in self.years}
        member_days = [day for year, day in marked_days.items() if year % 4 == 0 or day == end]
        return Expected(
            end=self.days.end_on,
            facts=facts,
            companies=self._companies(ever, end),
            activities=self.counts[0],
            participations=self.counts[1],
            named=self.named,
            projects=self.counts[2],
            organisations_involved=sum(ever),
            by_year={
                year: Headline(
                    self._companies(self._by_year[year], day), *self.counts_by_year[year]
                )
                for year, day in marked_days.items()
            },
            by_cluster={
                code: Headline(
                    self._companies(self._by_cluster[number], end), *self.counts_by_cluster[number]
                )
                for number, code in enumerate(CODES)
            },
            members_on={self.days.iso[day]: self.members_on(day) for day in member_days},
            duplicates=len(self.duplicate_of),
            duplicates_reverted=self.reverted,
            mergers=len(self.merged),
            splits=self.splits,
            dissolutions=self.dissolutions,
            rejoiners=self.rejoiners,
            joint_activities=self.joint,
            cancelled_activities=self.cancelled,
            voids=by_type.get("fact.voided.v1", 0) + by_type.get("attendance.voided.v1", 0),
            facts_by_type=dict(sorted(by_type.items())),
        )

    def _companies(self, marks: bytearray, day: int) -> int:
        """Of the marked identities, how many are companies by their class on `day`."""
        total = sum(
            1 for mark, company in zip(marks, self.is_company, strict=True) if mark and company
        )
        for organisation, (turned_on, company) in self.turned.items():
            if marks[organisation] and turned_on <= day:
                total += company - self.is_company[organisation]
        return total
