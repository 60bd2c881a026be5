"""What the ledger should accept, told as plainly as possible: lists, loops and sets of days.

Knows nothing of streams, folds, guards or batches of a writer: after every command it looks at all
standing facts anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

HORIZON: Final = 100
"""A day after all days that the model uses."""
CAPACITY: Final = 1


@dataclass(frozen=True)
class Said:
    """One fact: what, about whom, from which day. Of an end, `day` is the last day."""

    what: str
    about: tuple[str, str]
    day: int = 0
    role: str = ""

    @property
    def effective(self) -> int:
        return self.day + 1 if self.what in {"end", "leave", "finish"} else self.day


@dataclass(frozen=True)
class Standing:
    """A fact that was recorded, and its place in the order."""

    order: int
    said: Said


class Unlawful(Exception):
    """These facts can not all be true."""


def need(condition: object) -> None:
    if not condition:
        raise Unlawful


class Model:
    """All standing facts, and who was erased."""

    def __init__(self, facts: tuple[Standing, ...] = (), erased: frozenset[str] = frozenset()):
        self.facts = facts
        self.erased = erased

    def having(self, what: str, about: tuple[str, str] | None = None) -> list[Said]:
        """Standing facts by effective day, then order."""
        chosen = [s for s in self.facts if s.said.what == what and about in {None, s.said.about}]
        return [s.said for s in sorted(chosen, key=lambda s: (s.said.effective, s.order))]

    def _about(self, *whats: str) -> dict[tuple[str, str], list[Said]]:
        """Standing facts of these sorts by whom they are about, in the order of their days."""
        found: dict[tuple[str, str], list[Said]] = {}
        for one in sorted(self.facts, key=lambda s: (s.said.effective, s.order)):
            if one.said.what in whats:
                found.setdefault(one.said.about, []).append(one.said)
        return found

    # What happens next

    def is_repetition(self, said: Said) -> bool:
        """Whether the same is said already, so that it takes no position."""
        mine = self._about("register", "withdraw", "record").get(said.about, [])
        if said.what == "record":
            return any(s.what == "record" for s in mine)
        if said.what == "register":
            signs = [s.what for s in mine if s.what != "record"]
            return bool(signs) and signs[-1] == "register"
        return False

    def accept(self, order: int, said: Said) -> Model:
        """The model with one more fact. Raises Unlawful for what may not be said now."""
        activity, person = said.about
        if said.what in {"register", "record", "withdraw"}:
            need(person not in self.erased)
        if said.what in {"register", "record"}:
            need(not self.having("cancel", (activity, "")))
            if self.is_repetition(said):
                return self
        if said.what == "erase":
            need(person not in self.erased)
            return Model(self.facts, self.erased | {person})
        return Model((*self.facts, Standing(order, said)), self.erased)

    def without(self, order: int) -> Model:
        """The model after a void. Raises Unlawful where that fact does not stand."""
        kept = tuple(s for s in self.facts if s.order != order)
        need(len(kept) == len(self.facts) - 1)
        return Model(kept, self.erased)

    # What must always be true

    def check(self) -> None:
        """Raises Unlawful when the standing facts can not all be true."""
        self._check_memberships()
        self._check_activities()
        self._check_projects()
        self._check_dissolutions()

    def _check_memberships(self) -> None:
        for facts in self._about("admit", "end").values():
            spells: list[list[int | None]] = []
            for fact in facts:
                if fact.what == "admit":
                    spells.append([fact.day, None])
                    continue
                covering = [s for s in spells if _covers(s, fact.day)]
                need(covering and covering[0][1] is None)
                covering[0][1] = fact.day
            days = [d for s in spells for d in _days(s)]
            need(len(days) == len(set(days)))

    def _check_activities(self) -> None:
        for facts in self._about("hold", "cancel").values():
            need(len(facts) <= 1)
        taken: dict[str, int] = {}
        for (activity, _), facts in self._about("register", "withdraw", "record").items():
            registered = False
            for fact in facts:
                if fact.what in {"register", "withdraw"}:
                    need(registered == (fact.what == "withdraw"))
                    registered = not registered
            need([f.what for f in facts].count("record") <= 1)
            taken[activity] = taken.get(activity, 0) + registered
        need(all(places <= CAPACITY for places in taken.values()))

    def _check_projects(self) -> None:
        days: dict[str, tuple[int, int]] = {}
        for (project, _), facts in self._about("start", "finish").items():
            starts = [f.day for f in facts if f.what == "start"]
            ends = [f.day for f in facts if f.what == "finish"]
            need(len(starts) == 1)
            need(len(ends) <= 1)
            days[project] = (starts[0], ends[0] if ends else HORIZON)
            need(starts[0] <= days[project][1])
        led: dict[str, list[int]] = {}
        for (project, organisation), facts in self._about("enrol", "leave").items():
            need(project in days)
            first, last = days[project]
            gone = self.having("dissolve", (organisation, ""))
            cut = gone[0].day - 1 if gone else HORIZON
            for begins, ends, role in _parts(facts):
                need(first <= begins <= last)
                need(ends is None or ends <= last)
                if role == "lead":
                    until = min(last, cut, HORIZON if ends is None else ends)
                    led.setdefault(project, []).extend(range(begins, until + 1))
        need(all(len(days) == len(set(days)) for days in led.values()))

    def _check_dissolutions(self) -> None:
        for (organisation, _), gone in self._about("dissolve").items():
            need(len(gone) == 1)
            for one in self.facts:
                if one.said.what in {"admit", "end"}:
                    named = one.said.about[0]
                elif one.said.what in {"enrol", "leave"}:
                    named = one.said.about[1]
                else:
                    continue
                need(named != organisation or one.said.effective <= gone[0].day)


def _covers(spell: list[int | None], day: int) -> bool:
    first, last = spell
    assert first is not None
    return first <= day and (last is None or day <= last)


def _days(spell: list[int | None]) -> range:
    first, last = spell
    assert first is not None
    return range(first, (HORIZON if last is None else last) + 1)


def _parts(facts: list[Said]) -> list[tuple[int, int | None, str]]:
    """First day, last day if any, role: of one organisation in one project."""
    parts: list[tuple[int, int | None, str]] = []
    for fact in facts:
        if fact.what == "enrol":
            need(all(begins != fact.day for begins, _, _ in parts))
            parts.append((fact.day, None, fact.role))
            continue
        still = [p for p in parts if p[1] is None and p[0] <= fact.day]
        need(still)
        parts[parts.index(still[-1])] = (still[-1][0], fact.day, still[-1][2])
    return parts
