"""Every figure of the catalogue, counted on `Naive`: what is counted, and under which class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from itertools import combinations
from typing import Final, NamedTuple

from tests.figures.naive import ONE_DAY, Naive, Where, days

UNKNOWN: Final = "unknown"
SME: Final = {"micro", "small", "medium", "sme"}
RESEARCH: Final = {"university", "research_institute"}
Cells = dict[str, tuple[int, ...]]


class Asked(NamedTuple):
    """From a day to a day, where, by which class (if any), and what a share is of."""

    first: date
    last: date
    where: Where
    by: str = ""
    of: str = ""


class Count:
    """One question to what is known."""

    def __init__(self, known: Naive, asked: Asked) -> None:
        self.n, self.a = known, asked

    # --- tools -----------------------------------------------------------------------------------

    def days(self) -> Iterator[date]:
        return days(max(self.a.first, self.n.begin), min(self.a.last, self.n.end))

    def code(self, who: str, day: date) -> str:
        """An organisation's class on a day; '' where nothing is told apart."""
        return (self.n.class_of(who, self.a.by, day) or UNKNOWN) if self.a.by else ""

    def venue(self, activity: str) -> str:
        return (self.n.venue(activity, self.a.by) or UNKNOWN) if self.a.by else ""

    def held(self) -> list[str]:
        return self.n.held_in(self.a.first, self.a.last, self.a.where)

    def by_class(self, everybody: Iterable[str]) -> Cells:
        """Organisations, by their class on the last day."""
        return tally(self.code(who, self.a.last) for who in everybody)

    def involved(self) -> set[str]:
        return {who for day in self.days() for who in self.n.involved(day, self.a.where)}

    def stock(self, day: date) -> frozenset[str]:
        return self.n.stock(day, self.a.where)

    # --- members ---------------------------------------------------------------------------------

    def members(self) -> Cells:
        return self.by_class(self.stock(self.a.last))

    def membership_pairs(self) -> Cells:
        there = self.n.members(self.a.last)
        pairs = {(self.n.identity(who, self.a.last), c) for who, c in there}
        return self.by_class(who for who, c in pairs if self.a.where.has([c]))

    def _absorbed(self, day: date) -> dict[str, str]:
        """Those in stock until the day before whose heir is in stock: heir by identity."""
        gone = self.stock(day - ONE_DAY) - self.stock(day)
        heirs = {who: self.n.identity(who, day) for who in gone}
        return {who: heir for who, heir in heirs.items() if heir in self.stock(day)}

    def _entered(self, *, again: bool) -> Iterator[str]:
        """Who came into stock and takes nobody's place: for the first time, or again."""
        for day in self.days():
            new = self.stock(day) - self.stock(day - ONE_DAY) - set(self._absorbed(day).values())
            for who in new:
                earlier = days(self.n.begin, day - ONE_DAY)
                if again == any(who in self.stock(before) for before in earlier):
                    yield who

    def joins(self) -> Cells:
        return self.by_class(self._entered(again=False))

    def rejoins(self) -> Cells:
        return self.by_class(self._entered(again=True))

    def leavers(self) -> Cells:
        return self.by_class(
            who
            for day in self.days()
            for who in self.stock(day - ONE_DAY) - self.stock(day) - set(self._absorbed(day))
        )

    def mergers_in_stock(self) -> Cells:
        fewer = 0
        for day in self.days():
            absorbed = self._absorbed(day)
            fewer += len(absorbed) - len(set(absorbed.values()) - self.stock(day - ONE_DAY))
        return {"": (fewer,)}

    def retention(self) -> Cells:
        before = self.a.first - ONE_DAY
        base = self.stock(before)
        kept = {w for w in base if self.n.identity(w, self.a.last) in self.stock(self.a.last)}
        code = self._joined if self.a.by == "joined" else lambda who: self.code(who, before)
        every, still = (Counter(map(code, group)) for group in (base, kept))
        return {key: (still[key], count, 0) for key, count in every.items()}

    def _joined(self, who: str) -> str:
        """The year of the first day in stock."""
        return str(next(d.year for d in days(self.n.begin, self.a.last) if who in self.stock(d)))

    # --- involvement -----------------------------------------------------------------------------

    def organisations_involved(self) -> Cells:
        return self.by_class(self.involved())

    def companies_involved(self) -> Cells:
        return self.by_class(
            who for who in self.involved() if self.n.class_of(who, "kind", self.a.last) == "company"
        )

    def first_time_organisations(self) -> Cells:
        before = days(self.n.begin, self.a.first - ONE_DAY)
        known = {who for day in before for who in self.n.involved(day, self.a.where)}
        return self.by_class(self.involved() - known)

    # --- activities ------------------------------------------------------------------------------

    def activities(self) -> Cells:
        return tally(map(self.venue, self.held()))

    def participations(self) -> Cells:
        if self.a.by in {"kind", "size_class", "spatial", "nuts2", "nuts3"}:
            return self._participations_by_class()
        return add((self.venue(one), (self.n.participations_of(one),)) for one in self.held())

    def _sent(self) -> Iterator[tuple[str | None, date, int]]:
        """Participations by the identity somebody came for, if any, and the day."""
        for activity in self.held():
            day, rest = self.n.held[activity], self.n.participations_of(activity)
            seen = set()
            for ref, sent_by in sorted(self.n.attendances(activity).items()):
                if sent_by and self.n.person(ref) not in seen:
                    seen.add(self.n.person(ref))
                    yield self.n.identity(sent_by, day), day, 1
            yield None, day, rest - len(seen)

    def _participations_by_class(self) -> Cells:
        return add(
            (self.code(who, day) if who else UNKNOWN, (persons,))
            for who, day, persons in self._sent()
        )

    def coverage(self) -> Cells:
        return add(
            (self.venue(one), (len(self.n.named(one)), self.n.participations_of(one), 0))
            for one in self.held()
        )

    def _visits(self) -> Counter[tuple[str, str]]:
        """At how many activities of a class each person was."""
        return Counter((self.venue(one), who) for one in self.held() for who in self.n.named(one))

    def distinct_persons(self) -> Cells:
        return tally(key for key, _ in self._visits())

    def repeat_persons(self) -> Cells:
        return tally(key for (key, _), times in self._visits().items() if times > 1)

    def no_shows(self) -> Cells:
        return add(
            (self.venue(one), (len(self.n.stayed_away(one)),))
            for one in self.held()
            if self.n.named(one) or self.n.lists(one)
        )

    # --- projects --------------------------------------------------------------------------------

    def _projects(self, type: str, field: str) -> list[str]:
        """Those of which this happened on a day of the period."""
        return [
            fact.data["project_id"]
            for fact in self.n.of(type)
            if self.a.first <= fact.day(field) <= self.a.last
            and self.a.where.has(self.n.clusters_of_project(fact.data["project_id"]))
        ]

    def projects_running(self) -> Cells:
        return tally(
            ""
            for fact in self.n.of("project.started")
            if self.a.where.has(self.n.clusters_of_project(fact.data["project_id"]))
            and any(self.n.runs(fact.data["project_id"], day) for day in self.days())
        )

    def projects_started(self) -> Cells:
        return tally("" for _ in self._projects("project.started", "effective_on"))

    def projects_approved(self) -> Cells:
        return tally("" for _ in self._projects("project.approved", "effective_on"))

    def projects_ended(self) -> Cells:
        return tally("" for _ in self._projects("project.ended", "last_day"))

    def _money(self, what: str) -> Cells:
        sums = [
            sum(self.n.terms(project, self.a.last).get(what, 0) for project in projects)
            for projects in (
                self._projects("project.approved", "effective_on"),
                self._projects("project.started", "effective_on"),
            )
        ]
        return {"": tuple(sums)}

    def grant_cents(self) -> Cells:
        return self._money("grant_cents")

    def volume_cents(self) -> Cells:
        return self._money("volume_cents")

    def enrolments(self) -> Cells:
        pairs = {pair for day in self.days() for pair in self.n.parts(day, self.a.where)}
        first = {
            pair: next(d for d in days(self.n.begin, self.n.end) if pair in self.n.parts(d, EACH))
            for pair in pairs
        }
        return tally(self.code(pair[1], first[pair]) for pair in pairs)

    def partner_edges(self) -> Cells:
        edges = set()
        for day in self.days():
            for (one, who), (other, partner) in combinations(
                sorted(self.n.parts(day, self.a.where)), 2
            ):
                if one == other:
                    edges.add(frozenset((who, partner)))
        return {"": (len(edges),)}

    def newly_engaged_with_research(self) -> Cells:
        def engaged(day: date) -> set[str]:
            kinds = {
                (project, who): self.n.class_of(who, "kind", day)
                for project, who in self.n.parts(day, self.a.where)
            }
            research = {project for (project, _), kind in kinds.items() if kind in RESEARCH}
            return {w for (p, w), kind in kinds.items() if kind == "company" and p in research}

        before = days(self.n.begin, self.a.first - ONE_DAY)
        known = {who for day in before for who in engaged(day)}
        return self.by_class({who for day in self.days() for who in engaged(day)} - known)

    # --- shares ----------------------------------------------------------------------------------

    def _sampled(self) -> Iterator[tuple[str | None, date, int]]:
        if self.a.of == "participations":
            yield from self._sent()
            return
        everybody = self.involved() if self.a.of == "involved" else self.stock(self.a.last)
        yield from ((who, self.a.last, 1) for who in everybody)

    def _share(self, judge: Callable[[str | None, date], bool | str | None]) -> Cells:
        """`judge` says True or False of what is known, None of the unknown, '' of what is out."""
        cells = []
        for who, day, amount in self._sampled():
            verdict = judge(who, day)
            numbers = (verdict is True, verdict in {True, False}, verdict is None)
            key = (self.code(who, day) if who else UNKNOWN) if self.a.by else ""
            cells.append((key, tuple(amount * number for number in numbers)))
        return add(cells)

    def sme_share(self) -> Cells:
        def judge(who: str | None, day: date) -> bool | str | None:
            kind = who and self.n.class_of(who, "kind", day)
            if not who or not kind:
                return None
            size = self.n.class_of(who, "size_class", day)
            return "" if kind != "company" else None if size is None else size in SME

        return self._share(judge)

    def rural_share(self) -> Cells:
        def judge(who: str | None, day: date) -> bool | str | None:
            area = who and self.n.class_of(who, "spatial", day)
            return area == "rural" if area else None

        return self._share(judge)


EACH: Final = Where()


def tally(keys: Iterable[str]) -> Cells:
    return {key: (count,) for key, count in Counter(keys).items()}


def add(cells: Iterable[tuple[str, tuple[int, ...]]]) -> Cells:
    sums: Cells = {}
    for key, numbers in cells:
        before = sums.get(key, (0,) * len(numbers))
        sums[key] = tuple(a + b for a, b in zip(before, numbers, strict=True))
    return sums


def cells(known: Naive, figure: str, asked: Asked) -> Cells:
    """A figure's numbers by class, without zeros."""
    counted: Cells = getattr(Count(known, asked), figure)()
    return {key: numbers for key, numbers in counted.items() if any(numbers)}
