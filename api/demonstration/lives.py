"""The lives of all organisations: ordinary ones, and those that merge, split, dissolve, or are
found to be somebody else.

Every company planned here is told apart as counted or not, so the number of companies involved is
exact by construction: planning goes on until it is reached.
"""

from collections.abc import Callable
from typing import Final

from .activities import Activity
from .clusters import PILOT_HEIR, PILOT_INDEX
from .figures import FAR
from .ordinary import OrdinaryLives
from .people import Organisation
from .posting import canonical
from .projects import Project
from .register import ADMITTED, Register

CYCLE: Final = 80
"""Special lives recur every so many companies: even a small programme has the common ones."""
_OTHER_KINDS: Final = [
    "research_institute",
    "association",
    "public_body",
    "other",
    "university",
    "association",
    "chamber",
    "public_body",
]


class Lives(OrdinaryLives):
    """Plans all organisations of a programme."""

    def __init__(
        self, register: Register, activities: list[Activity], projects: list[Project]
    ) -> None:
        super().__init__(register)
        self.guestbooks = [one for one in activities if one.named >= 6 and one.day >= 40]
        self.projects = projects
        self.special: dict[int, tuple[int, Callable[[int], int]]] = {
            **dict.fromkeys((5, 13, 21, 37, 53, 69), (1, self.guest)),
            **dict.fromkeys((29, 61), (1, self.enrolled_only)),
            **dict.fromkeys((7, 47), (1, self.merging_pair)),
            **dict.fromkeys((11, 43), (1, self.doubled)),
            **dict.fromkeys((17, 57), (1, self.dissolving)),
            3: (1, self.declined),
            23: (3, self.turning_institute),
            31: (3, self.turning_company),
            33: (2, self.pilot_member),
            39: (6, self.splitting),
            45: (6, self.wrongly_doubled),
            49: (3, self.never_admitted),
            51: (1, self.admitted_elsewhere),
        }

    def everybody(self, companies: int, others: int) -> None:
        """Plans until exactly so many companies will have been involved, beside so many other
        organisations.
        """
        for cluster in range(len(self.desk.days.began)):
            self.anchor(cluster)
        for number in range(others):
            self.ordinary(number % CYCLE, _OTHER_KINDS[number % len(_OTHER_KINDS)])
        counted = number = 0
        while counted < companies:
            every, life = self.special.get(number % CYCLE, (1, self.ordinary))
            plain = number // CYCLE % every or companies - counted < 4
            counted += (self.ordinary if plain else life)(number % CYCLE)
            number += 1

    # --- special lives: each says how many counted companies it made ------------------------------

    def guest(self, turn: int) -> int:
        """Never a member: somebody of it came to one activity."""
        activity = self._free_place()
        if activity is None:
            return self.ordinary(turn)
        known = activity.day - 1 - int(self.rng.random() * 30)
        organisation, _ = self.register.organisation(
            "company", activity.lead, activity.day - 35, known
        )
        activity.guests.append(b'%b%b"' % (organisation.head, self.desk.uuid().encode()))
        return 1

    def _free_place(self) -> Activity | None:
        for _ in range(20 if self.guestbooks else 0):
            activity = self.guestbooks[int(self.rng.random() * len(self.guestbooks))]
            if len(activity.guests) < activity.named // 5:
                return activity
        return None

    def enrolled_only(self, turn: int) -> int:
        """Never a member: a partner in one project."""
        project = self.projects[int(self.rng.random() * len(self.projects))]
        if len(project.pinned) >= 3:
            return self.ordinary(turn)
        known = project.first - 1 - int(self.rng.random() * 20)
        lead = project.clusters[0]
        organisation, _ = self.register.organisation("company", lead, project.first - 30, known)
        project.pinned.append(organisation)
        return 1

    def declined(self, turn: int) -> int:
        """Somebody applies in vain and is never involved; beside an ordinary company."""
        cluster = self.cluster()
        first = self.joins(cluster, 120)
        organisation, _ = self.company(cluster, first)
        day, member, plan = (
            max(first, organisation.known),
            self.register.member,
            self.desk.at_cluster,
        )
        plan(cluster, day, member, "membership.applied.v1", organisation, cluster, first)
        outcome = "declined" if self.rng.random() < 0.5 else "withdrawn"
        what = "membership.application_closed.v1"
        plan(cluster, day + 40, member, what, organisation, cluster, first + 40, "outcome", outcome)
        return self.ordinary(turn)

    def merging_pair(self, turn: int) -> int:
        """Two companies, of one cluster or two, become one; some ends are posted, other spells go
        on as the heir's.
        """
        cluster = self.cluster()
        other = cluster if turn == 7 else self.cluster(but=cluster)
        first, second = self.joins(cluster, 700), self.joins(other, 700)
        heir, _ = self.company(cluster, first)
        absorbed, _ = self.company(other, second)
        merged_on = self.between(max(first, second) + 300, self.end - 40)
        self.register.admit(heir, cluster, first)
        if self.rng.random() < 0.5:
            known = self.register.admit(absorbed, other, second)
        else:
            known = self.register.admit(absorbed, other, second, merged_on - 1)
            known = self.register.end(absorbed, other, merged_on - 1, "merged", known)
        known = max(known, heir.known, merged_on + self.register.delay())
        extra = {"into": heir.uuid, **self.register.on(merged_on)}
        self.register.tell(known, "merged", absorbed, extra)
        self.books.merged[absorbed.number] = (heir.number, merged_on)
        return 2

    def doubled(self, turn: int) -> int:
        """A company that two offices registered; found out years later.

        The older record is the one that stays: its class is known on all days of the younger.
        """
        cluster = self.cluster()
        other = cluster if turn == 11 else self.cluster(but=cluster)
        joined = sorted(((self.joins(cluster, 700), cluster), (self.joins(other, 700), other)))
        (first, cluster), (second, other) = joined
        company, name = self.company(cluster, first)
        double, _ = self.company(other, second, like=name)
        self.register.admit(company, cluster, first)
        self.register.admit(double, other, second, self.leaves(turn, self.end))
        found = max(company.known, double.known, self.between(max(first, second) + 300, self.end))
        extra = {"of": company.uuid, "reason": "doubled"}
        self.register.tell(found, "marked_duplicate", double, extra)
        self.books.duplicate_of[double.number] = company.number
        return 1

    def wrongly_doubled(self, turn: int) -> int:
        """Two companies taken for one, until it is reverted or the mark is voided."""
        cluster = self.cluster()
        first = self.joins(cluster, 700)
        one, _ = self.company(cluster, first)
        two, _ = self.company(cluster, first)
        self.register.admit(one, cluster, first)
        self.register.admit(two, cluster, first)
        day = max(one.known, two.known, first + 300)
        if self.rng.random() < 0.5:
            extra = {"of": one.uuid, "reason": "doubled"}
            self.register.tell(day, "marked_duplicate", two, extra)
            self.register.tell(day + 90, "duplicate_reverted", two, {"reason": "mistake"})
        else:
            data = canonical({"organisation_id": two.uuid, "of": one.uuid, "reason": "doubled"})
            key, poster = (two.number, turn, "double"), two.poster
            what = "organisation.marked_duplicate.v1"
            self.desk.at(day, self.desk.keep, key, self.desk.send, poster, what, data)
            self.desk.at(day + 90, self.desk.void, poster, key, "mistake")
        self.books.reverted += 1
        return 2

    def dissolving(self, turn: int) -> int:
        """A company that is dissolved; half of the offices end its membership, the others leave it
        to be cut.
        """
        cluster = self.cluster()
        first = self.joins(cluster, 700)
        gone = self.between(first + 400, self.end - 20)
        organisation, _ = self.company(cluster, first, ends=gone)
        known = self.register.admit(organisation, cluster, first, gone - 1)
        if turn == 17:
            known = self.register.end(organisation, cluster, gone - 1, "dissolved", known)
        known = max(known, gone + self.register.delay())
        self.register.tell(known, "dissolved", organisation, self.register.on(gone))
        self.books.dissolutions += 1
        return 1

    def turning_institute(self, turn: int) -> int:
        """A company that became a research institute: by its class on the last day it is no
        company.
        """
        del turn
        cluster = self.cluster()
        first = self.joins(cluster, 700)
        organisation, _ = self.company(cluster, first)
        self.register.admit(organisation, cluster, first)
        day = self.between(first + 200, self.end - 30)
        self.register.reclassify(organisation, day, "kind", "research_institute")
        return 0

    def turning_company(self, turn: int) -> int:
        """An initiative that became a company."""
        del turn
        cluster = self.cluster()
        first = self.joins(cluster, 700)
        organisation, _ = self.company(cluster, first, kind="other")
        self.register.admit(organisation, cluster, first)
        day = self.between(first + 200, self.end - 30)
        self.register.reclassify(organisation, day, "kind", "company")
        return 1

    def pilot_member(self, turn: int) -> int:
        """A member of the pilot network, ended or cut by its closing, then of the cluster that took
        over.
        """
        days = self.desk.days
        first = days.began[PILOT_INDEX] + 20 + int(self.rng.random() * 600)
        organisation, _ = self.company(PILOT_INDEX, first)
        last = days.pilot_closed - 1 - int(self.rng.random() * 90)
        leaves = turn % 2 == 1 and self.rng.random() < 0.5
        known = self.register.admit(
            organisation, PILOT_INDEX, first, last if leaves else FAR, known=first
        )
        if leaves:
            self.register.end(organisation, PILOT_INDEX, last, "resigned", known)
        if self.rng.random() < 0.7:
            self.register.admit(
                organisation, PILOT_HEIR, days.pilot_closed + 1, known=days.pilot_closed + 1
            )
        return 1

    def splitting(self, turn: int) -> int:
        """A company that carves out two others and goes on."""
        del turn
        cluster = self.cluster()
        first = self.joins(cluster, 700)
        whole, _ = self.company(cluster, first)
        self.register.admit(whole, cluster, first)
        day = self.between(first + 200, self.end - 60)
        parts = [self.register.organisation("company", cluster, day, day)[0] for _ in range(2)]
        for part in parts:
            self.register.admit(part, cluster, day, known=day)
        extra = {"into": [part.uuid for part in parts], **self.register.on(day)}
        self.register.tell(day + 1 + self.register.delay(), "split", whole, extra)
        self.books.splits += 1
        return 3

    def never_admitted(self, turn: int) -> int:
        """An admission that was a mistake altogether; beside an ordinary company."""
        cluster = self.cluster()
        first = self.joins(cluster, 300)
        organisation, _ = self.company(cluster, first)
        self._mistaken_admission(organisation, cluster, first)
        return self.ordinary(turn)

    def admitted_elsewhere(self, turn: int) -> int:
        """A member that a second cluster admits by mistake, which is voided later."""
        cluster = self.cluster()
        first = self.joins(cluster, 300)
        organisation, _ = self.company(cluster, first)
        self.register.admit(organisation, cluster, first)
        other = self.cluster(but=cluster)
        self._mistaken_admission(organisation, other, max(first, self.desk.days.began[other] + 1))
        del turn
        return 1

    def _mistaken_admission(self, organisation: Organisation, cluster: int, first: int) -> None:
        key, member = (organisation.number, cluster, ADMITTED), self.register.member
        day = max(first, organisation.known)
        self.desk.at(day, self.desk.keep, key, member, ADMITTED, organisation, cluster, first)
        self.desk.at(day + 100, self.desk.void, cluster, key, "mistake")
