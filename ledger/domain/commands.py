"""What is asked of the ledger, by whom, and what comes of it."""

from typing import Final
from uuid import UUID

from msgspec import Struct

from ledger.domain.facts import Fact
from ledger.domain.refusals import Refusal

ADMIN: Final = "admin"


class Authority(Struct, frozen=True):
    """Who acts, and what for. The scope `admin` covers everything.

    `actor` is `key:<uuid>` or `user:<uuid>`; `clusters` are those it records for; `sources` are the
    CloudEvents sources it may use, `*` for any.
    """

    actor: str
    scopes: frozenset[str] = frozenset()
    clusters: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()

    @property
    def is_admin(self) -> bool:
        """Whether it may do everything."""
        return ADMIN in self.scopes

    def has(self, scope: str) -> bool:
        """Whether it holds a scope."""
        return ADMIN in self.scopes or scope in self.scopes

    def may_use(self, source: str) -> bool:
        """Whether it may post under a CloudEvents source."""
        return ADMIN in self.scopes or source in self.sources or "*" in self.sources


class Incoming(Struct, frozen=True, gc=False):
    """A fact as posted, already decoded. `data` are the canonical bytes of `fact`."""

    id: str
    source: str
    topic: str
    fact: Fact
    data: bytes
    causation: str | None = None
    correlation: str | None = None
    expected_version: int | None = None


class Command(Struct, frozen=True):
    """Facts that are recorded together or not at all."""

    authority: Authority
    facts: tuple[Incoming, ...]


class Receipt(Struct, omit_defaults=True, gc=False):
    """What stands in the ledger.

    `recorded_at` is UTC, RFC 3339; `leaf_hash` is 64 hexadecimal digits. `tree_size` and `root` are
    the tree that its transaction left behind: the writer fills them in when that is known.
    """

    id: str
    source: str
    position: int
    recorded_at: str
    leaf_hash: str
    stream: UUID
    version: int
    tree_size: int = 0
    root: str = ""
    duplicate: bool = False


class Refused(Exception):
    """A command was refused: nothing of it is recorded.

    `item` is the index of the fact in the way, from 0.
    """

    def __init__(self, refusal: Refusal, item: int) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal
        self.item = item
