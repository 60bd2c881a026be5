"""The route table: one line a route, from which requests are checked and OpenAPI 3.1 is written."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final, Literal, TypeVar

import msgspec
from aiohttp import web
from msgspec import Struct

from api.intake.words import bare, fields_of, way_to_write
from api.problems import Finding, Problem

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Scope = Literal["public", "any", "trail:read", "figures:read", "admin"]

PUBLIC: Final = "public"
"""No key needed; a key widens what is seen."""
ANY: Final = "any"
"""Any valid key; the service checks what it may."""


class Answer(Struct, frozen=True):
    """One possible answer: media types, and the struct of its JSON body."""

    description: str
    body: Any = None
    media_types: tuple[str, ...] = ("application/json",)


class Route(Struct, frozen=True):
    """One line of the table. `query` is the struct of its query parameters."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    handler: Handler
    summary: str
    scope: str
    answers: Mapping[int, Answer]
    tag: str
    query: type[Struct] | None = None
    path_parameters: Mapping[str, Any] = {}
    request_bodies: Mapping[str, Any] = {}
    request_headers: Sequence[tuple[str, str, Any]] = ()
    problems: tuple[int, ...] = ()
    in_document: bool = True


_INTEGER: Final = re.compile(r"-?[0-9]{1,19}")
"""A lenient conversion would take 1.0 and 1e3 too."""

Q = TypeVar("Q", bound=Struct)


def query(request: web.Request, shape: type[Q]) -> Q:
    """The query parameters as a struct. Raises Problem, naming what is allowed."""
    if not request.query_string:
        found: Q = _unasked(shape)
        return found
    given: dict[str, str] = {}
    field_types = _types(shape)
    allowed = field_types.keys()
    for name, value in request.query.items():
        if name not in allowed:
            raise _invalid(name, f"There is no parameter {name[:60]!r} here.", allowed)
        if name in given:
            raise _invalid(name, "The parameter stands twice.", allowed)
        if "\x00" in value:
            raise _invalid(name, "The value holds the character U+0000.", allowed)
        if field_types[name] is int and _INTEGER.fullmatch(value) is None:
            raise _invalid(name, f"{value[:40]!r} is no whole number.", allowed)
        if value.lower() == "null" and field_types[name] is not str:
            # Converted leniently it would be no filter at all.
            raise _invalid(name, f"{value!r} is no value; leave the parameter out.", allowed)
        given[name] = value
    return _converted(given, shape)


@cache
def _unasked(shape: type[Any]) -> Any:
    """What a question without parameters means: most are asked so. A query's struct is frozen."""
    return _converted({}, shape)


def _converted(given: Mapping[str, str], shape: type[Q]) -> Q:
    allowed = _types(shape).keys()
    try:
        return msgspec.convert(given, shape, strict=False)
    except msgspec.ValidationError as error:
        detail, _, path = str(error).partition(" - at `$.")
        name = path.rstrip("`")
        fix = way_to_write(_types(shape).get(name))
        raise _invalid(name, detail, allowed, fix) from error


@cache
def _types(shape: type[Struct]) -> Mapping[str, Any]:
    """The type behind each parameter's name, without what may be left out."""
    hints = fields_of(shape)
    return {f.encode_name: bare(hints[f.name]) for f in msgspec.structs.fields(shape)}


def path_value(request: web.Request, name: str, kind: Any) -> Any:
    """A path parameter. Raises Problem `not_found`: an id of another form names nothing."""
    text = request.match_info[name]
    try:
        return msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Problem("not_found", f"{text[:100]!r} names nothing here: {error}") from error


def _invalid(name: str, detail: str, allowed: Iterable[str], fix: str | None = None) -> Problem:
    fix = fix or "Allowed parameters: " + (", ".join(sorted(allowed)) or "none") + "."
    return Problem("invalid_parameter", detail, errors=(Finding(name, detail, fix=fix),))
