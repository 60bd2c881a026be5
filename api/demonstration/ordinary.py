"""Ordinary lives: an organisation joins, perhaps leaves and comes back, and things befall it."""

from datetime import date
from random import Random
from typing import Final

from .clusters import CLUSTERS, PILOT_INDEX, WEIGHTS
from .figures import FAR, Ledgerless
from .people import Organisation
from .register import CATEGORIES, NACE_LATER, NACE_NEW_CODE, SIZE_EDITION, Register

_REJOINERS: Final = frozenset({8, 16, 32, 40, 70})
_LEAVERS: Final = frozenset({54, 59, 63, 65, 67})


class OrdinaryLives:
    """Plans lives of the common sort; `turn` says which little things befall whom."""

    def __init__(self, register: Register) -> None:
        self.register = register
        self.desk = register.desk
        self.books: Ledgerless = register.books
        self.rng: Random = register.rng
        self.end = register.desk.days.end
        self.shares = [
            index for index, weight in enumerate(WEIGHTS[: len(CLUSTERS)]) for _ in range(weight)
        ]

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

    def anchor(self, cluster: int) -> None:
        """A research organisation that is in its cluster from the first day to the last."""
        first = self.desk.days.began[cluster]
        kind = "university" if cluster % 3 == 0 else "research_institute"
        anchor, _ = self.register.organisation(kind, cluster, first, first)
        self.register.admit(anchor, cluster, first, known=first)

    def ordinary(self, turn: int, kind: str = "company") -> int:
        """A member of one cluster, sometimes of two. Returns 1: so many counted companies."""
        cluster = self.cluster()
        first = self.joins(cluster, 120)
        organisation, name = self.company(cluster, first, kind=kind)
        last = self.leaves(turn, first)
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

    def leaves(self, turn: int, first: int) -> int:
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
