"""Random commands against the ledger and a naive model: they accept and refuse the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from ledger.domain import facts as f
from ledger.domain.commands import Incoming, Receipt, Refused
from ledger.domain.history import Entry, Unlawful, fold, lawful, standing
from ledger.domain.laws import LAWS
from ledger.domain.streams import STREAMS, Kind, mentions
from ledger.service import Ledger
from ledger.store.book import create
from ledger.store.codec import decode_leaf
from tests.domain.kit import Given, fact, void
from tests.ledger_model import model as plain
from tests.ledger_model.model import CAPACITY, Model, Said

WHAT_OF = {
    "admit": ("membership.admitted", "organisation_id", "cluster"),
    "end": ("membership.ended", "organisation_id", "cluster"),
    "register": ("attendance.registered", "activity_id", "person_ref"),
    "withdraw": ("attendance.withdrawn", "activity_id", "person_ref"),
    "record": ("attendance.recorded", "activity_id", "person_ref"),
    "hold": ("activity.held", "activity_id", ""),
    "cancel": ("activity.cancelled", "activity_id", ""),
    "start": ("project.started", "project_id", ""),
    "finish": ("project.ended", "project_id", ""),
    "enrol": ("enrolment.started", "project_id", "organisation_id"),
    "leave": ("enrolment.ended", "project_id", "organisation_id"),
    "dissolve": ("organisation.dissolved", "organisation_id", ""),
    "erase": ("person.erased", "", "person_ref"),
}
DATED = {"admit", "start", "enrol", "dissolve"}
MORE = {
    "end": {"cause": "lapsed"},
    "finish": {"outcome": "completed"},
    "hold": {"held_on": "2020-01-01"},
    "erase": {"legal_basis": "art-17"},
}
# What ends a story (a cancellation, a dissolution, an erasure) is drawn seldom.
Drawn = tuple[str, int, int, int, str, int]
GROUPS = [
    *[["admit", "admit", "end"]] * 4,
    *[["register", "register", "register", "withdraw", "record"]] * 4,
    *[["enrol", "enrol", "enrol", "leave", "leave", "start", "finish"]] * 4,
    ["hold", "cancel", "dissolve", "erase"],
]


def _commands(whats: list[str]) -> st.SearchStrategy[Drawn]:
    return st.tuples(
        st.sampled_from(whats),
        st.integers(0, 1),
        st.integers(0, 2),
        st.integers(0, 9),
        st.sampled_from(["lead", "partner"]),
        st.integers(0, 30),
    )


COMMANDS = st.sampled_from(GROUPS).flatmap(_commands)
BATCHES = st.sampled_from(GROUPS).flatmap(
    lambda whats: st.lists(_commands(whats), min_size=2, max_size=3)
)


def day(number: int) -> str:
    return (date(2020, 1, 1) + timedelta(days=number)).isoformat()


class Machine(RuleBasedStateMachine):
    """Two clusters, activities and projects; three organisations and persons."""

    writers: tuple[Given, Given]
    """Two of them, as in two processes: neither may rely on what it remembers."""

    @initialize()
    def begin(self) -> None:
        given = self.given = self.writers[0]
        self.start = given.ledger.book.head().position
        self.clusters = [given.cluster() for _ in range(2)]
        self.organisations = [given.organisation() for _ in range(3)]
        self.activities = [given.activity(self.clusters[0], capacity=CAPACITY) for _ in range(2)]
        self.projects = [given.project(self.clusters[n], started=None) for n in range(2)]
        self.persons = [str(uuid4()) for _ in range(3)]
        self.model = Model()
        self.posted: dict[int, Receipt] = {}
        self.last: tuple[tuple[Incoming, ...], list[Receipt]] | None = None
        self.next = 0
        self._run([("start", 0, 0, 2, "", 0)])

    # Commands

    def _said(self, drawn: Drawn) -> Said:
        what, one, other, number, role, _ = drawn
        match what:
            case "admit" | "end":
                about = (self.organisations[other], self.clusters[one])
            case "register" | "withdraw" | "record":
                about = (self.activities[one], self.persons[other])
            case "hold" | "cancel":
                about = (self.activities[one], "")
            case "enrol" | "leave":
                about = (self.projects[one], self.organisations[other])
            case "dissolve":
                about = (self.organisations[other], "")
            case "erase":
                about = ("", self.persons[other])
            case _:
                about = (self.projects[one], "")
        dated = what in DATED | {"end", "leave", "finish"}
        return Said(what, about, number if dated else 0, role if what == "enrol" else "")

    @staticmethod
    def _fact(said: Said) -> Incoming:
        type, *names = WHAT_OF[said.what]
        data: dict[str, object] = {n: v for n, v in zip(names, said.about, strict=True) if n}
        data |= MORE.get(said.what, {})
        if said.what in DATED:
            data["effective_on"] = day(said.day)
        elif said.what in {"end", "leave", "finish"}:
            data["last_day"] = day(said.day)
        if said.role:
            data["role"] = said.role
        return fact(type, **data)

    @rule(drawn=COMMANDS)
    def post(self, drawn: Drawn) -> None:
        self._run([drawn])

    @rule(batch=BATCHES)
    def post_batch(self, batch: list[Drawn]) -> None:
        self._run(batch)

    @rule(which=st.integers(0, 30), instead=st.none() | COMMANDS)
    def correct(self, which: int, instead: Drawn | None) -> None:
        """A void, and perhaps what should have been said."""
        if self.posted:
            take_back: Drawn = ("void", 0, 0, 0, "", which)
            self._run([take_back] if instead is None else [take_back, instead])

    @rule(which=st.lists(st.integers(0, 30), min_size=2, max_size=3))
    def void_several(self, which: list[int]) -> None:
        if self.posted:
            self._run([("void", 0, 0, 0, "", n) for n in which])

    @rule()
    def use_the_other_writer(self) -> None:
        self.given = self.writers[self.given is self.writers[0]]

    @rule()
    def post_again(self) -> None:
        """An id answered with another's receipt stands nowhere: only recorded ones count."""
        if self.last is not None and not any(r.duplicate for r in self.last[1]):
            facts, first = self.last
            again = self.given.record(*facts)
            assert [r.position for r in again] == [r.position for r in first]
            assert all(r.duplicate for r in again)

    def _run(self, batch: list[Drawn]) -> None:
        """Ledger and model take the same batch, and agree."""
        facts: list[Incoming] = []
        orders: list[int | None] = []
        after: Model | None = self.model
        always_lawful = True
        for drawn in batch:
            order = self.next = self.next + 1
            try:
                if drawn[0] == "void":
                    target = sorted(self.posted)[drawn[5] % len(self.posted)]
                    facts.append(void(self.posted[target]))
                    orders.append(None)
                    after = after and after.without(target)
                else:
                    said = self._said(drawn)
                    facts.append(self._fact(said))
                    orders.append(None if said.what == "erase" else order)
                    after = after and after.accept(order, said)
            except plain.Unlawful:
                after = None
            always_lawful = always_lawful and _is_lawful(after)
        accepted = self._record(facts, orders)
        if accepted:
            assert after is not None, "the ledger accepted what the model refuses"
            assert _is_lawful(after), "the ledger accepted what the model refuses"
            self.model = after
        else:
            # On the way a batch may pass through what is refused, and only end lawful: the
            # ledger need not wait for that. Where every step is lawful it must accept.
            assert not always_lawful, "the ledger refused what the model accepts"

    def _record(self, facts: list[Incoming], orders: list[int | None]) -> bool:
        try:
            receipts = self.given.record(*facts)
        except Refused:
            return False
        self.last = (tuple(facts), receipts)
        for order, receipt in zip(orders, receipts, strict=True):
            if order is not None and not receipt.duplicate:
                self.posted[order] = receipt
        return True

    # What must hold after every step

    def _entries(self) -> list[Entry]:
        leaves = self.given.ledger.book.leaves(self.start, 10_000)
        return [decode_leaf(leaf) for leaf in leaves]

    @invariant()
    def the_book_is_in_order(self) -> None:
        entries = self._entries()
        expected = range(self.start + 1, self.start + len(entries) + 1)
        assert [e.position for e in entries] == list(expected)
        assert self.given.ledger.book.head().position == self.start + len(entries)
        for stream in _streams(entries).values():
            assert [e.version for e in stream] == list(range(1, len(stream) + 1))
            kind = STREAMS[type(stream[0].fact)][0]
            assert not isinstance(lawful(LAWS[kind], standing(stream)), Unlawful)

    @invariant()
    def the_guards_equal_a_recomputation(self) -> None:
        entries = self._entries()
        space = self.given.ledger.book.space
        streams = _streams(entries)
        mentioned: set[tuple[UUID, int, UUID]] = set()
        seats = {UUID(activity): 0 for activity in self.activities}
        for id, stream in streams.items():
            kind = STREAMS[type(stream[0].fact)][0]
            named = {entity for e in stream for entity in mentions(space, e.fact)}
            mentioned |= {(entity, int(kind), id) for entity in named}
            if kind is Kind.attendance:
                state = fold(LAWS[kind], standing(stream))
                seats[stream[0].fact.activity_id] += state.registered  # type: ignore[attr-defined]  # an attendance
        erased = {e.fact.person_ref for e in entries if isinstance(e.fact, f.PersonErased)}
        with self.given.ledger.book.cursor() as curs:
            ids = list(streams)
            rows = curs.execute(
                "SELECT entity, kind, stream FROM ledger.mention, unnest(streams) AS stream"
                " WHERE stream = ANY(%s)",
                (ids,),
            ).fetchall()
            assert sorted(rows) == sorted(mentioned)
            rows = curs.execute(
                "SELECT * FROM ledger.seats WHERE activity_id = ANY(%s)", (list(seats),)
            )
            assert dict(rows.fetchall()) | {a: 0 for a, n in seats.items() if not n} == seats
            persons = [UUID(person) for person in self.persons]
            rows = curs.execute(
                "SELECT person_ref FROM ledger.erased WHERE person_ref = ANY(%s)", (persons,)
            )
            assert {person for (person,) in rows} == erased


def _is_lawful(model: Model | None) -> bool:
    if model is None:
        return False
    try:
        model.check()
    except plain.Unlawful:
        return False
    return True


def _streams(entries: list[Entry]) -> dict[UUID, list[Entry]]:
    found: dict[UUID, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.stream, []).append(entry)
    return found


@pytest.fixture
def writers(database_url: str) -> Iterator[tuple[Given, Given]]:
    create(database_url, "model.example/2026")
    with Ledger.open(database_url) as one, Ledger.open(database_url) as other:
        yield Given(one), Given(other)


def _compare(writers: tuple[Given, Given], **more: Any) -> None:
    run_state_machine_as_test(
        type("Bound", (Machine,), {"writers": writers}),
        settings=settings(
            max_examples=60,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            **more,
        ),
    )


def test_the_ledger_accepts_and_refuses_what_a_naive_model_does(
    writers: tuple[Given, Given],
) -> None:
    _compare(writers)


def test_control_a_model_of_other_rules_is_told_apart(
    writers: tuple[Given, Given], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain, "CAPACITY", CAPACITY - 1)
    with pytest.raises(AssertionError, match="the ledger accepted what the model refuses"):
        _compare(writers, phases=[Phase.generate], database=None, derandomize=True)
