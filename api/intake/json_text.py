"""JSON without a second reading: what two parsers would understand differently is refused."""

import json
from typing import Any, NoReturn

from api.problems import Problem

DEPTH_MAX = 32


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # add returns None
        raise _Ambiguous(f"The key {twice[:100]!r} stands twice in one object.")
    return found


class _Ambiguous(ValueError):
    """JSON that parsers read differently."""


def _refuse_number(text: str) -> NoReturn:
    raise _Ambiguous(f"{text[:40]} is not an integer: the ledger holds no floating-point numbers.")


def _integer(text: str) -> int:
    if len(text) > 19:
        raise _Ambiguous(f"{text[:40]}… is beyond 64 bits.")
    return int(text)


_decoder = json.JSONDecoder(
    object_pairs_hook=_members,
    parse_float=_refuse_number,
    parse_constant=_refuse_number,
    parse_int=_integer,
)


def parse(body: bytes) -> Any:
    """The parsed document. Raises Problem `malformed_json`.

    Refused: a byte order mark, invalid UTF-8, a key that stands twice, NaN and its like, floats,
    integers beyond 64 bits, nesting beyond 32.
    """
    if body.startswith(b"\xef\xbb\xbf"):
        raise _malformed("The body starts with a byte order mark.")
    try:
        document = _decoder.decode(body.decode())
    except UnicodeDecodeError as error:
        raise _malformed(f"The body is not UTF-8 (byte {error.start}).") from error
    except RecursionError as error:
        raise _malformed(f"The body is nested deeper than {DEPTH_MAX}.") from error
    except ValueError as error:
        raise _malformed(str(error)) from error
    return document


def _malformed(detail: str) -> Problem:
    return Problem("malformed_json", detail)


def depth(value: Any) -> int:
    """How deep a document is nested; a scalar is 0."""
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0
