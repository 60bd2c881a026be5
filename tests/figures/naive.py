"""Figures counted the naive way: every fact looked at, every day gone through.

Written from the rules of counting alone, a third time: no folds, no joins, no intervals, no SQL.
`Naive(leaves)` is what is known at one position. Slow, and meant for histories of a few hundred
facts over a few years.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from functools import cache, cached_property
from typing import Any, Final, NamedTuple

ONE_DAY: Final = timedelta(days=1)


class Fact(NamedTuple):
    """A leaf that stands."""

    position: int
    type: str
    data: dict[str, Any]

    def day(self, name: str = "effective_on") -> date:
        return date.fromisoformat(self.data[name])


class Where(NamedTuple):
    """For the whole programme (no cluster), or for one cluster in a view."""

    cluster: str = ""
    view: str = "participating"

    def has(self, clusters: list[str]) -> bool:
        """Whether what these clusters do together counts here."""
        if not self.cluster:
            return True
        return self.cluster in (clusters[:1] if self.view == "lead" else clusters)


PROGRAMME: Final = Where()


def days(first: date, last: date) -> Iterator[date]:
    day = first
    while day <= last:
        yield day
        day += ONE_DAY


def standing(leaves: Iterable[bytes]) -> list[Fact]:
    """Every fact without the voids and what they void, by position."""
    every = [json.loads(leaf) for leaf in leaves]
    gone: set[tuple[str, str]] = set()
    for one in every:
        if one["type"] == "fact.voided.v1":
            gone.add((one["data"].get("target_source", one["source"]), one["data"]["target"]))
        if one["type"] == "attendance.voided.v1":
            gone.update(
                (other["source"], other["id"])
                for other in every
                if other["stream"] == one["stream"] and other["position"] < one["position"]
            )
    return [
        Fact(one["position"], one["type"].removesuffix(".v1"), one["data"])
        for one in every
        if (one["source"], one["id"]) not in gone
    ]


class Naive:
    """What is known once these leaves are. `begin` and `end` are the days anything happens in."""

    def __init__(
        self, leaves: Iterable[bytes], begin: date, end: date, *, heirs_end: bool = True
    ) -> None:
        """`heirs_end` False: as the versions before counted, which let spells outlive the heir."""
        self.heirs_end = heirs_end
        self.facts = standing(leaves)
        self._by_type: dict[str, list[Fact]] = defaultdict(list)
        for fact in self.facts:
            self._by_type[fact.type].append(fact)
        self.begin, self.end = begin, end
        # The methods below are asked of the same few days again and again.
        self.identity = cache(self._identity)
        self.members = cache(self._members)
        self.enrolled = cache(self._enrolled)
        self.person = cache(self._person)
        self.involved = cache(self._involved)
        self.stock = cache(self._stock)
        self.parts = cache(self._parts)
        self.class_of = cache(self._class_of)
        self.clusters_of_project = cache(self._clusters_of_project)
        self.organisers = cache(self._organisers)
        self.dissolved = cache(self._dissolved)
        self.closed = cache(self._closed)
        self.runs = cache(self._runs)

    def of(self, *types: str, **data: str) -> list[Fact]:
        """The standing facts of some types about something, by position."""
        found = [
            fact
            for type in types
            for fact in self._by_type[type]
            if all(fact.data.get(name) == value for name, value in data.items())
        ]
        return sorted(found, key=lambda fact: fact.position)

    def last(self, *types: str, **data: str) -> Fact | None:
        found = self.of(*types, **data)
        return found[-1] if found else None

    # --- who is who ------------------------------------------------------------------------------

    def _identity(self, who: str, day: date) -> str:
        """All duplicates known, then mergers effective by that day, repeated."""
        mark = self.last(
            "organisation.marked_duplicate", "organisation.duplicate_reverted", organisation_id=who
        )
        if mark is not None and "of" in mark.data:
            return self.identity(mark.data["of"], day)
        merger = self.last("organisation.merged", organisation_id=who)
        if merger is not None and merger.day() <= day:
            return self.identity(merger.data["into"], day)
        return who

    def _person(self, ref: str) -> str:
        mark = self.last("person.marked_duplicate", person_ref=ref)
        return ref if mark is None else self.person(mark.data["of"])

    def _class_of(self, who: str, what: str, day: date) -> str | None:
        """What was last said of `kind`, `size_class`, `spatial` or `nuts3` by that day, while it
        was there."""
        if what == "nuts2":
            place = self.class_of(who, "nuts3", day)
            return place and place[:4]
        said: list[tuple[date, int, str | None]] = []
        for fact in self.facts:
            if fact.data.get("organisation_id") != who:
                continue
            registered = fact.type == "organisation.registered"
            moved = fact.type == "organisation.relocated" and what in {"nuts3", "spatial"}
            if registered or moved:
                said.append((fact.day(), fact.position, fact.data.get(what)))
            elif fact.type == "organisation.reclassified" and fact.data["scheme"] == what:
                said.append((fact.day(), fact.position, fact.data["code"]))
        # Dissolved on its very first day, it is still known as what it was to be.
        standing = [one for one in said if not self.dissolved(who, one[0])] or said
        known = [one for one in standing if one[0] <= day]
        return max(known, key=lambda one: one[:2])[2] if known else None

    # --- who belongs to what on a day ------------------------------------------------------------

    def _dissolved(self, who: str, day: date) -> bool:
        fact = self.last("organisation.dissolved", organisation_id=who)
        return fact is not None and fact.day() <= day

    def ended(self, who: str, day: date) -> bool:
        """Whether the record, or the organisation that it is on that day, is no more."""
        heir = self.identity(who, day) if self.heirs_end else who
        return self.dissolved(who, day) or self.dissolved(heir, day)

    def _closed(self, cluster: str, day: date) -> bool:
        fact = self.last("cluster.closed", cluster=cluster)
        return fact is not None and fact.day() <= day

    @cached_property
    def clusters(self) -> list[str]:
        return sorted(f.data["cluster"] for f in self.of("cluster.registered"))

    def _members(self, day: date) -> frozenset[tuple[str, str]]:
        """(record, cluster): admitted, and since then no last day has passed."""
        found = set()
        for fact in self.of("membership.admitted"):
            who, cluster = fact.data["organisation_id"], fact.data["cluster"]
            ends = self.of("membership.ended", organisation_id=who, cluster=cluster)
            over = any(fact.day() <= end.day("last_day") < day for end in ends)
            if fact.day() <= day and not over:
                found.add((who, cluster))
        return frozenset(
            (who, cluster)
            for who, cluster in found
            if not self.ended(who, day) and not self.closed(cluster, day)
        )

    def _runs(self, project: str, day: date) -> bool:
        started = self.last("project.started", project_id=project)
        ended = self.last("project.ended", project_id=project)
        return (
            started is not None
            and started.day() <= day
            and (ended is None or day <= ended.day("last_day"))
        )

    def _clusters_of_project(self, project: str) -> list[str]:
        proposed = self.last("project.proposed", project_id=project)
        return [] if proposed is None else list(dict.fromkeys(proposed.data["clusters"]))

    def _enrolled(self, day: date) -> frozenset[tuple[str, str]]:
        """(project, record) on one of the project's days. An end is of the part that began last."""
        found = set()
        for started in self.of("enrolment.started"):
            project, who = started.data["project_id"], started.data["organisation_id"]
            if started.day() <= day and not self._left(started, day) and self.runs(project, day):
                abandoned = all(self.closed(c, day) for c in self.clusters_of_project(project))
                if not self.ended(who, day) and not abandoned:
                    found.add((project, who))
        return frozenset(found)

    def _left(self, started: Fact, day: date) -> bool:
        key = {name: started.data[name] for name in ("project_id", "organisation_id")}
        parts = sorted(self.of("enrolment.started", **key), key=lambda f: (f.day(), f.position))
        ends = self.of("enrolment.ended", **key)
        last_day: dict[int, date] = {}
        for end in sorted(ends, key=lambda f: (f.day("last_day"), f.position)):
            still = [p for p in parts if p.position not in last_day]
            begun = [p for p in still if p.day() <= end.day("last_day")]
            last_day[begun[-1].position] = end.day("last_day")
        return started.position in last_day and last_day[started.position] < day

    # --- activities ------------------------------------------------------------------------------

    @cached_property
    def held(self) -> dict[str, date]:
        """Those that took place, and when."""
        return {
            f.data["activity_id"]: f.day("held_on")
            for f in self.of("activity.held")
            if not self.of("activity.cancelled", activity_id=f.data["activity_id"])
        }

    def _organisers(self, activity: str) -> list[str]:
        said = self.of("activity.scheduled", "activity.changed", activity_id=activity)
        told = [f.data["organisers"] for f in said if "organisers" in f.data]
        return list(dict.fromkeys(told[-1]))

    def venue(self, activity: str, what: str) -> str | None:
        """Its `activity_kind`, `mode`, `activity_nuts3` or `activity_nuts2`."""
        said = self.of("activity.scheduled", "activity.changed", activity_id=activity)
        name = "nuts3" if "nuts" in what else what.removeprefix("activity_")
        told = [f.data[name] for f in said if name in f.data]
        if not told:
            return None
        return str(told[-1][:4] if what == "activity_nuts2" else told[-1])

    def held_in(self, first: date, last: date, where: Where) -> list[str]:
        return [
            activity
            for activity, day in self.held.items()
            if first <= day <= last and where.has(self.organisers(activity))
        ]

    def attendances(self, activity: str) -> dict[str, str | None]:
        """Who was recorded (references), and for which organisation."""
        came = {}
        for fact in self.of("attendance.recorded", activity_id=activity):
            ref = fact.data["person_ref"]
            signs = self.of(
                "attendance.registered",
                "attendance.withdrawn",
                activity_id=activity,
                person_ref=ref,
            )
            signed_for = signs[-1].data.get("organisation_id") if signs else None
            came[ref] = fact.data.get("organisation_id") or signed_for
        return came

    def named(self, activity: str) -> set[str]:
        """Distinct persons."""
        return {self.person(ref) for ref in self.attendances(activity)}

    def stayed_away(self, activity: str) -> set[str]:
        """Persons registered and not recorded, under whatever reference."""
        signs: dict[str, str] = {}
        for fact in self.of("attendance.registered", "attendance.withdrawn", activity_id=activity):
            signs[fact.data["person_ref"]] = fact.type
        registered = {ref for ref, sign in signs.items() if sign == "attendance.registered"}
        return {self.person(ref) for ref in registered} - self.named(activity)

    def counted(self, activity: str, scope: str) -> int | None:
        fact = self.last("headcount.recorded", activity_id=activity, scope=scope)
        return None if fact is None else int(fact.data["count"])

    def lists(self, activity: str) -> list[bool]:
        """Of each list that was imported, whether it was complete."""
        lists = self.of("attendance_list.imported", activity_id=activity)
        return [fact.data["complete"] for fact in lists]

    def participations_of(self, activity: str) -> int:
        lists = self.lists(activity)
        named, total = len(self.named(activity)), self.counted(activity, "total")
        if total is None or any(lists):
            return named + (self.counted(activity, "unlisted") or 0)
        return max(total, named)

    def terms(self, project: str, day: date) -> dict[str, int]:
        """Volume and grant in force on a day; nothing before the approval."""
        said = self.of("project.approved", "project.grant_changed", project_id=project)
        known = [fact for fact in said if fact.day() <= day]
        last = max(known, key=lambda fact: (fact.day(), fact.position), default=None)
        return {} if last is None else last.data

    # --- who was involved ------------------------------------------------------------------------

    def _involved(self, day: date, where: Where) -> frozenset[str]:
        """Identities on one day: members, the enrolled, those somebody came for."""
        found = {who for who, cluster in self.members(day) if where.has([cluster])}
        for project, who in self.enrolled(day):
            if where.has(self.clusters_of_project(project)):
                found.add(who)
        for activity in self.held_in(day, day, where):
            found.update(who for who in self.attendances(activity).values() if who)
        return frozenset(self.identity(who, day) for who in found)

    def _stock(self, day: date, where: Where) -> frozenset[str]:
        """Identities of the members of one day."""
        there = self.members(day)
        return frozenset(self.identity(who, day) for who, cluster in there if where.has([cluster]))

    def _parts(self, day: date, where: Where) -> frozenset[tuple[str, str]]:
        """(project, identity) of one day."""
        return frozenset(
            (project, self.identity(who, day))
            for project, who in self.enrolled(day)
            if where.has(self.clusters_of_project(project))
        )
