"""Signing in, with an access key, an identity provider or a link, and out again."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import structlog
from aiohttp import web
from msgspec import Struct

from api.auth import digest_of
from api.contract import PUBLIC, Answer, Route
from api.dispatch import SESSION
from api.oidc import Provider, ProviderUnavailable
from api.pages.sheet import Ask, PageQuery, Sent, Sheet, form, gone_to, page, set_cookie
from api.problems import Problem
from api.roles import roles_of
from api.sessions import AWAY_COOKIE, AWAY_S, COOKIE, Away
from api.settings import CALLBACK
from api.state import STATE, State
from api.tokens import TokenRefused
from api.users import assert_roles, end_sessions, follow_link, subject_of
from projections.figures.catalogue import Text

log: Final = structlog.get_logger(__name__)

_TITLE: Final = Text("Anmelden", "Sign in")

REFUSED: Final[Mapping[str, Text]] = {
    "key": Text(
        "Dieser Schlüssel ist unbekannt, abgelaufen oder gesperrt.",
        "This key is unknown, expired or revoked.",
    ),
    "link": Text(
        "Dieser Link ist verbraucht oder abgelaufen. Ein neuer kommt von"
        " „clusterledger keys sign-in-link“.",
        "This link is used up or over. “clusterledger keys sign-in-link” makes a new one.",
    ),
    "stale": Text(
        "Diese Anmeldung gehört nicht zu diesem Browser oder hat zu lange gedauert."
        " Bitte noch einmal.",
        "This sign-in is not of this browser, or took too long. Please try again.",
    ),
    "declined": Text(
        "Der Anmeldedienst hat die Anmeldung abgelehnt.",
        "The identity provider declined.",
    ),
    "token": Text(
        "Was der Anmeldedienst geschickt hat, hält der Prüfung nicht stand. Das Protokoll des"
        " Betriebs nennt den Grund.",
        "What the identity provider sent does not hold. The operator's log says why.",
    ),
    "provider": Text(
        "Der Anmeldedienst antwortet nicht. Bitte später noch einmal.",
        "The identity provider does not answer. Please try again later.",
    ),
    "role": Text(
        "Sie sind beim Anmeldedienst bekannt, haben aber keine Rolle in diesem Buch. Ihre"
        " Verwaltung vergibt sie: Ministerium, Prüfung, Clustergeschäftsstelle oder Betrieb.",
        "The identity provider knows you, but you have no role in this ledger. Your"
        " administrators give one: ministry, auditor, cluster office or operator.",
    ),
}
"""Why somebody was not signed in."""


class SignInQuery(PageQuery, frozen=True):
    """`next` is the page that asked for it, `refused` why an attempt failed."""

    next: str = ""
    refused: str = ""


class LinkQuery(PageQuery, frozen=True):
    """The secret of a link."""

    token: str = ""


class SignIn(Struct, frozen=True):
    """Who is signed in, which page is next, why it failed, whether there is a provider."""

    signed_in: bool
    next: str
    refused: Text | None
    provider: bool


class Link(Struct, frozen=True):
    """Nothing: what a link is good for is seen when it is used."""


async def ask_for_key(ask: Ask[SignInQuery]) -> Sheet:
    """The form that takes a key, and the way to the provider."""
    return _sheet(ask, _inside(ask.asked.next), ask.asked.refused)


async def sign_in(ask: Ask[PageQuery], fields: Mapping[str, str]) -> Sheet | Sent:
    """A key that holds begins a session."""
    following = _inside(fields.get("next", ""))
    key = fields.get("key", "").strip()
    digest = digest_of(key)
    if not key or await ask.state.admit(digest) is None:
        return _sheet(ask, following, "key", status=422)
    return Sent(following[len("/de") :] or "", session=ask.state.sessions.begin(digest))


async def show_link(ask: Ask[LinkQuery]) -> Sheet:
    """A button: whatever looks at links in advance must not use them up."""
    return Sheet(
        title=_TITLE,
        template="sign_in_link.html",
        data=Link(),
        rows=(Link(),),
        content={"token": ask.asked.token[:200]},
    )


async def use_link(ask: Ask[PageQuery], fields: Mapping[str, str]) -> Sheet | Sent:
    """A link that was not used begins an operator's session."""
    sessions = ask.state.sessions
    digest = await ask.state.read_keys(follow_link, fields.get("token", ""), sessions.lasts_s)
    if digest is None:
        return _sheet(ask, "", "link", status=422)
    return Sent("", session=sessions.begin(digest))


async def sign_out(_: Ask[PageQuery], __: Mapping[str, str]) -> Sheet | Sent:
    """The session ends."""
    return Sent("", session="")


async def sign_out_everywhere(ask: Ask[PageQuery], _: Mapping[str, str]) -> Sheet | Sent:
    """All sessions of a person end; of a key, this one: the others end when it is revoked."""
    session = ask.request.get(SESSION)
    if session is not None and ask.authority.actor.startswith("user:"):
        await ask.state.read_keys(end_sessions, UUID(ask.authority.actor.removeprefix("user:")))
        ask.state.keys.forget(session.digest)
    return Sent("", session="")


async def leave(request: web.Request) -> web.StreamResponse:
    """To the provider, with a cookie that binds what comes back to this browser."""
    state, language = request.app[STATE], request.match_info["language"]
    provider = _provider(state)
    cookie, said = state.sessions.leave(language, _inside(request.query.get("next", "")))
    try:
        address = await provider.address(state=said.state, nonce=said.nonce, verifier=said.verifier)
    except ProviderUnavailable as error:
        log.warning("provider_unavailable", error=str(error)[:300])
        return _back(language, "provider")
    response = gone_to(address)
    set_cookie(request, response, AWAY_COOKIE, cookie, AWAY_S)
    return response


async def come_back(request: web.Request) -> web.StreamResponse:
    """From the provider, with a code: a session of the person that the ID token names."""
    state = request.app[STATE]
    provider = _provider(state)
    away = state.sessions.away(request.cookies.get(AWAY_COOKIE, ""))
    if away is None or not _is_answer(state, away, request.query):
        response = _back("de" if away is None else away.language, "stale")
    else:
        try:
            response = await _welcome(request, state, provider, away)
        except ProviderUnavailable as error:
            log.warning("provider_unavailable", error=str(error)[:300])
            response = _back(away.language, "provider")
        except TokenRefused as error:
            log.warning("sign_in_refused", error=str(error)[:300])
            response = _back(away.language, "token")
    response.del_cookie(AWAY_COOKIE)
    return response


def _is_answer(state: State, away: Away, given: Mapping[str, str]) -> bool:
    """Whether what came back answers this browser's question, and comes from our provider."""
    wanted = state.sessions.handshake(away).state
    issuer = _provider(state).settings.issuer
    return hmac.compare_digest(given.get("state", "").encode(), wanted.encode()) and (
        given.get("iss", issuer) == issuer
    )


async def _welcome(
    request: web.Request, state: State, provider: Provider, away: Away
) -> web.Response:
    """A session. Raises ProviderUnavailable, TokenRefused."""
    code = request.query.get("code", "")
    if not code:
        log.warning("sign_in_declined", error=request.query.get("error", "")[:100])
        return _back(away.language, "declined")
    said = state.sessions.handshake(away)
    claims = await provider.redeem(code, nonce=said.nonce, verifier=said.verifier)
    settings = provider.settings
    roles = roles_of(claims, settings.roles_claim, settings.roles)
    subject = subject_of(settings.issuer, claims["sub"])
    user = await state.read_keys(assert_roles, subject, roles)
    if user is None:
        return _back(away.language, "role")
    state.keys.forget(user.handle)  # the roles may be others now
    response = gone_to(away.next or f"/{away.language}")
    set_cookie(request, response, COOKIE, state.sessions.begin(user.handle), state.sessions.lasts_s)
    return response


def _provider(state: State) -> Provider:
    if state.provider is None:
        raise Problem("not_found", "No identity provider is set up here.")
    return state.provider


def _back(language: str, refused: str) -> web.Response:
    return gone_to(f"/{language}/sign-in?{urlencode({'refused': refused})}")


def _sheet(ask: Ask[Any], following: str, refused: str, status: int = 200) -> Sheet:
    data = SignIn(
        ask.viewer.signed_in, following, REFUSED.get(refused), ask.state.provider is not None
    )
    return Sheet(
        title=_TITLE,
        template="sign_in.html",
        data=data,
        rows=(data,),
        content={
            "is_person": ask.authority.actor.startswith("user:"),
            "key_refused": refused == "key",
        },
        status=status,
    )


def _inside(path: str) -> str:
    """A page of this site, or none: a link from elsewhere must not lead elsewhere after it."""
    inside = path.startswith(("/de", "/en")) and "//" not in path and "\\" not in path
    return path if inside and path.isprintable() and len(path) <= 2_000 else ""


def _away(path: str, handler: Any, summary: str) -> Route:
    """A line of the table that leads away, or back."""
    answers = {303: Answer(summary, None, ())}
    return Route("GET", path, handler, summary, PUBLIC, answers, "pages", in_document=False)


ROUTES: Final[tuple[Any, ...]] = (
    page("/sign-in", ask_for_key, "Sign in", scope=PUBLIC, asked=SignInQuery),
    form("/sign-in", sign_in, "Sign in with a key", scope=PUBLIC),
    page("/sign-in/link", show_link, "Sign in with a link", scope=PUBLIC, asked=LinkQuery),
    form("/sign-in/link", use_link, "Use a link that signs in", scope=PUBLIC),
    _away("/{language:de|en}/sign-in/provider", leave, "Sign in with the identity provider"),
    _away(CALLBACK, come_back, "Back from the identity provider"),
    form("/sign-out", sign_out, "Sign out", scope=PUBLIC),
    form("/sign-out-everywhere", sign_out_everywhere, "End all sessions", scope=PUBLIC),
)
