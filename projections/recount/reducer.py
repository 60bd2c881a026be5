"""From the facts of one subject to the rows that the figures are counted on: the second opinion.

Written from the rules of counting alone, to be read in one sitting. It shares nothing with the code
that keeps the read models; only the tables at the end have the same names. Everything is as it
stands in `facts.ndjson`: ids are text, days are ISO text (`2024-12-31`), which sorts as days do.

A *subject* is what one stream is about: an organisation, an organisation in a cluster, a person at
an activity. What is known of a subject at a position follows from its facts up to there: those that
were voided by then fall away, the others are taken in order of (day, position), where an end takes
effect on the day after its `last_day`. So for every position the subject's facts are folded anew
from the first one, and a row is known from the position where it first comes out of that until the
one where it no longer does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeVar

FOREVER: Final = "infinity"
"""An end nobody knows yet. As text it sorts after every day."""
ALWAYS: Final = "-infinity"
"""Without a beginning. As text it sorts before every day."""
STILL: Final = 2**63 - 1
"""Known until further notice."""


class Fact(NamedTuple):
    """One line of `facts.ndjson`, as far as it matters here, and the first day of what it says."""

    position: int
    type: str
    source: str
    id: str
    data: dict[str, Any]
    day: str


class Row(NamedTuple):
    """A row of a table, and its values in the order of the table's columns (`tables.py`)."""

    table: str
    values: tuple[Any, ...]


class Known(NamedTuple):
    """A row, known at the positions known_from <= P < known_to."""

    row: Row
    known_from: int
    known_to: int


Fold = Callable[[list[Fact]], Iterable[Row]]


def day_after(day: str) -> str:
    """The day that follows."""
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def first_day(data: dict[str, Any]) -> str:
    """The first day of what a fact with these data says; without one it sorts before those that
    have one."""
    if "last_day" in data:
        return day_after(data["last_day"])
    return str(data.get("effective_on", ALWAYS))


# --- which facts stand, and when a row was known -------------------------------------------------


def standing(facts: Sequence[Fact]) -> list[Fact]:
    """Of a subject's facts, by position: those not voided, in the order they take effect."""
    kept: dict[tuple[str, str], Fact] = {}
    gone: set[tuple[str, str]] = set()
    for fact in facts:
        if fact.type == "fact.voided.v1":
            gone.add((fact.data.get("target_source", fact.source), fact.data["target"]))
        elif fact.type == "attendance.voided.v1":
            gone.update(kept)
        else:
            kept[fact.source, fact.id] = fact
    return sorted((kept[event] for event in kept.keys() - gone), key=attrgetter("day", "position"))


def recount(kind: str, facts: Sequence[Fact]) -> Iterator[Known]:
    """Every row that was ever known of a subject. Takes its facts by position."""
    fold = FOLDS[kind]
    known: dict[Row, int] = {}
    for number, fact in enumerate(facts, 1):
        before, rows = known, set(fold(standing(facts[:number])))
        known = {row: before.pop(row, fact.position) for row in rows}
        for row, position in before.items():
            yield Known(row, position, fact.position)
    for row, position in known.items():
        yield Known(row, position, STILL)


# --- tools of the folds --------------------------------------------------------------------------

V = TypeVar("V")


def stretches(turns: Sequence[tuple[str, V]], end: str) -> list[tuple[V, str, str]]:
    """What holds from which day until before which: each value until the next one's day, the last
    one until the end. Of several values of one day the last one holds. What ends by its first day
    has none: a cluster or an organisation then leaves one row of no day, which tells its end."""
    following = [day for day, _ in turns[1:]]
    days = zip(turns, [*following, FOREVER], strict=True)
    return [
        (value, first, min(after, end)) for (first, value), after in days if first < min(after, end)
    ]


def last(facts: Iterable[Fact], type: str) -> Fact | None:
    """The last fact of a type."""
    found = [fact for fact in facts if fact.type == type]
    return found[-1] if found else None


def day_of(fact: Fact | None) -> str | None:
    """The day of a fact, if there is one."""
    return None if fact is None else fact.day


def once(values: Iterable[str]) -> tuple[str, ...]:
    """Each once, where it first stands."""
    return tuple(dict.fromkeys(values))


# --- one fold a kind of subject ------------------------------------------------------------------


def cluster(facts: list[Fact]) -> Iterator[Row]:
    """Registered, renamed, closed."""
    if last(facts, "cluster.registered.v1") is None:
        return
    closed = day_of(last(facts, "cluster.closed.v1")) or FOREVER
    names = [(fact.day, fact.data["name"]) for fact in facts if "name" in fact.data]
    for name, first, until in stretches(names, closed) or [(names[-1][1], closed, closed)]:
        yield Row("cluster", (facts[0].data["cluster"], name, first, until))


PROFILE: Final = ("name", "kind", "nuts3", "ags", "spatial", "size_class", "nace")


def organisation(facts: list[Fact]) -> Iterator[Row]:
    """Its classes over time; which other organisation it is, becomes, or is divided into."""
    if last(facts, "organisation.registered.v1") is None:
        return
    who = facts[0].data["organisation_id"]
    dissolved = day_of(last(facts, "organisation.dissolved.v1"))
    identifiers = once(i for fact in facts for i in fact.data.get("identifiers", ()))
    profiles, end = _profiles(facts), dissolved or FOREVER
    for profile, first, until in stretches(profiles, end) or [(profiles[-1][1], end, end)]:
        yield Row("organisation", (who, *profile, identifiers, dissolved, first, until))
    yield from _identity(who, facts)


def _profiles(facts: list[Fact]) -> list[tuple[str, tuple[str | None, ...]]]:
    """The profile after each fact that says something of it."""
    now: dict[str, str | None] = dict.fromkeys(PROFILE)
    turns = []
    for fact in facts:
        match fact.type:
            case "organisation.registered.v1":
                now = {name: fact.data.get(name) for name in PROFILE}
            case "organisation.renamed.v1":
                now["name"] = fact.data["name"]
            case "organisation.relocated.v1":
                # What a relocation does not say is unknown from then on.
                now |= {name: fact.data.get(name) for name in ("nuts3", "ags", "spatial")}
            case "organisation.reclassified.v1":
                now[fact.data["scheme"]] = fact.data["code"]
            case _:
                continue
        turns.append((fact.day, tuple(now.values())))
    return turns


def _identity(who: str, facts: list[Fact]) -> Iterator[Row]:
    """An error of identity holds on all days, a merger or a division from its day on."""
    marks = [f for f in facts if "duplicate" in f.type]
    if marks and marks[-1].type == "organisation.marked_duplicate.v1":
        yield Row("identity_edge", (who, marks[-1].data["of"], "duplicate", ALWAYS))
    merged = last(facts, "organisation.merged.v1")
    if merged is not None:
        yield Row("identity_edge", (who, merged.data["into"], "merger", merged.day))
    split = last(facts, "organisation.split.v1")
    if split is not None:
        for heir in once(split.data["into"]):
            yield Row("organisation_split", (who, heir, split.day))


class Spell:
    """Days of one membership, from `first` until before `until`; `turns` are its phases."""

    def __init__(self, first: str, category: str | None) -> None:
        self.first, self.until, self.cause = first, FOREVER, None
        self.turns = [(first, ("member", category))]

    def turn(self, day: str, status: str | None = None, *, category: str | None = None) -> None:
        """From a day on it has another status or another category."""
        old_status, old_category = self.turns[-1][1]
        self.turns.append((day, (status or old_status, category or old_category)))


def membership(facts: list[Fact]) -> Iterator[Row]:
    """Spells of one organisation in one cluster, and what it applied for before."""
    spells: list[Spell] = []
    for fact in facts:
        if fact.type == "membership.admitted.v1":
            spells.append(Spell(fact.day, fact.data.get("category")))
            continue
        inside = str(fact.data.get("last_day", fact.day))
        spell = next((s for s in spells if s.first <= inside < s.until), None)
        if spell is None:
            continue
        match fact.type:
            case "membership.category_changed.v1":
                spell.turn(fact.day, category=fact.data["category"])
            case "membership.suspended.v1":
                spell.turn(fact.day, "suspended")
            case "membership.reinstated.v1":
                spell.turn(fact.day, "member")
            case "membership.ended.v1":
                spell.until, spell.cause = fact.day, fact.data["cause"]
    nexts = [spell.first for spell in spells[1:]]
    for spell, before in zip(spells, [*nexts, FOREVER], strict=False):
        # Known between two voids of a batch, it may still be open when the next one begins.
        for (status, category), first, until in stretches(spell.turns, min(spell.until, before)):
            cause = spell.cause if until == spell.until else None
            phase = (status, category, spell.first, cause, first, until)
            yield Row("membership", (*_member(facts), *phase))
    yield from _applications(facts)


def _member(facts: list[Fact]) -> tuple[str, str]:
    return facts[0].data["organisation_id"], facts[0].data["cluster"]


def _applications(facts: list[Fact]) -> Iterator[Row]:
    """Each from its day until it was decided. One decided on its first day was open on none."""
    asked: list[tuple[str, str, str | None]] = []
    for fact in facts:
        pending = bool(asked) and asked[-1][2] is None
        match fact.type:
            case "membership.applied.v1":
                asked.append((fact.day, FOREVER, None))
            case "membership.application_closed.v1" if pending:
                asked[-1] = (asked[-1][0], fact.day, fact.data["outcome"])
            case "membership.admitted.v1" if pending:
                asked[-1] = (asked[-1][0], fact.day, "admitted")
    for first, until, outcome in asked:
        if first < until:
            yield Row("application", (*_member(facts), outcome, first, until))


def activity(facts: list[Fact]) -> Iterator[Row]:
    """Planned, changed, held or cancelled; the head-counts in force. None of this has a day that
    orders it: what was recorded last holds."""
    if last(facts, "activity.scheduled.v1") is None:
        return
    now: dict[str, Any] = {"held_on": None}
    counts: dict[str, int] = {}
    for fact in facts:
        if fact.type == "headcount.recorded.v1":
            counts[fact.data["scope"]] = fact.data["count"]
        elif fact.type == "activity.scheduled.v1":
            now |= {"nuts3": None, "capacity": None} | fact.data
        else:
            now |= fact.data
    plan = ("title", "kind", "mode", "organisers", "starts_on", "ends_on", "nuts3", "capacity")
    now["organisers"] = once(now["organisers"])
    lists = [f.data for f in facts if f.type == "attendance_list.imported.v1"]
    yield Row(
        "activity",
        (
            now["activity_id"],
            *(now[name] for name in plan),
            now["held_on"],
            last(facts, "activity.cancelled.v1") is not None,
            counts.get("total"),
            counts.get("unlisted"),
            bool(lists),
            any(one["complete"] for one in lists),
            max((one["rows"] for one in lists), default=None),
        ),
    )


def attendance(facts: list[Fact]) -> Iterator[Row]:
    """One person at one activity, for the organisation of the record, else of the registration."""
    recorded = last(facts, "attendance.recorded.v1")
    signs = [f for f in facts if f.type != "attendance.recorded.v1"]
    registered = signs[-1] if signs and signs[-1].type == "attendance.registered.v1" else None
    if recorded is None and registered is None:
        return
    named = (f.data.get("organisation_id") for f in (recorded, registered) if f is not None)
    who = next((organisation for organisation in named if organisation), None)
    key = (facts[0].data["activity_id"], facts[0].data["person_ref"])
    yield Row("attendance", (*key, who, registered is not None, recorded is not None))


def project(facts: list[Fact]) -> Iterator[Row]:
    """Proposed, approved, running, ended; approval may follow the start."""
    proposed = last(facts, "project.proposed.v1")
    if proposed is None:
        return
    approved = day_of(last(facts, "project.approved.v1"))
    started = day_of(last(facts, "project.started.v1"))
    ended = last(facts, "project.ended.v1")
    after = day_of(ended)
    money = [f for f in facts if "volume_cents" in f.data]
    days = {day for day in (proposed.day, approved, started, after) if day}
    for first, until in pairwise([*sorted(days | {fact.day for fact in money}), FOREVER]):
        terms = [fact.data for fact in money if fact.day <= first]
        status = "proposed"
        for name, since in (("approved", approved), ("running", started), ("ended", after)):
            status = name if since is not None and since <= first else status
        yield Row(
            "project",
            (
                proposed.data["project_id"],
                proposed.data["title"],
                once(proposed.data["clusters"]),
                status,
                terms[-1]["volume_cents"] if terms else None,
                terms[-1]["grant_cents"] if terms else None,
                proposed.day,
                approved,
                started,
                ended.data["last_day"] if ended else None,
                ended.data["outcome"] if ended else None,
                first,
                until,
            ),
        )


def enrolment(facts: list[Fact]) -> Iterator[Row]:
    """One organisation's parts in one project. An end closes the open part that began last."""
    parts: list[tuple[str, str, str]] = []
    for fact in facts:
        if fact.type == "enrolment.started.v1":
            parts.append((fact.data["role"], fact.day, FOREVER))
            continue
        still = [p for p in parts if p[1] <= fact.data["last_day"] and p[2] == FOREVER]
        if still:
            role, first, _ = still[-1]
            parts[parts.index(still[-1])] = (role, first, fact.day)
    for role, first, until in parts:
        if first < until:
            key = (facts[0].data["project_id"], facts[0].data["organisation_id"])
            yield Row("enrolment", (*key, role, first, until))


def person(facts: list[Fact]) -> Iterator[Row]:
    """A reference that is known to name the same person as another one."""
    marked = last(facts, "person.marked_duplicate.v1")
    if marked is not None:
        yield Row("person_edge", (marked.data["person_ref"], marked.data["of"]))


FOLDS: Final[dict[str, Fold]] = {
    "cluster": cluster,
    "organisation": organisation,
    "membership": membership,
    "activity": activity,
    "attendance": attendance,
    "project": project,
    "enrolment": enrolment,
    "person": person,
}
"""By the kind of subject. Other facts (code lists, filings, keys) are counted nowhere."""

_TYPES: Final = {
    "cluster": "registered renamed closed",
    "organisation": "registered renamed identified relocated reclassified marked_duplicate"
    " duplicate_reverted merged split dissolved",
    "membership": "applied application_closed admitted category_changed suspended reinstated ended",
    "activity": "scheduled rescheduled changed held cancelled",
    "headcount": "recorded",
    "attendance_list": "imported",
    "attendance": "registered withdrawn recorded voided",
    "project": "proposed approved grant_changed started ended",
    "enrolment": "started ended",
    "person": "sealed marked_duplicate erased",
    "fact": "voided",
    "period": "closed",
    "report": "published",
    "code_list": "published",
    "log": "key_changed",
}
TYPES: Final = {f"{word}.{verb}.v1" for word, verbs in _TYPES.items() for verb in verbs.split()}
"""Every type of fact that was thought of here: one that is not among them stops a recount."""
