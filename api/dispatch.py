"""From a request to a handler and back: who asks, what goes wrong, what every answer carries."""

import time
from collections.abc import Iterable
from contextlib import suppress
from os import urandom
from typing import Final
from urllib.parse import quote

import structlog
from aiohttp import web
from structlog.contextvars import bind_contextvars

from api.contract import ANY, PUBLIC, Handler, Route
from api.limits import Limiter
from api.problems import Problem
from api.requests import AUTHORITY, too_large
from api.sessions import COOKIE, Session
from api.state import STATE, State
from api.tokens import TOKEN_CHARACTERS_MAX
from api.web.assets import CONTENT_SECURITY_POLICY
from api.web.frame import Viewer
from api.web.language import Language
from api.web.problems import problem_page
from ledger.domain.commands import Authority
from projections.figures.catalogue import Text

log: Final = structlog.get_logger(__name__)

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    # With no-referrer a browser would name `null` as the origin of our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
NOBODY: Final = Authority("public")
UNREADABLE: Final = frozenset({"body_too_slow", "malformed_request"})
"""Behind such a body nobody knows where the next request begins."""
KEY_CHARACTERS_MAX: Final = 200
REQUEST_ID: Final = web.RequestKey("request_id", str)
BEGUN: Final = web.RequestKey("begun", bool)
SESSION: Final = web.RequestKey("session", Session)
PAGES: Final = ("/de/", "/en/")


def guarded(route: Route, limiter: Limiter) -> Handler:
    """A route's handler behind its key, its scope and the rate limit."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            authority = await who(request)
        except Problem:
            limiter.spend(request.remote or "", public=True)  # guessing has its limit too
            raise
        limiter.spend(
            authority.actor if authority is not NOBODY else request.remote or "",
            authority is NOBODY,
        )
        if authority is NOBODY and route.scope != PUBLIC:
            raise Problem(
                "unauthenticated",
                "Send a key: Authorization: Bearer clk_…",
                headers={"WWW-Authenticate": 'Bearer realm="clusterledger"'},
            )
        if route.scope not in {PUBLIC, ANY} and not authority.has(route.scope):
            raise Problem("scope_missing", f"This key lacks the scope {route.scope}.")
        request[AUTHORITY] = authority
        return await route.handler(request)

    return handle


async def who(request: web.Request) -> Authority:
    """The authority behind a request, now. Raises Problem for a key or token that does not hold."""
    state = request.app[STATE]
    header = request.headers.get("Authorization")
    if header is None:
        return await _signed_in(request, state)
    scheme, _, secret = header.partition(" ")
    if scheme.lower() == "bearer" and secret:
        authority = await _bearer(secret, state)
        if authority is not None:
            return authority
    raise Problem(
        "unauthenticated",
        "This key is unknown, expired or revoked.",
        headers={"WWW-Authenticate": 'Bearer realm="clusterledger", error="invalid_token"'},
    )


async def _bearer(secret: str, state: State) -> Authority | None:
    """The authority of a key, or of an access token: three parts with dots between them."""
    is_token = secret.count(".") == 2
    if len(secret) > (TOKEN_CHARACTERS_MAX if is_token else KEY_CHARACTERS_MAX):
        return None
    digest, authority = state.keys.lookup(secret)
    if authority is not None:
        return authority
    return await (state.admit_token(secret) if is_token else state.admit(digest))


async def _signed_in(request: web.Request, state: State) -> Authority:
    """The authority of the page's session. A session whose key no longer holds is none."""
    cookie = request.cookies.get(COOKIE)
    session = None if cookie is None else state.sessions.read(cookie)
    if session is None:
        return NOBODY
    authority = state.keys.known(session.digest) or await state.admit(session.digest)
    if authority is None:
        return NOBODY
    request[SESSION] = session
    return authority


def viewer_of(request: web.Request) -> Viewer:
    """Who looks at a page. A request with a key in its header has no session, and no forms."""
    authority = request.get(AUTHORITY, NOBODY)
    session = request.get(SESSION)
    csrf = "" if session is None else request.app[STATE].sessions.csrf(session)
    return Viewer(
        role_of(authority),
        authority.scopes,
        authority.clusters,
        authority.actor if session is not None else None,
        csrf,
    )


def role_of(authority: Authority) -> Text:
    """What a key's scopes amount to, in the words of the people who hold it."""
    if authority is NOBODY:
        return Text("Öffentlichkeit", "Public")
    if authority.has("admin"):
        return Text("Betrieb", "Operator")
    if authority.clusters:
        return Text("Clustergeschäftsstelle", "Cluster office")
    if authority.has("reports:file"):
        return Text("Ministerium", "Ministry")
    return Text("Prüfung", "Auditor")


@web.middleware
async def edge(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The one place where errors become answers. A 500 is a defect of ours, and says so."""
    began = time.perf_counter()
    counts = request.app[STATE].counts
    request_id = request[REQUEST_ID] = _request_id(request)
    request[BEGUN] = False
    bind_contextvars(request_id=request_id)  # what is logged on its behalf names it
    try:
        response = await handler(request)
    except Problem as problem:
        counts.refused(problem.code)
        response = await _shown(request, problem)
        if problem.code in UNREADABLE:
            await _hang_up(request, response)
    except web.HTTPException as error:
        translated = _of_aiohttp(request, error)
        counts.refused(translated.code)
        response = await _shown(request, translated)
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
    except Exception:  # the edge of the process
        counts.refused("internal")
        log.exception("request_failed", path=request.path)
        detail = f"The request failed here. Tell the operator: {request_id}."
        case = {"request_id": request_id}
        response = await _shown(request, Problem("internal", detail, case=case))
    if request[BEGUN] and not response.prepared and request.transport is not None:
        request.transport.abort()  # half an answer is out: only a broken connection tells
    counts.answered(request.method, response.status, time.perf_counter() - began)
    return response


async def _shown(request: web.Request, problem: Problem) -> web.Response:
    """A problem as JSON, and as a page where a page was asked for by a person."""
    is_page = request.path.startswith(PAGES) or request.path[:3] in {"/de", "/en"}
    if not is_page or "text/html" not in request.headers.get("Accept", ""):
        return problem.response()
    if problem.code == "unauthenticated" and request.method == "GET":
        where = quote(request.path_qs, safe="")
        return web.Response(
            status=303, headers={"Location": f"{request.path[:3]}/sign-in?next={where}"}
        )
    if AUTHORITY not in request:  # nothing is at this address, and nobody was asked who they are
        with suppress(Problem):
            request[AUTHORITY] = await who(request)
    language: Language = "en" if request.path.startswith("/en") else "de"
    page = problem_page(
        problem,
        language,
        viewer_of(request),
        request.path[3:].rstrip("/"),
        request.query,
        is_form=request.method != "GET",
    )
    return web.Response(
        status=problem.status,
        body=page.encode(),
        headers={"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"},
    )


async def _hang_up(request: web.Request, response: web.Response) -> None:
    """Answer, and wait for no more of the body: it would keep the connection open as it likes."""
    response.force_close()
    await response.prepare(request)
    await response.write_eof()
    request.protocol.force_close()


async def sign(request: web.Request, response: web.StreamResponse) -> None:
    """Before an answer's head goes out, a stream's too: security headers and the request's id."""
    request[BEGUN] = True
    dress(response, request.get(REQUEST_ID, ""))


def dress(response: web.StreamResponse, request_id: str) -> None:
    """The headers that every answer has."""
    response.headers.merge(SECURITY_HEADERS)  # what a handler said stands
    response.headers["Server"] = "clusterledger"  # no versions
    response.headers["X-Request-Id"] = request_id


def _request_id(request: web.Request) -> str:
    given = request.headers.get("X-Request-Id", "")
    return given if given.isascii() and given.isalnum() and len(given) <= 64 else urandom(16).hex()


def _of_aiohttp(request: web.Request, error: web.HTTPException) -> Problem:
    """404, 405 and what else the framework answers, in the one form of problems."""
    if error.status == 404:
        return Problem("not_found", f"There is nothing at {request.path[:200]}.")
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return Problem("method_not_allowed", f"{request.method} is not offered here; {allowed} is.")
    if error.status == 413:
        return too_large()
    return Problem("malformed_request", error.reason)


def add_routes(app: web.Application, routes: Iterable[Route], limiter: Limiter) -> None:
    """Put the table into the application."""
    app.on_response_prepare.append(sign)
    for route in routes:
        app.router.add_route(route.method, route.path, guarded(route, limiter))
