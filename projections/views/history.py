"""A stream's history: every fact in version order, and what each of them changed.

Pure: entries come in, changes come out, folded by the laws of the ledger's domain.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from operator import itemgetter
from typing import Any, Final, NamedTuple

from msgspec import UNSET, Struct, UnsetType

from ledger.domain.activity import Activity
from ledger.domain.attendance import Attendance
from ledger.domain.cluster import Cluster
from ledger.domain.history import VOIDS, Entry, fold, order, standing, voided
from ledger.domain.laws import LAWS
from ledger.domain.membership import Membership
from ledger.domain.organisation import Organisation, Profile
from ledger.domain.project import Enrolment, Project
from ledger.domain.streams import UNDATED, Kind, effective_day


class Change(Struct, frozen=True):
    """One field of the state before and after a fact; with days where the field depends on them."""

    field: str
    before: Any
    after: Any
    valid_from: date | UnsetType = UNSET
    """From which day on the field reads differently."""
    valid_to: date | UnsetType | None = UNSET
    """Up to but without which day; null: for ever."""


class HistoryItem(Struct, frozen=True):
    """One fact of a stream: who recorded it when, why, and what it changed."""

    position: int
    version: int
    recorded_at: str
    type: str
    actor: str
    source: str
    id: str
    causation: str | None
    correlation: str | None
    effective_on: date | None
    """The day that orders it in its stream: an end takes effect on the day after the last one."""
    reason: str | None
    voided_by: int | None
    """The position of its void, if one was known."""
    changes: tuple[Change, ...]


class Dated(NamedTuple):
    """A field that depends on the day: (first day, value) in order; each holds until the next."""

    steps: Sequence[tuple[date, Any]]


Sheet = Mapping[str, Any]
"""A state field by field: plain values, and Dated ones."""


def history(kind: Kind, entries: Sequence[Entry]) -> list[HistoryItem]:
    """Every fact of one stream. Takes its entries in version order, as known at a position."""
    voids = voided(entries)
    items = []
    before = _SHEETS[kind](LAWS[kind].initial)
    for entry, state in _states(kind, entries):
        after = _SHEETS[kind](state)
        void = voids.get(entry.event)
        items.append(_item(entry, void, tuple(_changes(before, after))))
        before = after
    return items


def _item(entry: Entry, void: Entry | None, changes: tuple[Change, ...]) -> HistoryItem:
    day = effective_day(entry.fact)
    return HistoryItem(
        position=entry.position,
        version=entry.version,
        recorded_at=entry.recorded_at,
        type=entry.fact.topic,
        actor=entry.actor,
        source=entry.source,
        id=entry.id,
        causation=entry.causation,
        correlation=entry.correlation,
        effective_on=None if day == UNDATED else day,
        reason=getattr(entry.fact, "reason", None),
        voided_by=None if void is None else void.position,
        changes=changes,
    )


def _states(kind: Kind, entries: Sequence[Entry]) -> Iterator[tuple[Entry, Any]]:
    """Each fact with the state known at its position."""
    law = LAWS[kind]
    state, latest = law.initial, (UNDATED, 0)
    for known, entry in enumerate(entries, start=1):
        if isinstance(entry.fact, VOIDS) or order(entry) < latest:
            stands = standing(entries[:known])
            state = fold(law, stands)
            latest = order(stands[-1]) if stands else (UNDATED, 0)
        else:
            state, latest = law.evolve(state, entry.fact), order(entry)
        yield entry, state


def _changes(before: Sheet, after: Sheet) -> Iterator[Change]:
    for field in dict.fromkeys((*before, *after)):
        old, new = before.get(field), after.get(field)
        if isinstance(old, Dated) or isinstance(new, Dated):
            yield from _dated(field, old or Dated(()), new or Dated(()))
        elif old != new:
            yield Change(field, old, new)


def _dated(field: str, old: Dated, new: Dated) -> Iterator[Change]:
    """Stretches of days in which a field reads differently, each as long as possible."""
    days = sorted({day for day, _ in (*old.steps, *new.steps)})
    running: Change | None = None
    for day in days:
        pair = (_on(old, day), _on(new, day))
        if running is not None and pair == (running.before, running.after):
            continue
        if running is not None:
            yield Change(field, running.before, running.after, running.valid_from, day)
            running = None
        if pair[0] != pair[1]:
            running = Change(field, *pair, day, None)
    if running is not None:
        yield running


def _on(field: Dated, day: date) -> Any:
    """The value on a day; of several steps on one day the last holds."""
    value = None
    for first, step in field.steps:
        if first > day:
            break
        value = step
    return value


def _cluster(state: Cluster) -> Sheet:
    return {"name": Dated(state.names), "closed_on": state.closed_on}


def _organisation(state: Organisation) -> Sheet:
    profile = {
        name: Dated([(day, getattr(p, name)) for day, p in state.profiles])
        for name in Profile.__struct_fields__
    }
    plain = (
        "identifiers",
        "duplicate_of",
        "merged_into",
        "merged_on",
        "split_into",
        "split_on",
        "dissolved_on",
    )
    return profile | {name: getattr(state, name) for name in plain}


def _membership(state: Membership) -> Sheet:
    """Spells as steps; who has applied is `applied` until it was decided or a spell began."""
    status: list[tuple[date, Any]] = []
    category: list[tuple[date, Any]] = []
    for asked in state.applications:
        status.append((asked.from_day, "applied"))
        if asked.to_day is not None:
            status.append((asked.to_day, None))
    for spell in state.spells:
        for phase in spell.phases:
            if spell.to_day is not None and phase.from_day >= spell.to_day:
                continue
            status.append((phase.from_day, "suspended" if phase.suspended else "member"))
            category.append((phase.from_day, phase.category))
        if spell.to_day is not None:
            status.append((spell.to_day, None))
            category.append((spell.to_day, None))
    by_day = itemgetter(0)  # stable: of one day's steps the spell's come last
    return {
        "status": Dated(sorted(status, key=by_day)),
        "category": Dated(sorted(category, key=by_day)),
        "outcomes": tuple(a.outcome for a in state.applications if a.outcome is not None),
        "causes": tuple(s.cause for s in state.spells if s.cause is not None),
    }


def _activity(state: Activity) -> Sheet:
    if not state.scheduled:
        return {}
    hidden = {"activity_id", "scheduled", "lists"}
    return {name: getattr(state, name) for name in state.__struct_fields__ if name not in hidden}


def _attendance(state: Attendance) -> Sheet:
    return {
        "registered": state.registered,
        "recorded": state.recorded,
        "organisation_id": state.organisation_id,
    }


def _project(state: Project) -> Sheet:
    terms = {
        name: Dated([(t.from_day, getattr(t, name)) for t in state.terms])
        for name in ("volume_cents", "grant_cents")
    }
    plain = ("proposed_on", "approved_on", "started_on", "last_day", "outcome")
    return {
        "title": state.title or None,
        "clusters": state.clusters,
        **{name: getattr(state, name) for name in plain},
        **terms,
    }


def _enrolment(state: Enrolment) -> Sheet:
    """The roles of a day, joined: a change of role starts a second part before the first ends."""
    days = sorted({d for p in state.parts for d in (p.from_day, p.to_day) if d is not None})
    roles = [(day, [p.role for p in state.parts if p.covers(day)]) for day in days]
    return {"role": Dated([(day, ",".join(held) or None) for day, held in roles])}


_SHEETS: Final[Mapping[Kind, Callable[[Any], Sheet]]] = {
    Kind.cluster: _cluster,
    Kind.organisation: _organisation,
    Kind.membership: _membership,
    Kind.activity: _activity,
    Kind.attendance: _attendance,
    Kind.project: _project,
    Kind.enrolment: _enrolment,
}
