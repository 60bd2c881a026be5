"""The clerk: takes one command after the other, under the head lock.

Idempotency comes before the rules. A refused command leaves nothing on the desk.
"""

from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from ledger.domain import facts as f
from ledger.domain import refusals as r
from ledger.domain.commands import Authority, Command, Incoming, Receipt, Refused
from ledger.domain.consequences import Change, check, refold
from ledger.domain.decide import Stream, permitted, plausible, references
from ledger.domain.history import VOIDS, Entry, standing, voided
from ledger.domain.laws import LAWS
from ledger.domain.refusals import Refusal
from ledger.domain.streams import STREAMS, Kind, effective_day, stream_id
from ledger.store import codec
from ledger.store.book import Row
from ledger.store.desk import Desk, Known

_UNVOIDABLE: Final = (*VOIDS, f.PersonErased, f.PeriodClosed)


def take(desk: Desk, command: Command) -> list[Receipt]:
    """Decide on a command: a receipt for each fact, in order. Raises Refused."""
    desk.start()
    refolding: set[UUID] = set()
    items: dict[UUID, int] = {}
    item = 0
    try:
        receipts: list[Receipt] = []
        for item, incoming in enumerate(command.facts):
            receipt = _take(desk, incoming, command.authority, refolding)
            receipts.append(receipt)
            items[receipt.stream] = item
        changes = desk.changes()
        for change in changes:
            item = items[change.after.id]
            _obey(change, refolding)
        desk.count_seats(changes)
        for change in changes:
            item = items[change.after.id]
            check(change, desk)
    except Refusal as refusal:
        desk.start()
        raise Refused(refusal, item) from refusal
    desk.accept()
    return receipts


def _take(desk: Desk, incoming: Incoming, authority: Authority, refolding: set[UUID]) -> Receipt:
    """One fact: answered with its first receipt, or put on the desk."""
    if not authority.may_use(incoming.source):
        raise r.SourceNotCovered(source=incoming.source)
    key = codec.event_key(incoming.source, incoming.id)
    known = desk.known(key)
    if known is not None:
        return _repeated(incoming, known)
    fact = incoming.fact
    if isinstance(fact, f.FactVoided):
        kind, id = _target(desk, incoming, fact, authority)
    else:
        plausible(fact, today=desk.today, head=desk.head)
        references(fact, desk)
        permitted(fact, authority, desk)
        kind, parts = STREAMS[type(fact)]
        id = stream_id(desk.space, kind, *parts(fact))
    stream = desk.stream(kind, id)
    expected = incoming.expected_version
    if expected is not None and expected != stream.version:
        raise r.VersionMismatch(stream=id, version=stream.version, expected=expected)
    if kind is Kind.attendance and stream.entries:
        first = _standing_twin(stream, fact)
        if first is not None:
            return _first_receipt(desk, first)
    return _append(desk, desk.change(stream), incoming, authority.actor, key, refolding)


def _repeated(incoming: Incoming, known: Known) -> Receipt:
    """The first receipt of an id that was taken before.

    Raises IdempotencyConflict on other content.
    """
    leaf = codec.read_leaf(known.leaf)
    if (
        leaf.type == incoming.topic
        and bytes(leaf.data) == incoming.data
        and leaf.causation == incoming.causation
        and leaf.correlation == incoming.correlation
    ):
        return Receipt(
            leaf.id,
            leaf.source,
            leaf.position,
            leaf.recorded_at,
            known.leaf_hash.hex(),
            leaf.stream,
            leaf.version,
            duplicate=True,
        )
    raise r.IdempotencyConflict(id=leaf.id, source=leaf.source, position=leaf.position)


def _first_receipt(desk: Desk, entry: Entry) -> Receipt:
    """The receipt of a fact that says the same under another id."""
    known = desk.known(codec.event_key(entry.source, entry.id))
    leaf_hash = known.leaf_hash if known is not None else desk.leaf_hash(entry.position)
    return _receipt(entry, leaf_hash, duplicate=True)


def _receipt(entry: Entry, leaf_hash: bytes, *, duplicate: bool = False) -> Receipt:
    return Receipt(
        entry.id,
        entry.source,
        entry.position,
        entry.recorded_at,
        leaf_hash.hex(),
        entry.stream,
        entry.version,
        duplicate,
    )


def _standing_twin(stream: Stream, fact: f.Fact) -> Entry | None:
    """The fact that already says this person came (or signed up). Raises OtherOrganisation."""
    if not isinstance(fact, f.AttendanceRecorded | f.AttendanceRegistered):
        return None
    state = stream.state
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
    desk: Desk, incoming: Incoming, fact: f.FactVoided, authority: Authority
) -> tuple[Kind, UUID]:
    """The stream of a void's target. Raises what speaks against voiding it."""
    source = fact.target_source or incoming.source
    known = desk.known(codec.event_key(source, fact.target))
    if known is None:
        raise r.UnknownFact(target=fact.target, source=source)
    target = codec.decode_leaf(known.leaf)
    if isinstance(target.fact, _UNVOIDABLE):
        raise r.NotVoidable(type=target.fact.topic)
    permitted(target.fact, authority, desk)
    kind = STREAMS[type(target.fact)][0]
    if target.event in voided(desk.stream(kind, target.stream).entries):
        raise r.AlreadyVoided(target=fact.target)
    return kind, target.stream


def _append(
    desk: Desk, mine: Stream, incoming: Incoming, actor: str, key: UUID, refolding: set[UUID]
) -> Receipt:
    """Put a fact behind its stream's others, and fold it in where the order allows."""
    fact = incoming.fact
    entry = Entry(
        desk.next_position,
        mine.version + 1,
        mine.id,
        incoming.source,
        incoming.id,
        actor,
        desk.stamp,
        fact,
        incoming.causation,
        incoming.correlation,
    )
    state = codec.leaf(entry, incoming.data)
    if len(state) > codec.LEAF_BYTES_MAX:
        raise r.FactTooLarge(bytes=len(state))
    if isinstance(fact, VOIDS):
        if isinstance(fact, f.AttendanceVoided) and not standing(mine.entries):
            raise r.NothingToVoid(person_ref=fact.person_ref, activity_id=fact.activity_id)
        refolding.add(mine.id)
    elif mine.id not in refolding:
        _fold_in(mine, fact, refolding)
    mine.entries.append(entry)
    leaf_hash = sha256(b"\x00" + state).digest()
    desk.put(Row(entry, state, leaf_hash, key))
    return _receipt(entry, leaf_hash)


def _fold_in(stream: Stream, fact: f.Fact, refolding: set[UUID]) -> None:
    day = effective_day(fact)
    if day < stream.last_day:
        refolding.add(stream.id)
        return
    law = LAWS[stream.kind]
    refusal = law.objection(stream.state, fact)
    if refusal is not None:
        raise refusal
    stream.state = law.evolve(stream.state, fact)
    stream.last_day = day


def _obey(change: Change, refolding: set[UUID]) -> None:
    """A changed stream obeys its own law. Raises the first refusal."""
    if change.after.id in refolding:
        refold(change)
        return
    flaw = LAWS[change.after.kind].flaw(change.after.state)
    if flaw is not None:
        raise flaw
