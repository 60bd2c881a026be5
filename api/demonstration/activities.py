"""The activities' plan: when, whose, how large, and how their participations become known."""

from collections.abc import Iterator
from random import Random
from typing import Any, Final

from .clusters import CLUSTERS, EVERY_CLUSTER, PILOT_INDEX, WEIGHTS
from .days import Days
from .figures import Ledgerless

_KINDS: Final[tuple[tuple[str, int, str], ...]] = (
    ("conference", 165, "Fachkongress"),
    ("working_group", 24, "Arbeitskreis"),
    ("fair", 210, "Gemeinschaftsstand"),
    ("training", 20, "Seminar"),
    ("webinar", 62, "Online-Vortrag"),
    ("matchmaking", 38, "Kooperationsbörse"),
    ("delegation", 15, "Delegationsreise"),
    ("other", 45, "Clustertreff"),
    ("working_group", 20, "Expertenrunde"),
    ("training", 16, "Praxisworkshop"),
)
"""(kind, people on average, German word for the title)."""

_COUNTED: Final = (
    *("list",) * 55,
    *("list_unlisted",) * 7,
    *("partial",) * 6,
    *("unlisted",) * 12,
    *("total",) * 10,
    *("total_low",) * 4,
    *("both",) * 2,
    *("bare_total",) * 3,
    "bare_unlisted",
)
"""How an activity is counted, in hundredths."""

_UNNAMED_PERCENT: Final = {
    "list_unlisted": 8,
    "partial": 15,
    "unlisted": 20,
    "total": 20,
    "both": 15,
    "bare_total": 100,
    "bare_unlisted": 100,
}
_LOCKDOWN: Final = (5187, 5630)
"""From March 2020 to June 2021: nothing on site."""
_SMALLEST: Final = 3


class Activity:
    """One activity that is held. `size` people take part in the end, `named` of them by name."""

    __slots__ = (
        "counted",
        "day",
        "guests",
        "kind",
        "named",
        "number",
        "organisers",
        "present",
        "size",
        "title",
        "uuid",
    )

    def __init__(
        self, number: int, day: int, organisers: tuple[int, ...], kind: int, size: int
    ) -> None:
        self.number = number
        self.day = day
        self.organisers = organisers
        self.kind = kind
        self.size = size
        self.counted = "list"
        self.named = size
        self.title = ""
        self.uuid = ""
        self.guests: list[bytes] = []
        self.present: list[bytes] = []

    @property
    def lead(self) -> int:
        """The first organiser's index."""
        return self.organisers[0]

    def count_by(self, counted: str) -> None:
        """How the activity is counted, which fixes how many of it are named."""
        self.counted = counted
        self.named = self.size - self.size * _UNNAMED_PERCENT.get(counted, 0) // 100

    def terms(self) -> dict[str, Any]:
        """Kind and mode, as the day allowed them."""
        kind = _KINDS[self.kind][0]
        if kind == "webinar":
            return {"kind": kind, "mode": "online"}
        locked = _LOCKDOWN[0] <= self.day <= _LOCKDOWN[1]
        later = self.day > _LOCKDOWN[1] and self.number % 5 == 0
        return {"kind": kind, "mode": "online" if locked else "hybrid" if later else "onsite"}


def planned(
    days: Days, rng: Random, wanted: int, participations: int, named_at_least: int
) -> list[Activity]:
    """So many activities in random order with exactly so many participations together, enough of
    them named.
    """
    weights = list(WEIGHTS)
    shares = [index for index, weight in enumerate(weights) for _ in range(weight)]
    every = [_one(days, rng, number, shares) for number in range(wanted)]
    _share_out(every, participations)
    for activity in every:
        activity.count_by(_COUNTED[int(rng.random() * len(_COUNTED))])
        if activity.number % 80 == 57:
            activity.count_by("total")
    named = sum(activity.named for activity in every)
    for activity in every:
        if named >= named_at_least:
            break
        named += activity.size - activity.named
        activity.count_by("list")
    return every


def _one(days: Days, rng: Random, number: int, shares: list[int]) -> Activity:
    lead = shares[int(rng.random() * len(shares))]
    last = days.pilot_closed - 60 if lead == PILOT_INDEX else days.end
    first = days.began[lead] + 45
    chance = rng.random()
    day = days.workday(first + int((last - first) * (0.7 * chance + 0.3 * chance * (2 - chance))))
    organisers = [lead]
    if number % 17 == 5:
        organisers += _others(rng, days, lead, day, 2 if number % 51 == 5 else 1)
    kind = int(rng.random() * len(_KINDS))
    size = int(_KINDS[kind][1] * (0.4 + 1.2 * rng.random())) + 1
    return Activity(number, day, tuple(organisers), kind, size)


def _others(rng: Random, days: Days, lead: int, day: int, wanted: int) -> list[int]:
    others: list[int] = []
    while len(others) < wanted:
        other = int(rng.random() * len(CLUSTERS))
        if other != lead and other not in others and days.began[other] <= day - 150:
            others.append(other)
        elif day < 400:
            return others
    return others


def _share_out(every: list[Activity], participations: int) -> None:
    """Scales the sizes so that they sum up to `participations` exactly."""
    total = sum(activity.size for activity in every)
    for activity in every:
        activity.size = max(_SMALLEST, activity.size * participations // total)
    rest = participations - sum(activity.size for activity in every)
    for activity in _round_and_round(every):
        if rest == 0:
            return
        if rest > 0 or activity.size > _SMALLEST:
            step = 1 if rest > 0 else -1
            activity.size += step
            rest -= step


def _round_and_round(every: list[Activity]) -> Iterator[Activity]:
    while True:
        yield from every


def enter_books(books: Ledgerless, days: Days, every: list[Activity]) -> None:
    """What the plan says of activities and participations."""
    for activity in every:
        years = (days.year[activity.day],)
        books.count(0, activity.organisers, years)
        books.count(1, activity.organisers, years, activity.size)
        books.named += activity.named
        books.joint += len(activity.organisers) > 1


def title(activity: Activity) -> str:
    """A title in German, with its number."""
    word, field = _KINDS[activity.kind][2], EVERY_CLUSTER[activity.lead][1]
    return f"{word} {field} {activity.number + 1}"
