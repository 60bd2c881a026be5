"""The four headline figures counted the slow way: day by day, from posted facts alone.

Written from the rules, without the generator's books: it folds every stream anew from the facts
that stand in the end, and asks of every single day who was involved.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from api.demonstration import Posted

ONE_DAY = timedelta(days=1)
OPEN = date.max


class Fact:
    """A posted fact with its position and its decoded data."""

    def __init__(self, position: int, posted: Posted) -> None:
        self.position = position
        self.type = posted.type
        self.event = (posted.source, posted.id)
        self.source = posted.source
        self.data: dict[str, Any] = json.loads(posted.data)

    @property
    def day(self) -> date:
        """Where it stands in its stream's fold: an end the day after `last_day`."""
        if "last_day" in self.data:
            return date.fromisoformat(self.data["last_day"]) + ONE_DAY
        return date.fromisoformat(self.data["effective_on"])


class NaiveCounter:
    """Folds all facts once; figures are then asked for by period and cluster."""

    def __init__(self, posted: Iterable[Posted], end: date) -> None:
        self.end = end
        every = [Fact(position, one) for position, one in enumerate(posted, 1)]
        self.by_type: dict[str, list[Fact]] = defaultdict(list)
        for fact in standing(every):
            self.by_type[fact.type.removesuffix(".v1")].append(fact)

    def of(self, *types: str) -> list[Fact]:
        """The standing facts of some types by position."""
        return sorted((f for t in types for f in self.by_type[t]), key=lambda f: f.position)

    # --- identity and class ----------------------------------------------------------------------

    @cached_property
    def duplicate_of(self) -> dict[str, str]:
        known: dict[str, str] = {}
        for fact in self.of("organisation.marked_duplicate", "organisation.duplicate_reverted"):
            if "of" in fact.data:
                known[fact.data["organisation_id"]] = fact.data["of"]
            else:
                del known[fact.data["organisation_id"]]
        return known

    @cached_property
    def merged(self) -> dict[str, tuple[date, str]]:
        return {
            f.data["organisation_id"]: (f.day, f.data["into"])
            for f in self.of("organisation.merged")
        }

    def identity(self, who: str, day: date) -> str:
        while True:
            if who in self.duplicate_of:
                who = self.duplicate_of[who]
            elif who in self.merged and self.merged[who][0] <= day:
                who = self.merged[who][1]
            else:
                return who

    @cached_property
    def kinds(self) -> dict[str, list[tuple[date, int, str]]]:
        kinds: dict[str, list[tuple[date, int, str]]] = defaultdict(list)
        for fact in self.of("organisation.registered"):
            kinds[fact.data["organisation_id"]].append((fact.day, fact.position, fact.data["kind"]))
        for fact in self.of("organisation.reclassified"):
            if fact.data["scheme"] == "kind":
                row = (fact.day, fact.position, fact.data["code"])
                kinds[fact.data["organisation_id"]].append(row)
        return kinds

    def kind(self, who: str, day: date) -> str | None:
        known = [row for row in sorted(self.kinds[who]) if row[0] <= day]
        return known[-1][2] if known else None

    # --- spells: [first, after) ------------------------------------------------------------------

    @cached_property
    def spells(self) -> list[tuple[str, str, date, date]]:
        """(organisation, cluster, first day, day after the last one)."""
        cut = {f.data["organisation_id"]: f.day for f in self.of("organisation.dissolved")}
        closed = {f.data["cluster"]: f.day for f in self.of("cluster.closed")}
        streams: dict[tuple[str, str], list[Fact]] = defaultdict(list)
        for fact in self.of("membership.admitted", "membership.ended"):
            streams[fact.data["organisation_id"], fact.data["cluster"]].append(fact)
        spells = []
        for (who, cluster), facts in streams.items():
            limit = min(cut.get(who, OPEN), closed.get(cluster, OPEN))
            for first, after in fold_spells(facts):
                spells.append((who, cluster, first, min(after, limit)))
        return spells

    @cached_property
    def projects(self) -> dict[str, tuple[list[str], date, date]]:
        """Those that started: (clusters, first day, day after the last one)."""
        clusters = {f.data["project_id"]: f.data["clusters"] for f in self.of("project.proposed")}
        ends = {f.data["project_id"]: f.day for f in self.of("project.ended")}
        return {
            f.data["project_id"]: (
                clusters[f.data["project_id"]],
                f.day,
                ends.get(f.data["project_id"], OPEN),
            )
            for f in self.of("project.started")
        }

    @cached_property
    def enrolments(self) -> list[tuple[str, list[str], date, date]]:
        streams: dict[tuple[str, str], list[Fact]] = defaultdict(list)
        for fact in self.of("enrolment.started", "enrolment.ended"):
            streams[fact.data["project_id"], fact.data["organisation_id"]].append(fact)
        rows = []
        for (project, who), facts in streams.items():
            clusters, _, project_after = self.projects[project]
            for first, after in fold_spells(facts):
                rows.append((who, clusters, first, min(after, project_after)))
        return rows

    # --- activities ------------------------------------------------------------------------------

    @cached_property
    def held(self) -> dict[str, date]:
        return {
            f.data["activity_id"]: date.fromisoformat(f.data["held_on"])
            for f in self.of("activity.held")
        }

    @cached_property
    def organisers(self) -> dict[str, list[str]]:
        return {
            f.data["activity_id"]: f.data["organisers"]
            for f in self.of("activity.scheduled", "activity.changed")
            if "organisers" in f.data
        }

    @cached_property
    def named(self) -> dict[str, dict[str, str | None]]:
        """Activity -> person -> organisation."""
        named: dict[str, dict[str, str | None]] = defaultdict(dict)
        for fact in self.of("attendance.recorded"):
            person = fact.data["person_ref"]
            assert person not in named[fact.data["activity_id"]], "recorded twice"
            named[fact.data["activity_id"]][person] = fact.data.get("organisation_id")
        return named

    @cached_property
    def participations(self) -> dict[str, int]:
        counts: dict[tuple[str, str], int] = {}
        for fact in self.of("headcount.recorded"):
            counts[fact.data["activity_id"], fact.data["scope"]] = fact.data["count"]
        complete = {
            f.data["activity_id"] for f in self.of("attendance_list.imported") if f.data["complete"]
        }
        result = {}
        for activity in self.held:
            named = len(self.named[activity])
            total = counts.get((activity, "total"))
            unlisted = counts.get((activity, "unlisted"), 0)
            if activity in complete or total is None:
                result[activity] = named + unlisted
            else:
                result[activity] = max(total, named)
        return result

    # --- involvement, day by day -----------------------------------------------------------------

    @cached_property
    def involved_days(self) -> dict[tuple[int, str], set[str]]:
        """(year, cluster) -> identities involved on some day of it."""
        involved: dict[tuple[int, str], set[str]] = defaultdict(set)
        stays = [(who, [cluster], first, after) for who, cluster, first, after in self.spells]
        for who, clusters, first, after in stays + self.enrolments:
            day = first
            while day < after and day <= self.end:
                for cluster in clusters:
                    involved[day.year, cluster].add(self.identity(who, day))
                day += ONE_DAY
        for activity, day in self.held.items():
            for who in self.named[activity].values():
                for cluster in self.organisers[activity] if who else []:
                    involved[day.year, cluster].add(self.identity(str(who), day))
        return involved

    def involved(self, year: int | None = None, cluster: str | None = None) -> set[str]:
        return {
            who
            for (then, where), every in self.involved_days.items()
            if year in {None, then} and cluster in {None, where}
            for who in every
        }

    def headline(
        self, year: int | None = None, cluster: str | None = None
    ) -> tuple[int, int, int, int]:
        """Companies, activities, participations, projects of a year or all, of a cluster or all."""
        last = min(self.end, date(year, 12, 31)) if year else self.end
        first = date(year, 1, 1) if year else date.min
        companies = [w for w in self.involved(year, cluster) if self.kind(w, last) == "company"]
        activities = [
            one
            for one, day in self.held.items()
            if first <= day <= last and (not cluster or cluster in self.organisers[one])
        ]
        projects = [
            start
            for clusters, start, after in self.projects.values()
            if start <= last and after > first and (not cluster or cluster in clusters)
        ]
        people = sum(self.participations[one] for one in activities)
        return len(companies), len(activities), people, len(projects)

    def members_on(self, day: date) -> int:
        """Distinct identities with a spell that covers the day."""
        return len({self.identity(who, day) for who, _, a, b in self.spells if a <= day < b})


def standing(facts: list[Fact]) -> list[Fact]:
    """The facts without voids and without what they void."""
    gone: set[tuple[str, str]] = set()
    attendances: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    for fact in facts:
        person = (fact.data.get("activity_id", ""), fact.data.get("person_ref", ""))
        if fact.type == "fact.voided.v1":
            gone.add((fact.data.get("target_source", fact.source), fact.data["target"]))
        elif fact.type == "attendance.voided.v1":
            gone.update(earlier.event for earlier in attendances[person])
        elif fact.type.startswith("attendance."):
            attendances[person].append(fact)
    voids = {"fact.voided.v1", "attendance.voided.v1"}
    return [fact for fact in facts if fact.event not in gone and fact.type not in voids]


def fold_spells(facts: list[Fact]) -> list[tuple[date, date]]:
    """[first, after) of each spell, in order of (effective day, position)."""
    spells: list[tuple[date, date]] = []
    for fact in sorted(facts, key=lambda f: (f.day, f.position)):
        if "last_day" in fact.data:
            assert spells, "an end without a spell"
            first, after = spells[-1]
            assert after == OPEN, "a second end"
            assert first < fact.day, "an end before its spell"
            spells[-1] = (first, fact.day)
        else:
            assert not spells or spells[-1][1] <= fact.day, "spells overlap"
            spells.append((fact.day, OPEN))
    return spells
