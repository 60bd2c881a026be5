"""JSON without a second reading: what two parsers would understand differently is refused.

`parse` is exact; its fast way takes what it can prove unambiguous and leaves the rest to the
exact one. `tests/api/test_bad_input.py` holds the two against each other.
"""

import json
from typing import Annotated, Any, Final, NoReturn

import msgspec
import orjson
from msgspec import Meta

from api.problems import Finding, Problem

DEPTH_MAX: Final = 32
_INTEGER_MIN: Final = -(2**63)
_INTEGER_MAX: Final = 2**63 - 1

_Scalar = None | bool | str | Annotated[int, Meta(ge=_INTEGER_MIN, le=_INTEGER_MAX)]


def _nested(levels: int) -> Any:
    """A type of that many levels of arrays and objects. It grows by 2 to the levels."""
    kind: Any = _Scalar
    for _ in range(levels):
        kind = _Scalar | list[kind] | dict[str, kind]
    return kind


# A batch, an event, its data, a list in them, an object in it. What is deeper takes the exact way.
_decode_plain: Final = msgspec.json.Decoder(_nested(5)).decode


def parse(body: bytes) -> Any:
    """The parsed document. Raises Problem `malformed_json`.

    Refused: a byte order mark, invalid UTF-8, lone surrogates, a key that stands twice, NaN and
    its like, floats (1.0 too), integers beyond 64 bits, nesting beyond DEPTH_MAX.
    """
    # Behind a doubled backslash a quotation mark may end a string or not: for the exact way.
    if not _doubled(body):
        try:
            document = _decode_plain(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return parse_exactly(body)
        again = orjson.dumps(document)
        # Of two members with one key a parser keeps one: then a string less comes back.
        if again == body or (not _doubled(again) and _strings(again) == _strings(body)):
            return document
    return parse_exactly(body)


def _doubled(text: bytes) -> bool:
    """Whether a backslash follows another. One byte is found faster than two: most have none."""
    return b"\\" in text and b"\\\\" in text


def _strings(text: bytes) -> int:
    """Quotation marks that open or close a string, in JSON without doubled backslashes."""
    escaped = text.count(b'\\"') if b"\\" in text else 0
    return text.count(b'"') - escaped


def parse_exactly(body: bytes) -> Any:
    """What `parse` promises, token by token, and in words what is wrong; in a batch, with which of
    its events. Raises Problem."""
    try:
        return _exactly(body, DEPTH_MAX)
    except _Ambiguous as error:
        detail = str(error)
        found = tuple(Finding(f"/{index}", detail) for index in _place(body))
        raise Problem("malformed_json", detail, errors=found) from error


def _exactly(body: bytes, levels: int) -> Any:
    """The document, nested no deeper than so many levels. Raises _Ambiguous."""
    if body.startswith(b"\xef\xbb\xbf"):
        raise _Ambiguous("The body starts with a byte order mark.")
    try:
        text = body.decode()
        document = _decoder.decode(text)
        if "\\u" in text:
            json.dumps(document, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        raise _Ambiguous(f"The body is not UTF-8 (byte {error.start}).") from error
    except UnicodeEncodeError as error:
        raise _Ambiguous("A \\u escape names half a character (a lone surrogate).") from error
    except RecursionError as error:
        raise _Ambiguous(_TOO_DEEP) from error
    except ValueError as error:
        raise _Ambiguous(str(error)) from error
    if _deeper(document, levels):
        raise _Ambiguous(_TOO_DEEP)
    return document


def _place(body: bytes) -> list[int]:
    """Where in an array the first thing that is wrong stands; empty, if that cannot be told."""
    try:
        items = msgspec.json.decode(body, type=list[msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []
    for index, item in enumerate(items):
        try:
            _exactly(bytes(item), DEPTH_MAX - 1)
        except _Ambiguous:
            return [index]
    return []


_TOO_DEEP: Final = f"The body is nested deeper than {DEPTH_MAX}."


class _Ambiguous(ValueError):
    """JSON that parsers read differently."""


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # add returns None
        raise _Ambiguous(f"The key {twice[:100]!r} stands twice in one object.")
    return found


def _refuse_number(text: str) -> NoReturn:
    raise _Ambiguous(f"{text[:40]} is not an integer: the ledger holds no floating-point numbers.")


def _integer(text: str) -> int:
    # Twenty characters are -2**63; more would only be read in vain, in quadratic time.
    if len(text) > 20 or not _INTEGER_MIN <= int(text) <= _INTEGER_MAX:
        raise _Ambiguous(f"{text[:40]} is beyond 64 bits.")
    return int(text)


_decoder: Final = json.JSONDecoder(
    object_pairs_hook=_members,
    parse_float=_refuse_number,
    parse_constant=_refuse_number,
    parse_int=_integer,
)


def _deeper(value: Any, levels: int) -> bool:
    """Whether a document has more levels of arrays and objects."""
    level = [value]
    for _ in range(levels):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return any(isinstance(value, dict | list) for value in level)
