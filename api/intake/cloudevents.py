"""CloudEvents 1.0 to facts: structured, batched, binary. CNCF CloudEvents JSON format 1.0.2.

Nothing is invented: an event without id or source is refused, or deduplication would be lost.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from unicodedata import normalize
from urllib.parse import unquote

import msgspec
from msgspec import Meta, Raw, Struct

from api.intake import json_text
from api.problems import Finding, Problem
from ledger.domain.commands import Incoming
from ledger.store.codec import InvalidFact, decode_fact

STRUCTURED: Final = "application/cloudevents+json"
BATCHED: Final = "application/cloudevents-batch+json"
PLAIN: Final = "application/json"
BATCH_FACTS_MAX: Final = 10_000

_TEXT = r"^[^\u0000-\u001f\u007f]+$(?!\n)"
_URI = r"^(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+$(?!\n)"

EventId = Annotated[str, Meta(min_length=1, max_length=200, pattern=_TEXT)]
Source = Annotated[
    str, Meta(min_length=1, max_length=200, pattern=_URI, description="A URI reference.")
]
Reference = Annotated[str, Meta(min_length=1, max_length=200, pattern=_TEXT)]
Version = Annotated[int, Meta(ge=0, lt=2**53)]


class Event(Struct, frozen=True, kw_only=True):
    """A CloudEvent as the ledger reads it. Other extension attributes are not kept."""

    specversion: Literal["1.0"]
    id: EventId
    source: Source
    type: Annotated[str, Meta(min_length=1, max_length=100)]
    data: Raw
    datacontenttype: Literal["application/json"] | None = None
    dataschema: str | None = None
    subject: str | None = None
    time: str | None = None
    causationid: Reference | None = None
    correlationid: Reference | None = None
    expectedversion: Version | None = None


_NAMES: Final = frozenset(Event.__struct_fields__)
_EXTENSION: Final = re.compile(r"[a-z0-9]{1,20}")
_decode_one: Final = msgspec.json.Decoder(Event).decode
_decode_many: Final = msgspec.json.Decoder(list[Event]).decode

Taken = Incoming | Problem
"""A fact, or what is wrong with it."""


def structured(body: bytes) -> Taken:
    """One event. Raises Problem where the body is no JSON at all."""
    document = json_text.parse(body)
    problem = _shape(document, "")
    if problem is not None:
        return problem
    try:
        return _fact(_decode_one(body), "")
    except msgspec.ValidationError as error:
        return _invalid(error, "")


def batched(body: bytes) -> list[Taken]:
    """A batch, item by item. Raises Problem where the body is no batch at all."""
    document = json_text.parse(body)
    if not isinstance(document, list):
        raise Problem("invalid_event", "A batch is a JSON array of events.")
    if len(document) > BATCH_FACTS_MAX:
        raise Problem(
            "batch_too_large",
            f"The batch has {len(document)} facts; at most {BATCH_FACTS_MAX} are taken at once.",
        )
    if not document:
        raise Problem("invalid_event", "The batch is empty.")
    problems = [_shape(item, f"/{index}") for index, item in enumerate(document)]
    if not any(problems):
        try:
            events = _decode_many(body)
            return [_fact(event, f"/{index}") for index, event in enumerate(events)]
        except msgspec.ValidationError:
            pass  # some event is wrong: find out which, one by one
    raws = msgspec.json.decode(body, type=list[Raw])
    return [
        problem if problem is not None else _one_of_many(raw, f"/{index}")
        for index, (problem, raw) in enumerate(zip(problems, raws, strict=True))
    ]


def _one_of_many(raw: Raw, prefix: str) -> Taken:
    try:
        return _fact(_decode_one(raw), prefix)
    except msgspec.ValidationError as error:
        return _invalid(error, prefix)


def binary(headers: Mapping[str, str], body: bytes) -> Taken:
    """One event with its attributes in `ce-` headers and its data as the body."""
    attributes: dict[str, Any] = {}
    for name, value in headers.items():
        lower = name.lower()
        if lower.startswith("ce-"):
            attributes[lower[3:]] = unquote(value)
    if "expectedversion" in attributes and attributes["expectedversion"].isascii():
        text = attributes["expectedversion"]
        attributes["expectedversion"] = int(text) if text.isdigit() and len(text) < 17 else text
    json_text.parse(body)
    try:
        event = msgspec.convert(attributes | {"data": None}, _Attributes)
    except msgspec.ValidationError as error:
        return _invalid(error, "")
    known = {name: getattr(event, name) for name in _NAMES - {"data"}}
    return _fact(Event(data=Raw(body), **known), "")


class _Attributes(Event, frozen=True, kw_only=True):
    """A binary event's attributes; the data come as the body."""

    data: None = None  # type: ignore[assignment]  # the body takes its place


def _shape(document: Any, prefix: str) -> Problem | None:
    """What the CloudEvents format forbids and a typed decoder would not see."""
    if not isinstance(document, dict):
        return Problem("invalid_event", "An event is a JSON object.", errors=(_at(prefix),))
    for name in document.keys() - _NAMES:
        if name == "data_base64":
            detail = "Binary data are not taken: facts are JSON."
            return Problem("invalid_event", detail, errors=(_at(f"{prefix}/data_base64"),))
        if not _EXTENSION.fullmatch(name) or isinstance(document[name], dict | list):
            detail = f"{name[:100]!r} is no extension attribute of CloudEvents."
            return Problem("invalid_event", detail, errors=(_at(f"{prefix}/{name[:100]}"),))
    return None


def _at(pointer: str, detail: str = "see detail") -> Finding:
    return Finding(pointer, detail)


def _fact(event: Event, prefix: str) -> Taken:
    try:
        fact, canonical = decode_fact(event.type, event.data)
    except InvalidFact as invalid:
        finding = Finding(prefix + invalid.pointer, invalid.detail)
        return Problem(invalid.code, invalid.detail, errors=(finding,))
    return Incoming(
        normalize("NFC", event.id),
        event.source,
        event.type,
        fact,
        canonical,
        event.causationid and normalize("NFC", event.causationid),
        event.correlationid and normalize("NFC", event.correlationid),
        event.expectedversion,
    )


def _invalid(error: msgspec.ValidationError, prefix: str) -> Problem:
    detail, _, path = str(error).partition(" - at `$")
    pointer = prefix + path.rstrip("`").replace(".", "/")
    return Problem("invalid_event", detail, errors=(Finding(pointer, detail),))
