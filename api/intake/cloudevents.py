"""CloudEvents 1.0 to facts: structured, batched, binary. CNCF CloudEvents JSON format 1.0.2.

Nothing is invented: an event without id or source is refused, or deduplication would be lost.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, Union
from unicodedata import normalize
from urllib.parse import unquote_to_bytes

import msgspec
from msgspec import Meta, Raw, Struct

from api.intake import json_text
from api.intake.words import finding
from api.problems import Finding, Problem
from ledger.domain.commands import Incoming
from ledger.domain.facts import FACTS, Fact
from ledger.store.codec import InvalidFact, decode_fact, settled, settled_together

STRUCTURED: Final = "application/cloudevents+json"
BATCHED: Final = "application/cloudevents-batch+json"
PLAIN: Final = "application/json"
BATCH_FACTS_MAX: Final = 10_000

_TEXT = r"^[^\u0000-\u001f\u007f]+$(?!\n)"
_URI = r"^(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+$(?!\n)"

EventId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=_TEXT,
        description="Text of 1 to 200 characters without control characters.",
    ),
]
Source = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=_URI,
        description="A URI reference of 1 to 200 characters: //ict.example/app.",
    ),
]
Reference = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=_TEXT,
        description="A fact's id or another reference: 1 to 200 characters, none of control.",
    ),
]
Version = Annotated[int, Meta(ge=0, lt=2**53, description="A stream's version, from 1; 0: new.")]
Instant = Annotated[datetime, Meta(tz=True, description="RFC 3339, with its offset. Not kept.")]


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A CloudEvent as the ledger reads it. Other extension attributes are not kept."""

    specversion: Literal["1.0"]
    id: EventId
    source: Source
    type: Annotated[str, Meta(min_length=1, max_length=100)]
    data: Raw
    datacontenttype: Literal["application/json"] | None = None
    dataschema: str | None = None
    subject: str | None = None
    time: Instant | None = None
    causationid: Reference | None = None
    correlationid: Reference | None = None
    expectedversion: Version | None = None


_NAMES: Final = frozenset(Event.__struct_fields__)
_EXTENSION: Final = re.compile(r"[a-z0-9]{1,20}")
_decode_one: Final = msgspec.json.Decoder(Event).decode
_encode: Final = msgspec.json.encode

_Short = Annotated[str, Meta(min_length=1, max_length=200)]
_LOOSE: Final[dict[str, Any]] = {
    "id": _Short,
    "source": _Short,
    "causationid": _Short | None,
    "correlationid": _Short | None,
}
"""Without their patterns, which take longer than all the rest of an event: see `_plain`."""
_is_source: Final = lru_cache(maxsize=1_000)(re.compile(_URI).search)
"""Few sources post many events."""


def _plain_event(topic: str, fact: type[Fact]) -> type[Struct]:
    """An event of one type, read together with its fact."""
    fields = [
        (it.name, _LOOSE.get(it.name, it.type), *(() if it.required else (it.default,)))
        for it in msgspec.structs.fields(Event)
        if it.name not in {"type", "data"}
    ]
    return msgspec.defstruct(
        f"Plain {topic}",
        [*fields, ("data", fact)],
        tag_field="type",
        tag=topic,
        kw_only=True,
        frozen=True,
        omit_defaults=True,
        gc=False,
    )


_PLAIN_EVENTS: Final = [_plain_event(topic, fact) for topic, fact in FACTS.items()]
_PLAIN: Final[Any] = Union[tuple(_PLAIN_EVENTS)]  # noqa: UP007 - made at run time
_decode_plain: Final = msgspec.json.Decoder(_PLAIN).decode
_decode_many: Final = msgspec.json.Decoder(list[_PLAIN]).decode

_AN_EVENT: Final = "An object with specversion, id, source, type and data."
_AN_EXTENSION: Final = (
    "Leave it out, or write its name with lower-case letters and digits, at most 20, and a text,"
    " number or truth value."
)

Taken = Incoming | Problem
"""A fact, or what is wrong with it."""


def structured(body: bytes) -> Taken:
    """One event. Raises Problem where the body is no JSON at all."""
    plain = _plain_one(body)
    if plain is not None:
        return plain
    document = json_text.parse(body)
    problem = _shape(document, "")
    if problem is not None:
        return problem
    return _one(body, document, "")


def batched(body: bytes) -> list[Taken]:
    """A batch, item by item. Raises Problem where the body is no batch at all."""
    return _plain(body) or _carefully(body)


def _carefully(body: bytes) -> list[Taken]:
    """Each event with what is wrong with it, and where."""
    document = json_text.parse(body)
    if not isinstance(document, list):
        raise Problem("invalid_event", "A batch is a JSON array of events.")
    _demand_size(len(document))
    problems = [_shape(item, f"/{index}") for index, item in enumerate(document)]
    raws = msgspec.json.decode(body, type=list[Raw])
    return [
        problem if problem is not None else _one(raw, item, f"/{index}")
        for index, (problem, raw, item) in enumerate(zip(problems, raws, document, strict=True))
    ]


def _demand_size(events: int) -> None:
    if events > BATCH_FACTS_MAX:
        raise Problem(
            "batch_too_large",
            f"The batch has {events} facts; at most {BATCH_FACTS_MAX} are taken at once.",
        )
    if not events:
        raise Problem("invalid_event", "The batch is empty.")


def _plain(body: bytes) -> list[Taken] | None:
    """A batch that is right and leaves nothing to interpret, read once; None of any other.

    A key that stands twice, an attribute that is not kept, a null: each is a string of the body
    that does not come back from what was read. Where a backslash may hide one, nothing is told.
    """
    if b"\\" in body or b"\x7f" in body:
        return None  # of the characters of control only the last may stand in JSON as it is
    try:
        events: list[Any] = _decode_many(body)
        _demand_size(len(events))
        facts, canonical = settled_together([event.data for event in events])
    except _NOT_PLAIN:
        return None
    sources = {event.source for event in events}  # few
    if not all(map(_is_source, sources)) or not _is_all(body, events, canonical):
        return None
    return list(map(_incoming, events, facts, canonical))


def _plain_one(body: bytes) -> Taken | None:
    """The same of one event."""
    if b"\\" in body or b"\x7f" in body:
        return None
    try:
        event: Any = _decode_plain(body)
        fact, canonical = settled(event.data)
    except _NOT_PLAIN:
        return None
    if not _is_source(event.source) or not _is_all(body, [event], [canonical]):
        return None
    return _incoming(event, fact, canonical)


_NOT_PLAIN: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, InvalidFact)
"""What is wrong, and where, takes a second reading."""


def _is_all(body: bytes, events: Sequence[Any], canonical: Sequence[bytes]) -> bool:
    """Whether all strings of a body come back. Most events have no optional attribute, and their
    facts are encoded already: then it is told without encoding them once more."""
    found = _strings(body)
    bare = _strings(b"".join(canonical)) + _BARE * len(events)
    return found == bare or found == _strings(_encode(events))


_BARE: Final = 18
"""Quotation marks of an event without what may be left out, and without its fact's: `data`, and
four names with their texts."""


def _strings(text: bytes) -> int:
    """Quotation marks: two a string, where no backslash stands before one."""
    return text.count(b'"')


def _one(raw: bytes | Raw, document: Any, prefix: str) -> Taken:
    try:
        event = _decode_one(raw)
    except msgspec.ValidationError as error:
        return _invalid(error, document, prefix)
    return _fact(event, document, prefix)


def binary(headers: Mapping[str, str], body: bytes) -> Taken:
    """One event with its attributes in `ce-` headers and its data as the body."""
    attributes: dict[str, Any] = {}
    for name, value in headers.items():
        lower = name.lower()
        if lower.startswith("ce-"):
            if lower[3:] in attributes:
                return Problem("invalid_event", f"The header {lower[:100]} stands there twice.")
            try:
                attributes[lower[3:]] = _header_text(value)
            except UnicodeDecodeError:
                return Problem("invalid_event", f"The header {lower[:100]} is no UTF-8.")
    if "expectedversion" in attributes and attributes["expectedversion"].isascii():
        text = attributes["expectedversion"]
        attributes["expectedversion"] = int(text) if text.isdigit() and len(text) < 17 else text
    document = attributes | {"data": json_text.parse(body)}
    try:
        event = msgspec.convert(attributes | {"data": None}, _Attributes)
    except msgspec.ValidationError as error:
        return _invalid(error, document, "")
    known = {name: getattr(event, name) for name in _NAMES - {"data"}}
    return _fact(Event(data=Raw(body), **known), document, "")


def _header_text(value: str) -> str:
    """A header's text, percent-decoded (CloudEvents HTTP 1.0.2). Raises UnicodeDecodeError.

    The framework hands over bytes that are no UTF-8 as lone surrogates: they go back first.
    """
    return unquote_to_bytes(value.encode("utf-8", "surrogateescape")).decode("utf-8")


class _Attributes(Event, frozen=True, kw_only=True):
    """A binary event's attributes; the data come as the body."""

    data: None = None  # type: ignore[assignment]  # the body takes its place


def _shape(document: Any, prefix: str) -> Problem | None:
    """What the CloudEvents format forbids and a typed decoder would not see."""
    if not isinstance(document, dict):
        return _misshapen(prefix, "An event is a JSON object.", _AN_EVENT)
    if document.keys() <= _NAMES:
        return None
    for name in document.keys() - _NAMES:
        if name == "data_base64":
            detail = "Binary data are not taken: facts are JSON."
            return _misshapen(f"{prefix}/data_base64", detail, "Put the fact into `data`.")
        if not _EXTENSION.fullmatch(name) or isinstance(document[name], dict | list):
            detail = f"{name[:100]!r} is no extension attribute of CloudEvents."
            return _misshapen(f"{prefix}/{name[:100]}", detail, _AN_EXTENSION)
    return None


def _misshapen(pointer: str, detail: str, fix: str) -> Problem:
    return Problem("invalid_event", detail, errors=(Finding(pointer, detail, fix=fix),))


def _fact(event: Event, document: Any, prefix: str) -> Taken:
    try:
        return _incoming(event, *decode_fact(event.type, event.data))
    except InvalidFact as invalid:
        return _invalid_fact(invalid, event.type, document, prefix)


def _incoming(event: Any, fact: Fact, canonical: bytes) -> Incoming:
    return Incoming(
        normalize("NFC", event.id),
        event.source,
        fact.topic,
        fact,
        canonical,
        event.causationid and normalize("NFC", event.causationid),
        event.correlationid and normalize("NFC", event.correlationid),
        event.expectedversion,
    )


def _invalid(error: msgspec.ValidationError, document: Any, prefix: str) -> Problem:
    detail, _, path = str(error).partition(" - at `$")
    found = finding(prefix, path.rstrip("`").replace(".", "/"), detail, Event, document)
    return Problem("invalid_event", _sentence(found), errors=(found,))


def _invalid_fact(invalid: InvalidFact, topic: str, document: Any, prefix: str) -> Problem:
    if invalid.code == "unknown_type":
        fix = f"One of the types in /openapi.json, such as {next(iter(FACTS))}."
        found = Finding(prefix + "/type", invalid.detail, topic[:100], fix=fix)
    else:
        inside = invalid.pointer.removeprefix("/data")
        data = document.get("data")
        found = finding(prefix + "/data", inside, invalid.detail, FACTS.get(topic), data)
    return Problem(invalid.code, _sentence(found), errors=(found,))


def _sentence(found: Finding) -> str:
    """A finding on one line, for readers of `detail` alone."""
    place = found.pointer.rpartition("/")[2]
    parts = (f"{place}: {found.detail}" if place else found.detail, found.rule, found.fix)
    return " ".join(part for part in parts if part)
