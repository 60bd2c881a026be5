"""Sessions of the pages: a signed cookie that says who signed in, and nothing about them.

The cookie holds 32 bytes (the SHA-256 of a key, or the handle of a person), the session's end and a
nonce, signed with HMAC-SHA256. A key that is revoked or expires ends its sessions with it, and so
does a person's new handle: every request looks up who it is, as it does for a key in
`Authorization`. Nothing is stored here, so any process that knows the secret may answer.

While somebody is away at an identity provider, another such cookie binds what comes back to this
browser. It holds one random number; state, nonce and PKCE verifier are made of it.
"""

import base64
import hmac
import secrets
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

COOKIE: Final = "clusterledger_session"
AWAY_COOKIE: Final = "clusterledger_away"
LASTS_S: Final = 8 * 3600
"""A working day, unless a setting says otherwise."""
AWAY_S: Final = 600
"""How long signing in with a provider may take."""
_CHARACTERS_MAX: Final = 4_000


class Session(Struct, frozen=True, array_like=True):
    """Who is signed in: 32 bytes (hexadecimal), until when (Unix time), a nonce."""

    holder: str
    until: int
    nonce: str

    @property
    def digest(self) -> bytes:
        """The 32 bytes that the key or person is looked up by."""
        return bytes.fromhex(self.holder)


class Away(Struct, frozen=True, array_like=True):
    """Somebody who is signing in with a provider: until when, where to go on, in which language."""

    nonce: str
    until: int
    language: str
    next: str


class Handshake(Struct, frozen=True):
    """What a provider is told of one sign-in; nobody else can name them. 43 characters each."""

    state: str
    nonce: str
    verifier: str


T = TypeVar("T", Session, Away)


class Sessions:
    """Signs sessions and reads them back. `secret` left out: one that ends with the process."""

    def __init__(
        self,
        secret: str | None,
        clock: Callable[[], float] = time.time,
        lasts_s: int = LASTS_S,
    ) -> None:
        self._secret = sha256(secret.encode()).digest() if secret else secrets.token_bytes(32)
        self._clock = clock
        self.lasts_s = lasts_s

    def begin(self, digest: bytes) -> str:
        """The cookie of a new session."""
        until = int(self._clock()) + self.lasts_s
        return self._signed(Session(digest.hex(), until, secrets.token_urlsafe(12)))

    def read(self, cookie: str) -> Session | None:
        """The session of a cookie; None for one that is forged, mangled or over."""
        return self._read(cookie, Session)

    def leave(self, language: str, following: str) -> tuple[str, Handshake]:
        """The cookie of somebody who goes to sign in, and what the provider is told."""
        until = int(self._clock()) + AWAY_S
        away = Away(secrets.token_urlsafe(24), until, language, following)
        return self._signed(away), self.handshake(away)

    def away(self, cookie: str) -> Away | None:
        """Who comes back; None for a cookie that is forged, mangled or over."""
        return self._read(cookie, Away)

    def handshake(self, away: Away) -> Handshake:
        """What the provider was told of this sign-in."""
        seed = away.nonce.encode()
        return Handshake(
            *(_text(self._mac(purpose, seed)) for purpose in (b"state", b"nonce", b"verifier"))
        )

    def csrf(self, session: Session) -> str:
        """What a form of this session carries: nobody else can name it."""
        return _text(self._mac(b"csrf", session.nonce.encode()))

    def is_ours(self, session: Session, token: str) -> bool:
        """Whether a form was drawn for this session."""
        return hmac.compare_digest(self.csrf(session).encode(), token.encode())

    def _signed(self, said: Session | Away) -> str:
        payload = msgspec.json.encode(said)
        return f"{_text(payload)}.{_text(self._mac(type(said).__name__.encode(), payload))}"

    def _read(self, cookie: str, kind: type[T]) -> T | None:
        payload, _, mac = cookie[:_CHARACTERS_MAX].partition(".")
        try:
            raw = _bytes(payload)
            if not hmac.compare_digest(self._mac(kind.__name__.encode(), raw), _bytes(mac)):
                return None
            said = msgspec.json.decode(raw, type=kind)
        except (ValueError, msgspec.MsgspecError):
            return None
        return said if self._clock() < said.until else None

    def _mac(self, purpose: bytes, payload: bytes) -> bytes:
        return hmac.digest(self._secret, purpose + b"\n" + payload, "sha256")


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
