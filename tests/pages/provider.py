"""A small identity provider on loopback: real tokens, real keys, and what a bad one would send."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import aiohttp
import orjson
from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from tests.api.running import Loop

CLIENT_ID = "ledger"
CLIENT_SECRET = "s3cret:with/odd chars"
AUDIENCE = "https://ledger.example/api"
Claims = dict[str, Any]


class IdentityProvider:
    """Whoever comes is `subject` with `claims`. `spoil` changes a token's claims before it is
    signed, `sign` how it is signed."""

    def __init__(self) -> None:
        self.subject = "someone"
        self.claims: Claims = {"roles": ["auditor"]}
        self.spoil: Callable[[Claims], Claims] = lambda claims: claims
        self.keys: list[Any] = [RSAKey.generate_key(2048, {"kid": "rsa-1"}, auto_kid=False)]
        self.sign: Callable[[Claims], str] = self.signed
        self.document: Claims = {}
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}
        self._loop = Loop()

    def __enter__(self) -> Self:
        self._loop.run(self._serve())
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.run(self._runner.cleanup())
        self._loop.close()

    async def _serve(self) -> None:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._discovery)
        app.router.add_get("/keys", self._keys)
        app.router.add_get("/authorise", self._authorise)
        app.router.add_post("/token", self._token)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.issuer = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _discovery(self, _: web.Request) -> web.Response:
        self.asked.append("discovery")
        found = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorise",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }
        return web.json_response(found | self.document)

    async def _keys(self, _: web.Request) -> web.Response:
        self.asked.append("keys")
        listed = [key.as_dict(private=False) for key in self.keys]
        odd = [{"kty": "oct", "k": "AAAA"}, {"kty": "RSA", "kid": "broken"}, "nonsense"]
        return web.json_response({"keys": [*odd, *listed]})

    async def _authorise(self, request: web.Request) -> web.Response:
        code = f"code-{len(self._codes)}"
        self._codes[code] = dict(request.query)
        where = f"{request.query['redirect_uri']}?code={code}&state={request.query['state']}"
        return web.Response(status=302, headers={"Location": f"{where}&session_state=x"})

    async def _token(self, request: web.Request) -> web.Response:
        fields = await request.post()
        asked = self._codes.pop(str(fields["code"]), None)
        challenge = base64.urlsafe_b64encode(sha256(str(fields["code_verifier"]).encode()).digest())
        secret = "s3cret%3Awith%2Fodd%20chars"
        basic = base64.b64encode(f"{CLIENT_ID}:{secret}".encode()).decode()
        if (
            asked is None
            or asked["code_challenge_method"] != "S256"
            or challenge.rstrip(b"=").decode() != asked["code_challenge"]
            or fields["redirect_uri"] != asked["redirect_uri"]
            or request.headers.get("Authorization") != f"Basic {basic}"
        ):
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response({"id_token": self.token(nonce=asked["nonce"])})

    def token(self, **more: Any) -> str:
        """A token for whoever comes; an ID token unless `aud` says otherwise."""
        now = int(time.time())
        said = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
        }
        return self.sign(self.spoil(said | self.claims | more))

    def signed(self, claims: Claims) -> str:
        """With the newest key."""
        key = self.keys[-1]
        algorithm = "ES256" if isinstance(key, ECKey) else "RS256"
        return jwt.encode({"alg": algorithm, "kid": key.kid}, claims, key)

    def rotate(self, kid: str) -> None:
        """Another key signs; the old ones are gone."""
        self.keys = [ECKey.generate_key("P-256", {"kid": kid}, auto_kid=False)]

    def consent(self, address: str) -> str:
        """What a browser is sent back to after it went to the provider's address."""

        async def go() -> str:
            async with (
                aiohttp.ClientSession() as session,
                session.get(address, allow_redirects=False) as got,
            ):
                return got.headers["Location"]

        back = urlsplit(self._loop.run(go()))
        return f"{back.path}?{back.query}"


def unsigned(claims: Claims) -> str:
    """alg=none."""
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    texts = (base64.urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=").decode() for part in parts)
    return ".".join((*texts, ""))


def asked_of(address: str) -> dict[str, str]:
    """The parameters of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
