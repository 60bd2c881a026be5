"""The clerk: takes one command after the other, under the head lock.

Idempotency comes before the rules. A refused command leaves nothing on the desk.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from ledger.domain import facts as f
from ledger.domain import refusals as r
from ledger.domain.commands import Authority, Incoming, Receipt, Refused
from ledger.domain.consequences import IN_THE_WAY_MAX, Change, check, refold
from ledger.domain.decide import Stream, permitted, plausible, references, welcome
from ledger.domain.history import VOIDS, Entry, standing, voided
from ledger.domain.laws import LAWS
from ledger.domain.refusals import Refusal
from ledger.domain.streams import STREAMS, Kind, effective_day
from ledger.store import codec
from ledger.store.batch import Slip
from ledger.store.desk import Desk
from ledger.store.rows import Known, Row
from ledger.store.tickets import Answer, receipt_of
from ledger.transparency.merkle import leaf_hash

STREAM_FACTS_MAX: Final = 1_000
"""Facts of one command in one stream: a fact out of order folds its stream anew."""
MEANWHILE_FACTS: Final = 250
_UNVOIDABLE: Final = (*VOIDS, f.PersonErased, f.PeriodClosed)


def take(
    desk: Desk,
    authority: Authority,
    slips: Sequence[Slip],
    meanwhile: Callable[[], None] | None = None,
) -> list[Answer]:
    """Decide on a command: an answer to each fact, in order. Raises Refused.

    `meanwhile` is called now and then, while facts are on the desk that may yet be refused.
    """
    item = 0
    desk.allowed.admit(authority)
    try:
        answers: list[Answer] = []
        for item, slip in enumerate(slips):
            answers.append(_take(desk, item, slip, authority))
            if meanwhile is not None and not len(answers) % MEANWHILE_FACTS:
                meanwhile()
        conflicts: list[tuple[int, r.VoidConflict]] = []
        for look in (_obey, check):
            if look is check:
                desk.count_seats()
            for change in desk.changes:
                item = change.item
                try:
                    look(change, desk)
                except r.VoidConflict as conflict:
                    # Whoever voids is told everything that is in the way, in all streams.
                    conflicts.append((item, conflict))
        if conflicts:
            item = conflicts[0][0]
            raise _joined(conflict for _, conflict in conflicts)
    except Refusal as refusal:
        desk.drop()
        raise Refused(refusal, item) from refusal
    desk.accept()
    return answers


def _take(desk: Desk, item: int, slip: Slip, authority: Authority) -> Answer:
    """One fact: answered with its first receipt, or put on the desk."""
    incoming = slip.incoming
    if incoming.source not in desk.allowed.sources:
        _cover(desk, incoming.source, authority)
    known = desk.known(slip.key)
    if known is not None:
        return _repeated(incoming, known)
    fact = incoming.fact
    if slip.kind is None or slip.stream is None:
        kind, id = _target(desk, incoming, fact, authority)
    else:
        kind, id = slip.kind, slip.stream
        came = fact if type(fact) is f.AttendanceRecorded else None
        if came is not None and came.activity_id.int in desk.allowed.activities:
            welcome(came, desk)
        else:
            plausible(fact, today=desk.today, head=desk.head)
            references(fact, desk)
            permitted(fact, authority, desk)
            if came is not None:
                desk.allowed.activities.add(came.activity_id.int)
        if came is not None and incoming.expected_version is None and desk.untouched(id):
            # The short way for nine facts of ten: as the first of its stream it can break no law.
            row = _written(desk, slip, id, 1, authority.actor)
            desk.put_first(row, came)
            return row
    stream = desk.stream(kind, id)
    expected = incoming.expected_version
    if expected is not None and expected != stream.version:
        raise r.VersionMismatch(stream=id, version=stream.version, expected=expected)
    if stream.entries and kind is Kind.attendance:
        first = _standing_twin(stream, fact)
        if first is not None:
            return _first_receipt(desk, first)
    change = desk.change(stream)
    change.item = item
    return _append(desk, change, slip, authority.actor)


def _cover(desk: Desk, source: str, authority: Authority) -> None:
    if not authority.may_use(source):
        raise r.SourceNotCovered(source=source)
    desk.allowed.sources.add(source)


def _repeated(incoming: Incoming, known: Known) -> Receipt:
    """The first receipt of an id that was taken before.

    Raises IdempotencyConflict on other content.
    """
    leaf = codec.read_leaf(known.state)
    if (
        leaf.type == incoming.topic
        and bytes(leaf.data) == incoming.data
        and leaf.causation == incoming.causation
        and leaf.correlation == incoming.correlation
    ):
        return receipt_of(leaf, known, duplicate=True)
    raise r.IdempotencyConflict(id=leaf.id, source=leaf.source, position=leaf.position)


def _first_receipt(desk: Desk, entry: Entry) -> Receipt:
    """The receipt of a fact that says the same under another id."""
    known = desk.known(codec.event_digest(entry.source, entry.id))
    return receipt_of(entry, known or desk.known_at(entry.position), duplicate=True)


def _standing_twin(stream: Stream, fact: f.Fact) -> Entry | None:
    """The fact that already says this person came (or signed up). Raises OtherOrganisation."""
    if not isinstance(fact, f.AttendanceRecorded | f.AttendanceRegistered):
        return None
    state = stream.state  # a registration that was withdrawn stands, and is no twin
    if not (state.recorded if isinstance(fact, f.AttendanceRecorded) else state.registered):
        return None
    twins = [e for e in standing(stream.entries) if type(e.fact) is type(fact)]
    first: Any = twins[-1].fact
    if fact.organisation_id not in {None, first.organisation_id}:
        raise r.OtherOrganisation(
            person_ref=fact.person_ref,
            activity_id=fact.activity_id,
            organisation_id=first.organisation_id,
        )
    return twins[-1]


def _target(
    desk: Desk, incoming: Incoming, fact: f.Fact, authority: Authority
) -> tuple[Kind, UUID]:
    """The stream of a void's target. Raises what speaks against voiding it."""
    assert isinstance(fact, f.FactVoided)
    source = fact.target_source or incoming.source
    known = desk.known(codec.event_digest(source, fact.target))
    if known is None:
        raise r.UnknownFact(target=fact.target, source=source)
    target = codec.decode_leaf(known.state)
    if isinstance(target.fact, _UNVOIDABLE):
        raise r.NotVoidable(type=target.fact.topic)
    permitted(target.fact, authority, desk)
    kind = STREAMS[type(target.fact)][0]
    if target.event in voided(desk.stream(kind, target.stream).entries):
        raise r.AlreadyVoided(target=fact.target)
    return kind, target.stream


def _written(desk: Desk, slip: Slip, stream: UUID, version: int, actor: str) -> Row:
    """A fact as it will stand in the book. Raises FactTooLarge."""
    incoming = slip.incoming
    entry = Entry(
        desk.next_position,
        version,
        stream,
        incoming.source,
        incoming.id,
        actor,
        desk.stamp,
        incoming.fact,
        incoming.causation,
        incoming.correlation,
    )
    state = codec.leaf(entry, incoming.data)
    if len(state) > codec.LEAF_BYTES_MAX:
        raise r.FactTooLarge(bytes=len(state))
    return Row(state, leaf_hash(state), entry=entry, event_key=slip.key)


def _append(desk: Desk, change: Change, slip: Slip, actor: str) -> Row:
    """Put a fact behind its stream's others, and fold it in where the order allows."""
    mine, fact = change.after, slip.incoming.fact
    if len(change.new) == STREAM_FACTS_MAX:
        raise r.StreamTooLarge(most=STREAM_FACTS_MAX, kind=mine.kind.name)
    row = _written(desk, slip, mine.id, mine.version + 1, actor)
    if isinstance(fact, VOIDS):
        if isinstance(fact, f.AttendanceVoided) and not standing(mine.entries):
            raise r.NothingToVoid(person_ref=fact.person_ref, activity_id=fact.activity_id)
        change.out_of_order = True
    elif not change.out_of_order:
        _fold_in(change, fact)
    mine.entries.append(row.entry)
    change.new.append(row.entry)
    if change.out_of_order:
        # Later facts of the command look at this state; its law is checked at the end.
        mine.refold()
    desk.put(row, mine)
    return row


def _fold_in(change: Change, fact: f.Fact) -> None:
    stream = change.after
    day = effective_day(fact)
    if day < stream.last_day:
        change.out_of_order = True
        return
    law = LAWS[stream.kind]
    refusal = law.objection(stream.state, fact)
    if refusal is not None:
        raise refusal
    stream.state = law.evolve(stream.state, fact)
    stream.last_day = day


def _joined(conflicts: Iterable[r.VoidConflict]) -> r.VoidConflict:
    """One refusal that names each fact in the way once, by position."""
    facts: dict[int, object] = {}
    for conflict in conflicts:
        named: Any = conflict.case.get("in_the_way", ())
        facts.update((fact["position"], fact) for fact in named)
    ordered = [facts[position] for position in sorted(facts)]
    return r.VoidConflict(in_the_way=ordered[:IN_THE_WAY_MAX])


def _obey(change: Change, desk: Desk) -> None:  # noqa: ARG001 - called as `check` is
    """A changed stream obeys its own law. Raises the first refusal."""
    if change.out_of_order:
        refold(change)
        return
    flaw = LAWS[change.after.kind].flaw(change.after.state)
    if flaw is not None:
        raise flaw
