"""Projects: proposed, approved, run and ended, and who is enrolled in them."""

from random import Random
from typing import Any, Final

from .clusters import CLUSTERS, CODES, WEIGHTS
from .days import Days
from .figures import FAR, Ledgerless
from .people import Organisation, Pool
from .posting import Desk
from .register import Register

STARTED: Final = "project.started.v1"
ENROLLED: Final = "enrolment.started.v1"
_SUBJECTS: Final = [
    "Leichtbau",
    "Digitaler Zwilling",
    "Sensorfusion",
    "Rückgewinnung",
    "Wasserstoff",
    "Holzhybrid",
    "Zellkultur",
    "Antriebsstrang",
    "Prüftechnik",
    "Assistenzsysteme",
    "Kreislaufwirtschaft",
    "Energiespeicher",
]


class Project:
    """One project that runs from `first` to `last`, inclusive; `last` may lie after the programme's
    end.
    """

    __slots__ = ("clusters", "first", "last", "number", "pinned", "uuid")

    def __init__(self, number: int, clusters: tuple[int, ...], first: int, last: int) -> None:
        self.number = number
        self.clusters = clusters
        self.first = first
        self.last = last
        self.uuid = ""
        self.pinned: list[Organisation] = []

    @property
    def lead(self) -> int:
        """The leading cluster's index."""
        return self.clusters[0]


def planned(days: Days, rng: Random, wanted: int) -> list[Project]:
    """So many projects that start, over the whole time."""
    shares = [index for index, weight in enumerate(WEIGHTS[: len(CLUSTERS)]) for _ in range(weight)]
    every = []
    for number in range(wanted):
        lead = shares[int(rng.random() * len(shares))]
        begin = days.began[lead] + 150
        first = begin + int(rng.random() * (days.end - 45 - begin))
        clusters = [lead]
        for _ in range(2 if number % 21 == 4 else 1 if number % 7 == 4 else 0):
            other = int(rng.random() * len(CLUSTERS))
            if other not in clusters and days.began[other] < first - 150:
                clusters.append(other)
        last = first + 365 + int(rng.random() * 1100)
        if number % 16 == 9:
            last = first + 120  # given up
        every.append(Project(number, tuple(clusters), first, last))
    return every


class Consortia:
    """Plans and posts everything about projects."""

    def __init__(self, register: Register, pools: list[Pool]) -> None:
        self.register = register
        self.desk: Desk = register.desk
        self.books: Ledgerless = register.books
        self.rng: Random = register.rng
        self.pools = pools

    def plan(self, project: Project) -> None:
        """The project into the books, and its work into the desk's buckets."""
        project.uuid = self.desk.uuid()
        days = self.desk.days
        years = range(days.year[project.first], days.year[min(project.last, days.end)] + 1)
        self.books.count(2, project.clusters, years)
        proposed = project.first - 30 - int(self.rng.random() * 100)
        self.desk.at(proposed, self.propose, project, proposed)
        volume = (50 + int(self.rng.random() * 1950)) * 100_000
        after = project.number % 9 == 2  # approved when it already runs
        approved = project.first + (30 if after else -20)
        self.desk.at(approved, self.approve, "project.approved.v1", project, volume, approved)
        self.desk.at(project.first, self.start, project)
        if project.number % 12 == 5 and project.first + 200 < min(project.last, days.end):
            changed = project.first + 200
            what = "project.grant_changed.v1"
            self.desk.at(changed, self.approve, what, project, volume * 6 // 5, changed)

    def plan_unstarted(self, wanted: int) -> None:
        """Projects that were proposed, half of them approved, and never began."""
        for number in range(wanted):
            cluster = number % len(CLUSTERS)
            begin = self.desk.days.began[cluster] + 30
            day = begin + int(self.rng.random() * (self.desk.days.end - 100 - begin))
            project = Project(number, (cluster,), day, day)
            project.uuid = self.desk.uuid()
            self.desk.at(day, self.propose, project, day)
            if number % 2:
                self.desk.at(
                    day + 80, self.approve, "project.approved.v1", project, 20_000_000, day + 80
                )

    def propose(self, project: Project, day: int) -> None:
        """Posts the proposal."""
        subject = _SUBJECTS[int(self.rng.random() * len(_SUBJECTS))]
        data = {
            "project_id": project.uuid,
            "title": f"{subject} {self.desk.days.year[day]}-{project.number + 1}",
            "clusters": [CODES[one] for one in project.clusters],
            "effective_on": self.desk.days.iso[day],
        }
        self.desk.post(project.lead, "project.proposed.v1", data)

    def approve(self, what: str, project: Project, volume_cents: int, day: int) -> None:
        """Posts an approval or a changed grant: half of the volume."""
        data: dict[str, Any] = {"project_id": project.uuid, "effective_on": self.desk.days.iso[day]}
        data |= {"volume_cents": volume_cents, "grant_cents": volume_cents // 2}
        self.desk.post(project.lead, what, data)

    def start(self, project: Project) -> None:
        """Settles the consortium by the members of the day, and plans what is posted of it."""
        lead = project.lead
        posted = project.first + int(self.rng.random() * 25)
        if project.number % 50 == 31:
            posted += 300
        self.desk.at(posted, self.post_start, project)
        chosen = self._consortium(project)
        turn, last = project.number, project.last
        closing = min(last, self.desk.days.end)
        changes = turn % 20 == 11 and len(chosen) > 2 and project.first + 150 < closing
        for place, organisation in enumerate(chosen):
            first, until, role = project.first, FAR, "partner" if place else "lead"
            if place == 0 and changes:
                until = project.first + 99
            elif place == 1 and changes:
                first, role = project.first + 100, "lead"
            elif place > 1 and (turn + place) % 6 == 0 and project.first + 80 < closing:
                first = project.first + 60
            elif place > 1 and (turn + place) % 8 == 0 and project.first + 110 < closing:
                until = project.first + 99
            self._enrol(project, organisation, role, (first, until, posted))
        if turn % 40 == 7:
            self._plan_mistake(project, chosen, posted)
        if last <= self.desk.days.end:
            done = max(last + int(self.rng.random() * 60), posted + 1)
            self.desk.at(
                max(done, posted + 120),
                self.desk.post,
                lead,
                "project.ended.v1",
                self._end(project),
            )

    def _end(self, project: Project) -> dict[str, Any]:
        outcome = "aborted" if project.number % 16 == 9 else "completed"
        iso = self.desk.days.iso[project.last]
        return {"project_id": project.uuid, "last_day": iso, "outcome": outcome}

    def post_start(self, project: Project) -> None:
        """Posts the start; now and then first on a wrong day."""
        if project.number % 40 != 15:
            self._start_on(project, project.first)
            return
        key = (project.uuid, STARTED)
        self.desk.keep(key, self._start_on, project, project.first + 5)
        self.desk.correct(project.lead, key, "wrong day", self._start_on, project, project.first)

    def _start_on(self, project: Project, day: int) -> str:
        data = {"project_id": project.uuid, "effective_on": self.desk.days.iso[day]}
        return self.desk.post(project.lead, STARTED, data)

    def _enrol(
        self, project: Project, organisation: Organisation, role: str, time: tuple[int, int, int]
    ) -> None:
        first, until, posted = time
        closing = min(project.last, until, self.desk.days.end)
        self.books.involve(organisation.number, project.clusters, first, closing)
        day = max(posted, first)
        self.desk.at(day, self._post_enrolment, project, organisation, role, first)
        if until != FAR:
            iso = self.desk.days.iso[until]
            data = {
                "project_id": project.uuid,
                "organisation_id": organisation.uuid,
                "last_day": iso,
            }
            self.desk.at(max(day, until), self.desk.post, project.lead, "enrolment.ended.v1", data)

    def _post_enrolment(
        self, project: Project, organisation: Organisation, role: str, first: int
    ) -> str:
        data = {"project_id": project.uuid, "organisation_id": organisation.uuid, "role": role}
        data["effective_on"] = self.desk.days.iso[first]
        return self.desk.post(project.lead, ENROLLED, data)

    def _plan_mistake(self, project: Project, chosen: list[Organisation], posted: int) -> None:
        """The wrong organisation is enrolled as a partner; its void comes with the right one's
        enrolment.
        """
        roster = self.pools[project.lead].roster
        wrong, right = (
            self._any(roster, project.last, chosen),
            self._any(roster, project.last, chosen),
        )
        if wrong is None or right is None or wrong is right:
            return
        key = (project.uuid, ENROLLED)
        self.books.involve(
            right.number, project.clusters, project.first, min(project.last, self.desk.days.end)
        )
        first = project.first
        self.desk.at(
            posted, self.desk.keep, key, self._post_enrolment, project, wrong, "partner", first
        )
        enrol = (self._post_enrolment, project, right, "partner", first)
        self.desk.at(posted + 20, self.desk.correct, project.lead, key, "mixed up", *enrol)

    def _consortium(self, project: Project) -> list[Organisation]:
        """The lead first; members of the project's clusters, whom it was promised to, and mostly a
        research partner.
        """
        chosen: list[Organisation] = []
        wanted = 2 + int(self.rng.random() * 6)
        for place in range(wanted):
            pool = self.pools[project.clusters[place % len(project.clusters)]]
            if (member := self._any(pool.roster, project.last, chosen)) is not None:
                chosen.append(member)
        if project.number % 9 < 5:
            known = [one for one in self._some_research() if one.known < project.first]
            if (partner := self._any(known, project.last, chosen)) is not None:
                chosen.append(partner)
        chosen += project.pinned
        return chosen

    def _some_research(self) -> list[Organisation]:
        every = self.register.research
        return [every[int(self.rng.random() * len(every))] for _ in range(12)]

    def _any(
        self, among: list[Organisation], last: int, but: list[Organisation]
    ) -> Organisation | None:
        """Somebody who is not dissolved before `last` and not in `but`; None when there is hardly
        anyone.
        """
        for _ in range(8 if among else 0):
            one = among[int(self.rng.random() * len(among))]
            if one.ends > last and one not in but:
                return one
        return None
