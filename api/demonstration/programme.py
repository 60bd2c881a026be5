"""The demonstration programme: a made-up history of twenty years, the same bytes for the same seed.

A run plans the lives of organisations, activities and projects first (small), then walks through
the days in order and posts what became known on each. Memory holds the plan and the people, never
the facts.
"""

from collections.abc import Iterator
from datetime import date
from itertools import chain
from random import Random
from typing import Final

from . import activities, meetings, projects
from .clusters import BEGAN_ON, CODES, EVERY_CLUSTER, PILOT_CLOSED_ON, PILOT_INDEX, RENAMED
from .days import Days
from .figures import Expected, Ledgerless
from .lives import Lives
from .people import Pool, person_ref
from .posting import OFFICE, Desk, Posted
from .regions import nuts_sha256
from .register import (
    NACE,
    NACE_LATER,
    NACE_NEW_CODE,
    SIZE_EDITION,
    SIZES,
    Register,
    code_list_sha256,
)

COMPANIES: Final = 8_500
ACTIVITIES: Final = 8_004
PARTICIPATIONS: Final = 464_032
NAMED_AT_LEAST: Final = 404_000
PROJECTS: Final = 1_103
OTHERS: Final = 1_150
FACTS: Final = 540_000
"""What scale 1 has: exactly so many, but at least so many named, and roughly so many facts."""


class _Run:
    """One walk through the history: what is planned, posted and expected."""

    def __init__(self, scale: float, seed: int, today: date) -> None:
        self.days = Days(today)
        rng = Random(seed)  # noqa: S311 - a made-up history must repeat, not surprise
        self.books = Ledgerless(self.days)
        self.desk = Desk(self.days, rng, f"demo-{seed}-")
        pools = [Pool(self.desk, rng) for _ in CODES]
        register = Register(self.desk, self.books, pools, rng)
        self._plan_office()
        size = _Sizes(scale)
        held = activities.planned(self.days, rng, size.activities, size.participations, size.named)
        run = projects.planned(self.days, rng, size.projects)
        activities.enter_books(self.books, self.days, held)
        Lives(register, held, run).everybody(size.companies, size.others)
        self.books.seal_identities()
        consortia = projects.Consortia(register, pools)
        for project in run:
            consortia.plan(project)
        consortia.plan_unstarted(size.projects // 6 + 2)
        events = meetings.Meetings(register, pools)
        for activity in held:
            events.plan(activity)
        events.plan_cancelled(size.activities // 20 + 2)
        events.plan_ahead(size.activities // 200 + 2)
        self._plan_doubled_people(held, size.companies // 400 + 1)

    def _plan_office(self) -> None:
        """What the programme office posts: code lists, and the clusters' beginnings, names and
        ends.
        """
        for scheme, edition, sha256 in (
            ("nuts3", "2024", nuts_sha256()),
            ("nace", "NACE Rev. 2", code_list_sha256(NACE)),
            ("nace", NACE_LATER, code_list_sha256((*NACE, NACE_NEW_CODE))),
            ("size_class", SIZE_EDITION, code_list_sha256(SIZES)),
        ):
            data = {"scheme": scheme, "edition": edition, "sha256": sha256}
            self.desk.at(0, self.desk.post, OFFICE, "code_list.published.v1", data)
        renamed, earlier, renamed_on = RENAMED
        for number, (code, name, _) in enumerate(EVERY_CLUSTER):
            data = {"cluster": code, "name": earlier if number == renamed else name}
            data["effective_on"] = BEGAN_ON[number].isoformat()
            self.desk.at(0, self.desk.post, OFFICE, "cluster.registered.v1", data)
        new_name = {"cluster": CODES[renamed], "name": EVERY_CLUSTER[renamed][1]}
        new_name["effective_on"] = renamed_on.isoformat()
        day = self.days.number(renamed_on)
        self.desk.at(day, self.desk.post, OFFICE, "cluster.renamed.v1", new_name)
        closed = {"cluster": CODES[PILOT_INDEX], "effective_on": PILOT_CLOSED_ON.isoformat()}
        self.desk.at(self.days.pilot_closed, self.desk.post, OFFICE, "cluster.closed.v1", closed)

    def _plan_doubled_people(self, held: list[activities.Activity], wanted: int) -> None:
        """Guests of two activities turn out to be one person, who had changed employers."""
        guests = [activity.guests[0] for activity in held if activity.guests]
        for one, other in zip(guests[0 : 2 * wanted : 2], guests[1 : 2 * wanted : 2], strict=False):
            data = {"person_ref": person_ref(one), "of": person_ref(other)}
            self.desk.at(self.days.end, self.desk.post, OFFICE, "person.marked_duplicate.v1", data)

    def chunks(self) -> Iterator[list[Posted]]:
        """The facts of each day, in posting order."""
        for day in range(self.days.end + 1):
            if posted := self.desk.run(day):
                yield posted


class _Sizes:
    """How much of everything a scale means."""

    def __init__(self, scale: float) -> None:
        self.companies = max(1, round(COMPANIES * scale))
        self.activities = max(1, round(ACTIVITIES * scale))
        self.participations = max(round(PARTICIPATIONS * scale), 3 * self.activities)
        self.named = round(NAMED_AT_LEAST * scale)
        self.projects = max(1, round(PROJECTS * scale))
        self.others = round(OTHERS * scale)


class Programme:
    """A history to be posted, and the figures a ledger must answer afterwards.

    Every iteration walks through the history anew and gives the same facts; only the plan is held
    in memory.
    """

    def __init__(self, scale: float, seed: int, today: date) -> None:
        """Raises ValueError for a scale that is not positive and for a day that leaves no time."""
        if not scale > 0:
            raise ValueError(f"a programme's scale is more than 0, not {scale}")
        Days(today)
        self.scale = scale
        self.seed = seed
        self.today = today
        self._expected: Expected | None = None

    @property
    def facts_estimate(self) -> int:
        """About how many facts there are: for a progress bar, before `expected` is known."""
        return round(FACTS * self.scale)

    def facts(self) -> Iterator[Posted]:
        """Every fact, in posting order. Facts of one command follow each other."""
        return chain.from_iterable(self.chunks())

    def chunks(self) -> Iterator[list[Posted]]:
        """The facts of each day, in posting order; a command is never split. The fastest way
        through.
        """
        run = _Run(self.scale, self.seed, self.today)
        yield from run.chunks()
        self._expected = run.books.expected(run.desk.count, run.desk.by_type)

    def commands(self) -> Iterator[tuple[Posted, ...]]:
        """The facts by command: a correction's void and replacement together, all others alone."""
        command: list[Posted] = []
        for fact in self.facts():
            if command and (fact.group is None or fact.group != command[-1].group):
                yield tuple(command)
                command = []
            command.append(fact)
        if command:
            yield tuple(command)

    def batches(self, size: int = 1000) -> Iterator[list[Posted]]:
        """The facts in lists of `size`, a little shorter where a command would be split (2 <=
        size).
        """
        if size < 2:
            raise ValueError(f"a batch must hold a command of two facts, not {size}")
        waiting: list[Posted] = []
        for chunk in self.chunks():
            waiting += chunk
            start = 0
            while len(waiting) - start > size:
                cut = _cut(waiting, start + size)
                yield waiting[start:cut]
                start = cut
            del waiting[:start]
        if waiting:
            yield waiting

    def expected(self) -> Expected:
        """The exact figures, from the generator's books. Walks through the history if nobody did
        yet.
        """
        if self._expected is None:
            for _ in self.chunks():
                pass
        assert self._expected is not None
        return self._expected


def _cut(facts: list[Posted], cut: int) -> int:
    """The last place at or before `cut` where a command ends."""
    while facts[cut].group is not None and facts[cut].group == facts[cut - 1].group:
        cut -= 1
    return cut


def programme(scale: float = 1.0, seed: int = 1, today: date | None = None) -> Programme:
    """The demonstration programme at a scale (1: the published headline figures; 0.01 to 10 are
    tried).

    Facts are deterministic by (scale, seed, today), and the same for every `today` after
    `PROGRAMME_END`.
    """
    return Programme(scale, seed, today or date.today())  # noqa: DTZ011 - a calendar day is all it takes
