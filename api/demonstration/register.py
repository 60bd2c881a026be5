"""Plans the facts of organisations and memberships, each with its truth in the books."""

import hashlib
from collections.abc import Iterable
from random import Random
from typing import Any, Final

from .clusters import CODES, PILOT_HEIR, PILOT_INDEX
from .figures import FAR, Ledgerless
from .names import company_name, institution_name, lei_number, respelt, vat_number
from .people import Organisation, Pool
from .posting import Desk, canonical
from .regions import municipality, regions

SIZES: Final = ("micro", "small", "small", "medium", "sme", "large")
_PEOPLE: Final = {"micro": 1, "small": 2, "medium": 3, "sme": 2, "large": 5}
NACE: Final = (
    "10.51",
    "16.10",
    "20.59",
    "22.29",
    "25.62",
    "26.11",
    "26.51",
    "28.99",
    "29.32",
    "30.30",
    "62.01",
    "71.12",
)
NACE_LATER: Final = "NACE Rev. 2.1"
NACE_NEW_CODE: Final = "62.10"
SIZE_EDITION: Final = "2003/361"
_FEW_DAYS: Final = 15
ADMITTED: Final = "membership.admitted.v1"
ENDED: Final = "membership.ended.v1"
CATEGORIES: Final = ("full", "associate", "start-up", "premium")


def code_list_sha256(codes: Iterable[str]) -> str:
    """SHA-256 in hex of the codes this programme uses, sorted, one a line."""
    return hashlib.sha256("".join(f"{code}\n" for code in sorted(set(codes))).encode()).hexdigest()


class Register:
    """Every organisation planned so far, and the ways to plan more of its life."""

    def __init__(self, desk: Desk, books: Ledgerless, pools: list[Pool], rng: Random) -> None:
        self.desk = desk
        self.books = books
        self.pools = pools
        self.rng = rng
        self.everyone: list[Organisation] = []
        self.by_uuid: dict[bytes, int] = {}
        self.research: list[Organisation] = []

    def delay(self) -> int:
        """Days from a thing's happening to its posting: mostly few, sometimes years."""
        chance = self.rng.random()
        if chance < 0.9:
            return int(chance * _FEW_DAYS)
        return int(self.rng.random() * (180 if chance < 0.985 else 900))

    def organisation(
        self,
        kind: str,
        cluster: int,
        first: int,
        known: int,
        *,
        like: str | None = None,
        ends: int = FAR,
    ) -> tuple[Organisation, str]:
        """Registers a new organisation; `like` makes it a second record of that name. Returns it
        with its name.
        """
        number = len(self.everyone)
        name = respelt(like) if like else self._name(kind, number)
        uuid = self.desk.uuid()
        poster = PILOT_HEIR if cluster == PILOT_INDEX else cluster
        data, size = self._profile(kind, number)
        data |= {"organisation_id": uuid, "name": name, "kind": kind}
        data["effective_on"] = self.desk.days.iso[max(first, 0)]
        organisation = Organisation(
            number, uuid, kind, poster, max(known, 0), _PEOPLE.get(size, 3), ends
        )
        self.everyone.append(organisation)
        self.by_uuid[uuid.encode()] = number
        self.books.is_company.append(kind == "company")
        if kind in {"university", "research_institute"}:
            self.research.append(organisation)
        self.desk.at(known, self.desk.send, poster, "organisation.registered.v1", canonical(data))
        return organisation, name

    def _name(self, kind: str, number: int) -> str:
        return (
            company_name(self.rng)
            if kind == "company"
            else institution_name(self.rng, kind, number)
        )

    def _profile(self, kind: str, number: int) -> tuple[dict[str, Any], str]:
        chance = self.rng.random
        data: dict[str, Any] = {}
        if chance() < 0.93:
            data |= self.place()
        if chance() < 0.5:
            data["nace"] = NACE[int(chance() * len(NACE))]
        size = SIZES[int(chance() * len(SIZES))] if kind == "company" else "large"
        if kind == "company" and chance() < 0.82:
            data["size_class"] = size
        if chance() < 0.12:
            data["identifiers"] = [vat_number(number)]
        return data, size

    def place(self) -> dict[str, str]:
        """Where somebody sits: a region, mostly with its spatial class, sometimes with its
        municipality.
        """
        every = regions()
        nuts3, spatial = every[int(self.rng.random() * len(every))]
        data = {"nuts3": nuts3}
        if self.rng.random() < 0.9:
            data["spatial"] = spatial
        if (ags := municipality(nuts3)) and self.rng.random() < 0.5:
            data["ags"] = ags
        return data

    # --- facts about an organisation -------------------------------------------------------------

    def tell(
        self, known: int, what: str, organisation: Organisation, extra: dict[str, Any]
    ) -> None:
        """Plans `organisation.<what>.v1` for the day it gets known, not before the organisation
        itself.
        """
        data = canonical({"organisation_id": organisation.uuid, **extra})
        day = max(known, organisation.known)
        self.desk.at(day, self.desk.send, organisation.poster, f"organisation.{what}.v1", data)

    def on(self, day: int) -> dict[str, Any]:
        """The valid time of a new state."""
        return {"effective_on": self.desk.days.iso[day]}

    def identify(self, organisation: Organisation, day: int) -> None:
        """A legal entity identifier is added later."""
        extra = {"identifiers": [lei_number(organisation.number)]}
        self.tell(day, "identified", organisation, extra)

    def relocate(self, organisation: Organisation, day: int) -> None:
        """The organisation moves; one in ten moves leaves the spatial class unknown."""
        self.tell(day + self.delay(), "relocated", organisation, self.place() | self.on(day))

    def reclassify(
        self, organisation: Organisation, day: int, scheme: str, code: str, edition: str = ""
    ) -> None:
        """Another class from `day` on; for the kind, the books know it too."""
        extra = {"scheme": scheme, "code": code, **self.on(day)}
        extra |= {"edition": edition} if edition else {"basis": "survey"}
        self.tell(day + self.delay(), "reclassified", organisation, extra)
        if scheme == "kind":
            self.books.turned[organisation.number] = (day, code == "company")

    # --- memberships -----------------------------------------------------------------------------

    def member(
        self,
        what: str,
        organisation: Organisation,
        cluster: int,
        day: int,
        key: str = "",
        value: str = "",
    ) -> str:
        """Posts a fact of a membership; `day` is an end's `last_day`, else `effective_on`."""
        when = "last_day" if what == ENDED else "effective_on"
        data = {
            "organisation_id": organisation.uuid,
            "cluster": CODES[cluster],
            when: self.desk.days.iso[day],
        }
        if key:
            data[key] = value
        return self.desk.post(cluster, what, data)

    def spell(
        self,
        organisation: Organisation,
        cluster: int,
        first: int,
        last: int = FAR,
        *,
        known: int = 0,
    ) -> int:
        """A true spell: into the books, its people into the cluster's pool. Returns the day its
        start is posted.
        """
        end = self.desk.days.end
        if cluster == PILOT_INDEX:
            last = min(last, self.desk.days.pilot_closed - 1)
        self.books.spell(organisation.number, cluster, first, min(last, organisation.ends - 1))
        comes, goes = max(first, organisation.known), min(last, organisation.ends - 60)
        if comes < goes and comes <= end:
            pool = self.pools[cluster]
            self.desk.at(comes, pool.enter, organisation)
            if goes <= end:
                self.desk.at(goes, pool.leave, organisation)
        return max(first + self.delay(), organisation.known, known)

    def admit(
        self,
        organisation: Organisation,
        cluster: int,
        first: int,
        last: int = FAR,
        *,
        known: int = 0,
        wrong: int | None = None,
    ) -> int:
        """A spell and its admission, every third after an application. Returns the day of posting.

        With `wrong`, the admission is first posted from that day and corrected the day after.
        """
        day = self.spell(organisation, cluster, first, last, known=known)
        plan = self.desk.at_cluster
        if self.rng.random() < 0.3 and first - 20 > organisation.known and not known:
            plan(
                cluster,
                first - 20,
                self.member,
                "membership.applied.v1",
                organisation,
                cluster,
                first - 20,
            )
        category = CATEGORIES[int(self.rng.random() * len(CATEGORIES))]
        truth = (self.member, ADMITTED, organisation, cluster, first, "category", category)
        if wrong is None:
            plan(cluster, day, *truth)
            return day
        key = (organisation.number, cluster, ADMITTED)
        plan(cluster, day, self.desk.keep, key, self.member, ADMITTED, organisation, cluster, wrong)
        plan(cluster, day + 1, self.desk.correct, cluster, key, "wrong day", *truth)
        return day + 1

    def end(
        self,
        organisation: Organisation,
        cluster: int,
        last: int,
        cause: str,
        known: int,
        *,
        wrong: int | None = None,
    ) -> int:
        """The end of a spell, announced ahead or posted late, after what was `known`.

        Returns the day of posting. With `wrong`, that `last_day` is posted first and corrected the
        day after.
        """
        ahead = int(self.rng.random() * 60) if self.rng.random() < 0.3 else -self.delay()
        day = max(known, last - ahead)
        plan = self.desk.at_cluster
        truth = (self.member, ENDED, organisation, cluster, last, "cause", cause)
        if wrong is None:
            plan(cluster, day, *truth)
            return day
        key = (organisation.number, cluster, ENDED)
        first_try = (self.member, ENDED, organisation, cluster, wrong, "cause", cause)
        plan(cluster, day, self.desk.keep, key, *first_try)
        plan(cluster, day + 1, self.desk.correct, cluster, key, "wrong day", *truth)
        return day + 1
