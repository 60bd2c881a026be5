"""The lives of organisations: who joins when, leaves, comes back, moves, merges, or is found to be
somebody else.

Every company planned here is told apart as counted or not, so the number of companies involved is
exact by construction: planning goes on until it is reached.
"""

from collections.abc import Callable
from datetime import date
from random import Random
from typing import Final

from .activities import Activity
from .clusters import CLUSTERS, PILOT_HEIR, PILOT_INDEX, WEIGHTS
from .figures import FAR, Ledgerless
from .people import Organisation
from .posting import canonical
from .projects import Project
from .register import ADMITTED, CATEGORIES, NACE_LATER, NACE_NEW_CODE, SIZE_EDITION, Register

CYCLE: Final = 80
"""Special lives recur every so many companies: even a small programme has the common ones."""
_REJOINERS: Final = frozenset({8, 16, 32, 40, 70})
_LEAVERS: Final = frozenset({54, 59, 63, 65, 67})
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


class Lives:
    """Plans all organisations of a programme."""

    def __init__(
        self, register: Register, activities: list[Activity], projects: list[Project]
    ) -> None:
        self.register = register
        self.desk = register.desk
        self.books: Ledgerless = register.books
        self.rng: Random = register.rng
        self.end = register.desk.days.end
        self.guestbooks = [one for one in activities if one.named >= 6 and one.day >= 40]
        self.projects = projects
        self.shares = [
            index for index, weight in enumerate(WEIGHTS[: len(CLUSTERS)]) for _ in range(weight)
        ]
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
            self._anchor(cluster)
        for number in range(others):
            self._ordinary(number % CYCLE, _OTHER_KINDS[number % len(_OTHER_KINDS)])
        counted = number = 0
        while counted < companies:
            every, life = self.special.get(number % CYCLE, (1, self._ordinary))
            plain = number // CYCLE % every or companies - counted < 4
            counted += (self._ordinary if plain else life)(number % CYCLE)
            number += 1

    # --- where and when --------------------------------------------------------------------------

    def cluster(self, but: int = -1) -> int:
        """A cluster by its share of the programme, never the pilot, another one than `but`."""
        while True:
            drawn = self.shares[int(self.rng.random() * len(self.shares))]
            if drawn != but:
                return drawn

    def joins(self, cluster: int, margin: int) -> int:
        """A first day in the cluster's time, at least `margin` days before the end; many come at
        its start.
        """
        began, chance = self.desk.days.began[cluster], self.rng.random()
        if chance < 0.25:
            return began + 10 + int(chance * 600)
        return began + 10 + int(self.rng.random() * (self.end - margin - began - 10))

    def between(self, first: int, last: int) -> int:
        """Some day from `first` to `last`, or the programme's last one."""
        return first + int(self.rng.random() * max(1, min(last, self.end) - first))

    def company(
        self,
        cluster: int,
        first: int,
        *,
        kind: str = "company",
        like: str | None = None,
        ends: int = FAR,
    ) -> tuple[Organisation, str]:
        """A record that is posted some weeks ahead of its first spell, or, one in twenty, late."""
        chance = self.rng.random()
        known = first + self.register.delay() if chance < 0.05 else first - 25 - int(chance * 30)
        if cluster == PILOT_INDEX:
            known = first - 5
        return self.register.organisation(
            kind, cluster, first - 60, max(0, known), like=like, ends=ends
        )

    # --- ordinary lives --------------------------------------------------------------------------

    def _anchor(self, cluster: int) -> None:
        """A research organisation that is in its cluster from the first day to the last."""
        first = self.desk.days.began[cluster]
        kind = "university" if cluster % 3 == 0 else "research_institute"
        anchor, _ = self.register.organisation(kind, cluster, first, first)
        self.register.admit(anchor, cluster, first, known=first)

    def _ordinary(self, turn: int, kind: str = "company") -> int:
        cluster = self.cluster()
        first = self.joins(cluster, 120)
        organisation, name = self.company(cluster, first, kind=kind)
        last = self._leaves(turn, first)
        wrong = first + 7 if turn == 52 else None
        known = self.register.admit(organisation, cluster, first, last, wrong=wrong)
        self._spell_happenings(turn, organisation, cluster, (first, last, known))
        self._happenings(turn, organisation, name, first)
        if last != FAR:
            known = self._departure(turn, organisation, cluster, last, known)
            back = last + 30 + int(self.rng.random() * 700)
            if (turn in _REJOINERS or self.rng.random() < 0.12) and back < self.end - 30:
                self.books.rejoiners += 1
                self.register.admit(organisation, cluster, back, known=known)
        if self.rng.random() < 0.17 and first + 150 < self.end:
            second = self.cluster(but=cluster)
            start = self.between(max(first, self.desk.days.began[second]) + 10, self.end - 20)
            if start < self.end:
                self.register.admit(organisation, second, start)
        return 1

    def _leaves(self, turn: int, first: int) -> int:
        """The last day of a spell, mostly a year's last; FAR for those who stay."""
        stays = turn not in _REJOINERS | _LEAVERS and self.rng.random() > 0.38
        if stays or first + 500 > self.end:
            return FAR
        last = self.between(first + 300, self.end - 60)
        december = self.desk.days.number(date(self.desk.days.year[last], 12, 31))
        return december if december < self.end - 60 and self.rng.random() < 0.7 else last

    def _departure(
        self, turn: int, organisation: Organisation, cluster: int, last: int, known: int
    ) -> int:
        cause = ("resigned", "resigned", "lapsed", "expelled")[int(self.rng.random() * 4)]
        wrong = last - 31 if turn == 54 else None
        return self.register.end(organisation, cluster, last, cause, known, wrong=wrong)

    def _spell_happenings(
        self, turn: int, organisation: Organisation, cluster: int, spell: tuple[int, int, int]
    ) -> None:
        first, last, known = spell
        day = self.between(first + 30, min(last, self.end) - 90)
        plan, member = self.desk.at_cluster, self.register.member
        if day + 60 >= min(last, self.end):
            return
        posted = max(known, day + self.register.delay())
        if turn in {56, 58, 60, 62}:
            category = CATEGORIES[turn // 2 % len(CATEGORIES)]
            what = "membership.category_changed.v1"
            plan(cluster, posted, member, what, organisation, cluster, day, "category", category)
        elif turn in {55, 71}:
            plan(cluster, posted, member, "membership.suspended.v1", organisation, cluster, day)
            if turn == 55:
                what = "membership.reinstated.v1"
                plan(cluster, posted + 50, member, what, organisation, cluster, day + 50)

    def _happenings(self, turn: int, organisation: Organisation, name: str, first: int) -> None:
        """What befalls an organisation whether it is a member or not."""
        register = self.register
        day = self.between(first + 30, self.end)
        if day >= self.end:
            return
        if turn % 12 == 0:
            register.relocate(organisation, day)
        if turn % 10 == 4:
            register.identify(organisation, day)
        if turn in {14, 26, 38, 50, 74} and organisation.kind == "company":
            register.reclassify(
                organisation, day, "size_class", ("large", "medium")[turn % 4 // 2], SIZE_EDITION
            )
        if turn in {15, 75}:
            register.reclassify(organisation, day, "nace", NACE_NEW_CODE, NACE_LATER)
        if turn == 25:
            register.reclassify(organisation, day, "spatial", "rural")
        if turn in {64, 66, 68}:
            extra = {
                "name": f"{name} (vormals)" if turn == 64 else f"Neue {name}",
                **register.on(day),
            }
            register.tell(day + register.delay(), "renamed", organisation, extra)

    # --- special lives: each says how many counted companies it made ------------------------------

    def guest(self, turn: int) -> int:
        """Never a member: somebody of it came to one activity."""
        activity = self._free_place()
        if activity is None:
            return self._ordinary(turn)
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
            return self._ordinary(turn)
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
        return self._ordinary(turn)

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
        """A company that two offices registered; found out years later."""
        cluster = self.cluster()
        other = cluster if turn == 11 else self.cluster(but=cluster)
        first, second = self.joins(cluster, 700), self.joins(other, 700)
        company, name = self.company(cluster, first)
        double, _ = self.company(other, second, like=name)
        self.register.admit(company, cluster, first)
        self.register.admit(double, other, second, self._leaves(turn, self.end))
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
        return self._ordinary(turn)

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
