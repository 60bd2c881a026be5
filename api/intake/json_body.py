"""A JSON body as a struct."""

from typing import TypeVar

import msgspec
from aiohttp import web
from msgspec import Struct

from api.answers import JSON
from api.intake import json_text
from api.intake.words import finding
from api.problems import Problem
from api.requests import body_of
from api.state import STATE

T = TypeVar("T", bound=Struct)


async def told(request: web.Request, shape: type[T]) -> T:
    """The request's body. Raises Problem: `unsupported_media_type`, `malformed_json`, or
    `invalid_body` with the place, the value and the fix."""
    if request.content_type != JSON:
        raise Problem("unsupported_media_type", f"Send {JSON}.")
    body = await body_of(request, request.app[STATE].settings.body_timeout_s)
    document = json_text.parse(body)
    try:
        return msgspec.convert(document, shape)
    except msgspec.ValidationError as error:
        detail, _, path = str(error).partition(" - at `$")
        pointer = path.rstrip("`").replace("[", ".").replace("]", "").replace(".", "/")
        found = finding("", pointer, detail, shape, document)
        raise Problem("invalid_body", detail, errors=(found,)) from error
