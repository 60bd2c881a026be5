"""Facts to canonical bytes and back: the leaf, the registry of topics, upcasts.

A leaf is stored once and never rebuilt. Its bytes are RFC 8785: keys sorted, no insignificant white
space, integers below 2^53, no floats, strings in NFC; `tests/store/test_codec.py` holds that
against the `rfc8785` package.
"""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final
from unicodedata import is_normalized, normalize
from uuid import UUID

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from ledger.domain.facts import FACTS, Fact
from ledger.domain.history import Entry
from ledger.domain.identifiers import spelled

LEAF_BYTES_MAX: Final = 65_535
"""The entry bundles of the log prefix a leaf with 16 bits."""

_encode: Final = msgspec.json.Encoder(order="sorted").encode
_encode_leaf: Final = msgspec.json.Encoder().encode
_DECODERS: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    topic: msgspec.json.Decoder(cls) for topic, cls in FACTS.items()
}

Upcast = Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]
"""Old data to (the next topic version, its data). Never refuses: it was a fact."""

UPCASTS: Final[Mapping[str, Upcast]] = {}
"""Retired topics. Empty until a topic gets a second version; the stored bytes are never touched."""


class InvalidFact(Exception):
    """Posted data that is not a fact of its type. `pointer` is a JSON pointer into the data."""

    def __init__(self, code: str, detail: str, pointer: str = "") -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.pointer = pointer


def canonical(fact: Fact) -> bytes:
    """A fact's data as RFC 8785 bytes; what is left out is absent, never null."""
    return _encode(fact)


def decode_fact(topic: str, data: bytes | Raw) -> tuple[Fact, bytes]:
    """A posted fact and its canonical bytes. Raises InvalidFact."""
    decoder = _DECODERS.get(topic)
    if decoder is None:
        raise InvalidFact("unknown_type", f"There is no fact type {topic[:100]!r}.", "/type")
    try:
        fact: Fact = decoder.decode(data)
        return settled(fact)
    except msgspec.ValidationError as error:
        raise _invalid(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidFact("malformed_json", f"The data are not valid JSON: {error}") from error


def settled(fact: Fact) -> tuple[Fact, bytes]:
    """A fact as it was read, as it is kept: spelled one way; and its canonical bytes.

    Raises InvalidFact, msgspec.ValidationError.
    """
    fact = _spelled(fact)
    encoded = _encode(fact)
    if _is_settled(encoded):
        return fact, encoded
    if not is_normalized("NFC", encoded.decode()):
        fact = msgspec.convert(_composed(msgspec.json.decode(encoded)), type(fact))
        encoded = _encode(fact)
    if b"\\u0000" in encoded and "\x00" in encoded.decode("unicode_escape", "replace"):
        raise InvalidFact("invalid_fact", "Text must not hold the character U+0000.")
    return fact, encoded


def settled_together(facts: Sequence[Fact]) -> tuple[list[Fact], list[bytes]]:
    """The same of many, looked at together: of a thousand facts hardly one has a letter or sign
    that needs a second look. Raises the same.
    """
    spelled = [_spelled(fact) for fact in facts]
    encoded = [_encode(fact) for fact in spelled]
    if _is_settled(b"".join(encoded)):
        return spelled, encoded
    pairs = [settled(fact) for fact in facts]
    return [fact for fact, _ in pairs], [canonical for _, canonical in pairs]


def _is_settled(encoded: bytes) -> bool:
    """Whether there is nothing to compose, nor an escape that may stand for U+0000."""
    return encoded.isascii() and b"\\" not in encoded


_IDENTIFIED: Final = frozenset(
    cls for cls in FACTS.values() if "identifiers" in cls.__struct_fields__
)


def _spelled(fact: Any) -> Fact:
    if type(fact) in _IDENTIFIED and fact.identifiers:
        fact = replace(fact, identifiers=tuple(map(spelled, fact.identifiers)))
    found: Fact = fact
    return found


def _composed(value: Any) -> Any:
    """Every text in NFC, value by value: in JSON, an escape's last letter would compose."""
    match value:
        case str():
            return normalize("NFC", value)
        case list():
            return [_composed(item) for item in value]
        case dict():
            return {key: _composed(item) for key, item in value.items()}
    return value


def _invalid(error: msgspec.ValidationError) -> InvalidFact:
    """msgspec names the place as `$.a[0].b`; a problem names it as `/data/a/0/b`."""
    detail, _, path = str(error).partition(" - at `$")
    path = path.rstrip("`").replace("[...]", "").replace("[", ".").replace("]", "")
    return InvalidFact("invalid_fact", detail, "/data" + path.replace(".", "/"))


def event_digest(source: str, id: str) -> bytes:
    """The idempotency key: the first 16 bytes of SHA-256 over (source, id)."""
    return sha256(f"{source}\n{id}".encode()).digest()[:16]


def event_key(source: str, id: str) -> UUID:
    """The idempotency key as the table holds it."""
    return UUID(bytes=event_digest(source, id))


class Leaf(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A leaf as it is written and reads: its fields in canonical order."""

    actor: str
    causation: str | None = None
    correlation: str | None = None
    data: Raw
    id: str
    position: int
    recorded_at: str
    source: str
    stream: UUID
    type: str
    v: int
    version: int


_decode_leaf: Final = msgspec.json.Decoder(Leaf).decode


def leaf(entry: Entry, data: bytes) -> bytes:
    """The canonical bytes of a fact with its envelope; log-format.md, section Leaf."""
    return _encode_leaf(
        Leaf(
            actor=entry.actor,
            causation=entry.causation,
            correlation=entry.correlation,
            data=Raw(data),
            id=entry.id,
            position=entry.position,
            recorded_at=entry.recorded_at,
            source=entry.source,
            stream=entry.stream,
            type=entry.fact.topic,
            v=1,
            version=entry.version,
        )
    )


def sql_of(name: str, characters: int) -> str:
    """SQL for a value of fixed length in the data of a leaf, `state`; NULL where it is not there.

    A leaf is canonical JSON: the bytes `"person_ref":"` stand once in it, outside of every string
    (inside, a quote is escaped), and 36 characters of id follow.
    """
    start = len(name) + 4
    return (
        f'encode(substring(state, nullif(position(\'"{name}":"\'::bytea IN state), 0) + {start},'
        f" {characters}), 'escape')"
    )


class UnknownTopic(Exception):
    """The book holds a fact of type {topic}, which this version of the software does not know."""

    def __init__(self, topic: str) -> None:
        super().__init__((type(self).__doc__ or "").format(topic=topic))
        self.topic = topic


def read_leaf(state: bytes) -> Leaf:
    """A stored leaf's parts, its data still as bytes."""
    return _decode_leaf(state)


def decode_leaf(state: bytes, upcasts: Mapping[str, Upcast] = UPCASTS) -> Entry:
    """A stored leaf as the newest version of its fact. Raises UnknownTopic."""
    parts = _decode_leaf(state)
    decoder = _DECODERS.get(parts.type)
    if decoder is None or parts.type in upcasts:
        fact = _upcast(parts, upcasts)
    else:
        fact = decoder.decode(parts.data)
    return Entry(
        parts.position,
        parts.version,
        parts.stream,
        parts.source,
        parts.id,
        parts.actor,
        parts.recorded_at,
        fact,
        parts.causation,
        parts.correlation,
    )


def _upcast(parts: Leaf, upcasts: Mapping[str, Upcast]) -> Fact:
    topic, data = parts.type, msgspec.json.decode(parts.data)
    while topic in upcasts:
        topic, data = upcasts[topic](data)
    if topic not in FACTS:
        raise UnknownTopic(topic)
    fact: Fact = msgspec.convert(data, FACTS[topic])
    return fact
