"""Signing in with an access key, and out again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from api.auth import digest_of
from api.contract import PUBLIC
from api.pages.sheet import Ask, PageQuery, Sent, Sheet, form, page
from projections.figures.catalogue import Text

_TITLE: Final = Text("Anmelden", "Sign in")


class SignInQuery(PageQuery, frozen=True):
    """`next` is the page that asked for it."""

    next: str = ""


class SignIn(Struct, frozen=True):
    """Who is signed in, and which page is next."""

    signed_in: bool
    next: str
    refused: bool = False


async def ask_for_key(ask: Ask[SignInQuery]) -> Sheet:
    """The form that takes a key."""
    return _sheet(SignIn(ask.viewer.signed_in, _inside(ask.asked.next)))


async def sign_in(ask: Ask[PageQuery], fields: Mapping[str, str]) -> Sheet | Sent:
    """A key that holds begins a session."""
    following = _inside(fields.get("next", ""))
    key = fields.get("key", "").strip()
    digest = digest_of(key)
    if not key or await ask.state.admit(digest) is None:
        return _sheet(SignIn(False, following, refused=True), status=422)
    return Sent(following[len("/de") :] or "", session=ask.state.sessions.begin(digest))


async def sign_out(_: Ask[PageQuery], __: Mapping[str, str]) -> Sheet | Sent:
    """The session ends."""
    return Sent("", session="")


def _sheet(data: SignIn, status: int = 200) -> Sheet:
    return Sheet(title=_TITLE, template="sign_in.html", data=data, status=status)


def _inside(path: str) -> str:
    """A page of this site, or none: a link from elsewhere must not lead elsewhere after it."""
    inside = path.startswith(("/de", "/en")) and "//" not in path and "\\" not in path
    return path if inside and path.isprintable() and len(path) <= 2_000 else ""


ROUTES: Final[tuple[Any, ...]] = (
    page("/sign-in", ask_for_key, "Sign in", scope=PUBLIC, asked=SignInQuery),
    form("/sign-in", sign_in, "Sign in with a key", scope=PUBLIC),
    form("/sign-out", sign_out, "Sign out", scope=PUBLIC),
)
