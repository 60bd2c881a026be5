"""Tokens of an identity provider, checked: signature, issuer, audience, times. No I/O."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, GuestProtocol, Key, KeySet, RSAKey
from joserfc.jwt import JWTClaimsRegistry
from msgspec import Struct

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "ES384")
"""Whatever a token's head says: `none` and shared secrets are not among them."""
LEEWAY_S: Final = 30
"""Clocks differ."""
TOKEN_CHARACTERS_MAX: Final = 16_000
_KEYS_MAX: Final = 50
_SUBJECT_CHARACTERS_MAX: Final = 255


class TokenRefused(Exception):
    """A token that does not hold. The text says why, and quotes nothing of it."""


class UnknownKey(TokenRefused):
    """Signed with a key that is not among those we know: perhaps a new one."""


class Expected(Struct, frozen=True):
    """What a token must say. `nonce` None: it was not made for one sign-in."""

    issuer: str
    audience: str
    nonce: str | None = None
    is_id_token: bool = True


def keys_of(document: Any) -> KeySet:
    """The keys of a JWKS that can verify our algorithms; others are left out.

    Raises TokenRefused.
    """
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise TokenRefused("The provider's key document lists no keys.")
    found: list[Key] = []
    for one in listed[:_KEYS_MAX]:
        if not isinstance(one, dict) or one.get("use", "sig") != "sig":
            continue
        try:
            if one.get("kty") == "RSA":
                found.append(RSAKey.import_key(_public(one)))
            elif one.get("kty") == "EC":
                found.append(ECKey.import_key(_public(one)))
        except (JoseError, ValueError, TypeError, KeyError):
            continue  # one bad key must not lock everybody out
    return KeySet(found)


def checked(
    token: str, keys: KeySet, expected: Expected, clock: Callable[[], float] = time.time
) -> Mapping[str, Any]:
    """The token's claims. Raises TokenRefused, UnknownKey where another key may help."""
    if len(token) > TOKEN_CHARACTERS_MAX:
        raise TokenRefused("The token is too long.")

    def key_of(head: GuestProtocol) -> Key:
        return _key_of(keys, head.headers())

    try:
        claims = jwt.decode(token, key_of, algorithms=ALGORITHMS).claims
        _claims(expected, clock).validate(claims)
    except TokenRefused:
        raise
    except (JoseError, ValueError, TypeError) as error:
        # The class says what is wrong; a message may quote the token.
        raise TokenRefused(f"The token does not hold: {_what(error)}.") from None
    _for_us(claims, expected)
    return claims


def _key_of(keys: KeySet, head: Mapping[str, Any]) -> Key:
    """The key that a token's head names; without a name, the only one there is."""
    named = head.get("kid")
    fitting = [key for key in keys.keys if named is None or key.kid == named]
    if named is None and len(fitting) > 1:
        raise TokenRefused("The token names none of the provider's keys.")
    if not fitting:
        raise UnknownKey("The token is signed with an unknown key.")
    return fitting[0]


def _claims(expected: Expected, clock: Callable[[], float]) -> JWTClaimsRegistry:
    required: dict[str, Any] = {
        "iss": {"essential": True, "value": expected.issuer},
        "aud": {"essential": True, "value": expected.audience},
        "sub": {"essential": True},
        "exp": {"essential": True},
    }
    if expected.is_id_token:
        required["iat"] = {"essential": True}
    if expected.nonce is not None:
        required["nonce"] = {"essential": True, "value": expected.nonce}
    return JWTClaimsRegistry(now=lambda: int(clock()), leeway=LEEWAY_S, **required)


def _for_us(claims: Mapping[str, Any], expected: Expected) -> None:
    """An ID token for several audiences says which of them it was issued to."""
    subject = claims["sub"]
    if not isinstance(subject, str) or not 1 <= len(subject) <= _SUBJECT_CHARACTERS_MAX:
        raise TokenRefused("The token names no subject.")
    if not expected.is_id_token:
        return
    several = isinstance(claims["aud"], Sequence) and not isinstance(claims["aud"], str)
    party = claims.get("azp")
    if party is None and several and len(claims["aud"]) > 1:
        raise TokenRefused("The token is for several audiences and does not say whose it is.")
    if party is not None and party != expected.audience:
        raise TokenRefused("The token was issued to another application.")


def _public(one: Mapping[str, Any]) -> dict[str, Any]:
    """A key without private parts, which have no place in such a document."""
    return {name: one[name] for name in ("kty", "kid", "n", "e", "crv", "x", "y") if name in one}


def _what(error: Exception) -> str:
    claim = getattr(error, "claim", None)
    return f"{type(error).__name__} ({claim})" if claim else type(error).__name__
