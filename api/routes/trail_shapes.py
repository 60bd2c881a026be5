"""What the trail is asked, and what it answers: the shapes of GET /v1/facts and its kin."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Raw, Struct

Position = Annotated[int, Meta(ge=0, lt=2**53)]
# Text for those who read it: they say better than a conversion what is wrong, and how to write it.
_INSTANT = {"format": "date-time"}
Day = Annotated[str, Meta(extra_json_schema={"format": "date"})]
KnownAt = Annotated[
    str, Meta(extra_json_schema={"anyOf": [{"pattern": "^[0-9]{1,15}$"}, _INSTANT]})
]
DayOrInstant = Annotated[str, Meta(extra_json_schema={"anyOf": [{"format": "date"}, _INSTANT]})]


class Matching(Struct, frozen=True, kw_only=True):
    """Which facts."""

    type: Annotated[str, Meta(max_length=2000)] | None = None
    """Fact types, separated by commas; one that ends in a dot stands for all that begin with it:
    `attendance.,headcount.recorded.v1`."""
    stream: UUID | None = None
    """One stream."""
    entity: UUID | None = None
    """Whatever an organisation, activity, project or person is named in."""
    actor: Annotated[str, Meta(max_length=100)] | None = None
    """Who recorded them: `key:<uuid>` or `user:<uuid>`."""
    cluster: Annotated[str, Meta(max_length=32)] | None = None
    """Facts that concern this cluster."""
    after: Position | None = None
    """Behind this position."""


class TrailQuery(Matching, frozen=True, kw_only=True):
    """Which facts, in which order, how many."""

    before: Position | None = None
    """Before this position."""
    recorded_from: DayOrInstant | None = None
    """Recorded at or after this instant, or on or after this day (Europe/Berlin)."""
    recorded_to: DayOrInstant | None = None
    """Recorded at or before this instant, or on or before this day (Europe/Berlin)."""
    order: Literal["newest", "oldest"] | None = None
    """Left out: newest first; as NDJSON oldest first."""
    limit: Annotated[int, Meta(ge=1, le=1000)] | None = None
    """Facts on a page; left out: 100. Not for NDJSON."""
    cursor: str | None = None
    """Where the page before ended: its `next`. Not for NDJSON."""
    min_position: Position | None = None
    """Wait, as `Prefer: wait=2` says, until the read models are there."""


class FactItem(Struct, frozen=True, omit_defaults=True):
    """A fact as it stands in the ledger. `data` are the stored bytes."""

    position: int
    recorded_at: str
    type: str
    stream: UUID
    version: int
    source: str
    id: str
    actor: str
    data: Raw
    leaf_hash: str
    """SHA-256(0x00 || leaf), 64 hexadecimal digits."""
    clusters: tuple[str, ...] = ()
    """Codes of the clusters it concerns."""
    causation: str | None = None
    correlation: str | None = None
    voided_by: int | None = None
    """The position of its void, if it was voided by now."""
    late: tuple[int, ...] = ()
    """Positions of the `period.closed` facts that it came after, its day being in their periods."""


class FactPage(Struct, frozen=True):
    """Facts in order; `position` is how far the trail went when they were read."""

    position: int
    items: list[FactItem]
    next: str | None


class FactReceipt(Struct, frozen=True):
    """What the fact's poster was answered."""

    id: str
    source: str
    position: int
    recorded_at: str
    leaf_hash: str
    stream: UUID
    version: int
    tree_size: int
    root: str
    """The tree its transaction left behind: size, and root in 64 hexadecimal digits."""


class FactDetail(Struct, frozen=True, omit_defaults=True):
    """One fact with its receipt, its stored leaf, and the facts before and behind it."""

    fact: FactItem
    receipt: FactReceipt
    leaf: str
    """The stored bytes in Base64: what `leaf_hash` was made over."""
    proof: str
    """Where its inclusion in the tree is proven."""
    voided_by: FactItem | None = None
    causes: tuple[FactItem, ...] = ()
    """The fact of the same source that it names as its cause."""
    effects: tuple[FactItem, ...] = ()
    """Facts of the same source that name it as their cause: at most 100, from its own stream and
    the 10,000 facts behind it."""


class MinPosition(Struct, frozen=True):
    """When to answer."""

    min_position: Position | None = None
    """Wait, as `Prefer: wait=2` says, until the read models are there."""
