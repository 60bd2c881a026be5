"""Sessions of the pages: a signed cookie that says which key signed in, and nothing about it.

The cookie holds the SHA-256 of the key, the session's end and a nonce, signed with HMAC-SHA256. A
key that is revoked or expires ends its sessions with it: every request looks the key up, as it does
for one in `Authorization`. Nothing is stored here, so any process may answer any request that knows
the secret.
"""

import base64
import hmac
import secrets
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Final

import msgspec
from msgspec import Struct

COOKIE: Final = "clusterledger_session"
LASTS_S: Final = 8 * 3600
"""A working day."""
_CHARACTERS_MAX: Final = 1_000


class Session(Struct, frozen=True, array_like=True):
    """Who is signed in: the digest of a key (hexadecimal), until when (Unix time), a nonce."""

    key: str
    until: int
    nonce: str

    @property
    def digest(self) -> bytes:
        """SHA-256 of the key: 32 bytes."""
        return bytes.fromhex(self.key)


class Sessions:
    """Signs sessions and reads them back. `secret` left out: one that ends with the process."""

    def __init__(self, secret: str | None, clock: Callable[[], float] = time.time) -> None:
        self._secret = sha256(secret.encode()).digest() if secret else secrets.token_bytes(32)
        self._clock = clock

    def begin(self, digest: bytes) -> str:
        """The cookie of a new session."""
        until = int(self._clock()) + LASTS_S
        payload = msgspec.json.encode(Session(digest.hex(), until, secrets.token_urlsafe(12)))
        return f"{_text(payload)}.{_text(self._mac(b'session', payload))}"

    def read(self, cookie: str) -> Session | None:
        """The session of a cookie; None for one that is forged, mangled or over."""
        payload, _, mac = cookie[:_CHARACTERS_MAX].partition(".")
        try:
            said = _bytes(payload)
            if not hmac.compare_digest(self._mac(b"session", said), _bytes(mac)):
                return None
            session = msgspec.json.decode(said, type=Session)
        except (ValueError, msgspec.MsgspecError):
            return None
        return session if self._clock() < session.until else None

    def csrf(self, session: Session) -> str:
        """What a form of this session carries: nobody else can name it."""
        return _text(self._mac(b"csrf", session.nonce.encode()))

    def is_ours(self, session: Session, token: str) -> bool:
        """Whether a form was drawn for this session."""
        return hmac.compare_digest(self.csrf(session).encode(), token.encode())

    def _mac(self, purpose: bytes, payload: bytes) -> bytes:
        return hmac.digest(self._secret, purpose + b"\n" + payload, "sha256")


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
