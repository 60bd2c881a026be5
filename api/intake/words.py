"""A decoder's complaint in words: where, which value, what is asked for."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from msgspec import Meta, Struct

from api.problems import Finding

_ABSENT: Final = re.compile(r"Object (missing required|contains unknown) field `([^`]*)`")
_DAY: Final = "A day is written 2026-11-22, without a time."
_ID: Final = "A UUID is written f47ac10b-58cc-4372-a567-0e02b2c3d479, without braces or prefix."
_VALUE_CHARACTERS: Final = 200


def finding(prefix: str, pointer: str, detail: str, shape: Any, document: Any) -> Finding:
    """What is wrong at `pointer` inside `document`, which should have been of type `shape`.

    `detail` is msgspec's; `prefix` is the pointer to the document itself.
    """
    named = _ABSENT.match(detail)
    if named is not None:
        pointer += f"/{named[2]}"
        fields = sorted(fields_of(bare(_at(shape, pointer.rpartition("/")[0]))))
        missing = named[1].startswith("missing")
        said = f"{named[2]!r} is missing." if missing else f"There is no field {named[2]!r}."
        fix = None if missing else f"Fields: {', '.join(fields)}." if fields else None
        return Finding(prefix + pointer, said, fix=fix)
    kind = _at(shape, pointer)
    rule = _rule(kind)
    if "matching regex" in detail:
        name = pointer.rpartition("/")[2]
        detail = f"{name!r} does not have the form it should have."
    return Finding(
        prefix + pointer, detail, _value(document, pointer), rule, way_to_write(bare(kind))
    )


def _parts(pointer: str) -> Sequence[str]:
    return [part for part in pointer.split("/") if part]


@cache
def fields_of(shape: Any) -> Mapping[str, Any]:
    """A struct's fields with their types; empty for anything else."""
    if isinstance(shape, type) and issubclass(shape, Struct):
        hints = get_type_hints(shape, include_extras=True)
        return {name: hints[name] for name in shape.__struct_fields__}
    return {}


def _at(shape: Any, pointer: str) -> Any:
    """The type at a pointer; None where it leads nowhere."""
    for part in _parts(pointer):
        inner = bare(shape)
        if part.isdigit() and get_origin(inner) in {list, tuple}:
            shape = get_args(inner)[0]
        else:
            shape = fields_of(inner).get(part)
    return shape


def bare(kind: Any) -> Any:
    """A type without its metadata and without None."""
    while True:
        if get_origin(kind) is Annotated:
            kind = get_args(kind)[0]
        elif get_origin(kind) in {Union, UnionType}:
            kind = next(k for k in get_args(kind) if k is not NoneType)
        else:
            return kind


def _rule(kind: Any) -> str | None:
    """What the type asks for: its description, or its pattern as one writes it."""
    if get_origin(kind) in {Union, UnionType}:
        kind = next(k for k in get_args(kind) if k is not NoneType)
    if get_origin(kind) is not Annotated:
        return None
    meta = next((m for m in get_args(kind)[1:] if isinstance(m, Meta)), None)
    if meta is None:
        return None
    if meta.description or meta.pattern is None:
        return meta.description
    return "Written as " + meta.pattern.removesuffix(r"$(?!\n)").removeprefix("^")


def way_to_write(kind: Any) -> str | None:
    """How a value of a bare type is written, where that needs saying."""
    if kind is date:
        return _DAY
    if kind is UUID:
        return _ID
    if get_origin(kind) is Literal:
        return f"One of: {', '.join(map(str, get_args(kind)))}."
    return None


def _value(document: Any, pointer: str) -> Any:
    """The scalar that was sent, cut to what an answer can carry; None for anything else."""
    for part in _parts(pointer):
        if isinstance(document, dict):
            document = document.get(part)
        elif isinstance(document, list) and part.isdigit() and int(part) < len(document):
            document = document[int(part)]
        else:
            return None
    if isinstance(document, str):
        return document[:_VALUE_CHARACTERS]
    return document if isinstance(document, int) else None
