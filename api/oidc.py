"""The identity provider over HTTP: its discovery document, its keys, codes for tokens.

Authorisation code with PKCE (OpenID Connect Core 1.0, RFC 7636, RFC 9207). Everything that comes
from there is bounded in size and time, and kept for an hour; a key that is not known makes the
keys be asked for anew, at most every `refetch_s`.
"""

import asyncio
import base64
import time
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote, urlencode

import aiohttp
import msgspec
import structlog
from joserfc.jwk import KeySet
from msgspec import Struct

from api.settings import OidcSettings, is_safe_url
from api.tokens import Expected, TokenRefused, UnknownKey, checked, keys_of

log: Final = structlog.get_logger(__name__)

WELL_KNOWN: Final = "/.well-known/openid-configuration"
KEPT_S: Final = 3600.0
REFETCH_S: Final = 30.0
_TIMEOUT: Final = aiohttp.ClientTimeout(total=10, connect=5)
_BYTES_MAX: Final = 256_000


class ProviderUnavailable(Exception):
    """The provider does not answer, or not as it should."""


class Discovered(Struct, frozen=True):
    """What we need of a discovery document."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class Provider:
    """One identity provider. Used in the event loop only; `close` it there."""

    def __init__(self, settings: OidcSettings) -> None:
        self.settings = settings
        self.refetch_s = REFETCH_S
        self._client: aiohttp.ClientSession | None = None
        self._discovered: tuple[float, Discovered] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._asking = asyncio.Lock()

    async def address(self, *, state: str, nonce: str, verifier: str) -> str:
        """Where a browser goes to sign in. Raises ProviderUnavailable."""
        challenge = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=")
        asked = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.settings.redirect_uri,
            "scope": self.settings.scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
        }
        endpoint = (await self._discover()).authorization_endpoint
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    async def redeem(self, code: str, *, nonce: str, verifier: str) -> Mapping[str, Any]:
        """The claims of the ID token behind a code. Raises ProviderUnavailable, TokenRefused."""
        found = await self._discover()
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.settings.redirect_uri,
            "client_id": self.settings.client_id,
            "code_verifier": verifier,
        }
        headers = {}
        if self.settings.client_secret is not None:
            if "client_secret_basic" in found.token_endpoint_auth_methods_supported:
                headers["Authorization"] = _basic(
                    self.settings.client_id, self.settings.client_secret
                )
            else:
                fields["client_secret"] = self.settings.client_secret
        status, body = await self._ask(found.token_endpoint, fields, headers)
        token = body.get("id_token") if isinstance(body, dict) else None
        if status != 200 or not isinstance(token, str):
            raise TokenRefused(f"The provider gave no token for the code (status {status}).")
        issuer, client_id = self.settings.issuer, self.settings.client_id
        return await self._checked(token, Expected(issuer, client_id, nonce))

    async def access(self, token: str) -> Mapping[str, Any]:
        """The claims of an access token for our API. Raises ProviderUnavailable, TokenRefused."""
        audience = self.settings.audience
        if audience is None:
            raise TokenRefused("Access tokens are not taken here.")
        return await self._checked(
            token, Expected(self.settings.issuer, audience, is_id_token=False)
        )

    async def close(self) -> None:
        """Let go of connections."""
        if self._client is not None:
            await self._client.close()

    async def _checked(self, token: str, expected: Expected) -> Mapping[str, Any]:
        try:
            return checked(token, await self._known_keys(KEPT_S), expected)
        except UnknownKey:
            return checked(token, await self._known_keys(self.refetch_s), expected)

    async def _known_keys(self, kept_s: float) -> KeySet:
        """The provider's keys, not older than that."""
        async with self._asking:
            if self._keys is None or time.monotonic() - self._keys[0] > kept_s:
                found = await self._discover()
                status, body = await self._ask(found.jwks_uri)
                if status != 200:
                    raise ProviderUnavailable(f"keys: status {status}")
                self._keys = (time.monotonic(), keys_of(body))
            return self._keys[1]

    async def _discover(self) -> Discovered:
        if self._discovered is not None and time.monotonic() - self._discovered[0] < KEPT_S:
            return self._discovered[1]
        status, body = await self._ask(self.settings.issuer.rstrip("/") + WELL_KNOWN)
        try:
            found = msgspec.convert(body, Discovered)
        except msgspec.ValidationError as error:
            raise ProviderUnavailable(f"discovery: status {status}, {error}") from error
        if found.issuer != self.settings.issuer:
            raise ProviderUnavailable("discovery: the document is of another issuer")
        for url in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
            if not is_safe_url(url):
                raise ProviderUnavailable("discovery: an endpoint is neither https nor local")
        self._discovered = (time.monotonic(), found)
        return found

    async def _ask(
        self,
        url: str,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:
        """Status and JSON of an answer, a redirect not followed. Raises ProviderUnavailable."""
        if self._client is None:
            self._client = aiohttp.ClientSession(
                timeout=_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar()
            )
        method = "GET" if fields is None else "POST"
        sent = {"Accept": "application/json", **(headers or {})}
        try:
            async with self._client.request(
                method, url, data=fields, headers=sent, allow_redirects=False
            ) as answer:
                body = await _bounded(answer)
                return answer.status, msgspec.json.decode(body)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ProviderUnavailable(f"{type(error).__name__} at {url[:200]}") from error


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for part in answer.content.iter_chunked(16_384):
        body += part
        if len(body) > _BYTES_MAX:
            raise ProviderUnavailable(f"more than {_BYTES_MAX} bytes")
    return bytes(body)


def _basic(user: str, secret: str) -> str:
    """RFC 6749, 2.3.1: both are encoded as in a form before they are joined."""
    joined = f"{quote(user, safe='')}:{quote(secret, safe='')}".encode()
    return "Basic " + base64.b64encode(joined).decode()
