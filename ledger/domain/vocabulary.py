r"""Code lists and identifiers: the words a fact may use.

Every pattern ends in ``$(?!\n)`` because Python's ``$`` also matches before a trailing newline;
in JSON Schema (ECMA 262) the look-ahead is always true, so one pattern serves both.
"""

import re
from collections.abc import Callable
from datetime import date
from typing import Annotated, Final, Literal

from msgspec import Meta
from stdnum import lei
from stdnum.ch import vat as swiss_vat
from stdnum.de import handelsregisternummer
from stdnum.eu import vat
from stdnum.exceptions import ValidationError
from stdnum.gb import vat as british_vat
from stdnum.no import mva as norwegian_vat

_END: Final = r"$(?!\n)"

ClusterCode = Annotated[
    str, Meta(pattern=r"^[a-z0-9-]{2,32}" + _END, description="A cluster's code.")
]
Category = Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,32}" + _END)]
Name = Annotated[str, Meta(min_length=1, max_length=500)]
Reason = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        description="A code, with a short text if need be; never about a person.",
    ),
]
Label = Annotated[str, Meta(min_length=1, max_length=100)]
LogName = Annotated[
    str, Meta(min_length=1, max_length=200, description="A log's origin, which names its keys.")
]
Sha256 = Annotated[
    str, Meta(pattern=r"^[0-9a-f]{64}" + _END, description="SHA-256, lower-case hexadecimal.")
]
NoteRef = Annotated[
    str,
    Meta(
        pattern=r"^(sha256:)?[0-9a-f]{64}" + _END, description="SHA-256 of the evidence document."
    ),
]
Nuts3 = Annotated[
    str, Meta(pattern=r"^[A-Z]{2}[A-Z0-9]{3}" + _END, description="NUTS 2024, level 3.")
]
Ags = Annotated[str, Meta(pattern=r"^([0-9]{2}|[0-9]{3}|[0-9]{5}|[0-9]{8})" + _END)]
Nace = Annotated[
    str,
    Meta(
        pattern=r"^(?=[A-Z0-9])[A-Z]?[0-9]{0,2}(\.[0-9]{1,2}){0,2}" + _END,
        min_length=1,
        max_length=9,
    ),
]
Identifier = Annotated[
    str,
    Meta(
        pattern=r"^(vat|lei|hrb|ror|euid):\S.{0,118}" + _END,
        max_length=123,
        description="vat:, lei:, hrb: (court and number), ror: or euid:, then the value.",
    ),
]
VersionedId = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9_.-]{1,64}@[0-9]{1,6}" + _END,
        description="An id and its version: members@1.",
    ),
]
Parameter = Annotated[
    str,
    Meta(pattern=r"^[a-z][a-z0-9_]{0,63}" + _END, description="A report parameter's name."),
]
Cents = Annotated[int, Meta(ge=0, lt=2**53, description="Euro cents.")]
Count = Annotated[int, Meta(ge=0, lt=2**31)]
Position = Annotated[
    int, Meta(ge=0, lt=2**53, description="A place in the ledger's order, from 1.")
]

OrganisationKind = Literal[
    "company", "university", "research_institute", "chamber", "association", "public_body", "other"
]
SizeClass = Literal["micro", "small", "medium", "large", "sme"]
Spatial = Literal["rural", "urban"]
ActivityKind = Literal[
    "conference",
    "working_group",
    "fair",
    "training",
    "delegation",
    "matchmaking",
    "webinar",
    "other",
]
Mode = Literal["onsite", "online", "hybrid"]
Scheme = Literal["kind", "size_class", "nace", "spatial"]
Role = Literal["lead", "partner"]
EndCause = Literal["resigned", "expelled", "lapsed", "dissolved", "merged"]
HeadcountScope = Literal["total", "unlisted"]

CODES: Final[dict[str, frozenset[str]]] = {
    "kind": frozenset(OrganisationKind.__args__),  # type: ignore[attr-defined]  # Literal keeps its members there
    "size_class": frozenset(SizeClass.__args__),  # type: ignore[attr-defined]  # the same
    "spatial": frozenset(Spatial.__args__),  # type: ignore[attr-defined]  # the same
}
_NACE = re.compile(r"[A-Z]?[0-9]{0,2}(\.[0-9]{1,2}){0,2}")

FIRST_DAY: Final = date(1900, 1, 1)
LAST_DAY: Final = date(2199, 12, 31)

_ROR = re.compile(r"0([0-9a-hjkmnp-tv-z]{6})([0-9]{2})")
_ROR_DIGITS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no i, l, o, u."""
_COURT: Final = re.compile(r"^(amtsgericht|ag)\s+", re.IGNORECASE)
_REGISTER: Final = re.compile(r"\b(HRA|HRB|PR|GnR|VR)\b", re.IGNORECASE)
_EUID = re.compile(r"[A-Z]{2}[A-Z0-9]{1,15}\.[A-Z0-9 /()_.-]{1,80}", re.IGNORECASE)


def is_code(scheme: str, code: str) -> bool:
    """Whether the scheme knows the code."""
    if scheme == "nace":
        return bool(code) and _NACE.fullmatch(code) is not None
    return code in CODES.get(scheme, frozenset())


def is_identifier(identifier: str) -> bool:
    """Whether an identifier's form and, where it has them, its check digits are right."""
    return _canonical(identifier) is not None


def spelled(identifier: str) -> str:
    """An identifier in its one spelling, so that two spellings are one identifier; unchanged where
    it is none."""
    return _canonical(identifier) or identifier


def _canonical(identifier: str) -> str | None:
    scheme, _, value = identifier.partition(":")
    spell = _SPELLINGS.get(scheme)
    try:
        found = None if spell is None else spell(value)
    except ValidationError:
        return None
    return None if found is None else f"{scheme}:{found}"


def _ror(value: str) -> str | None:
    """Without the address before it. Two digits of ISO 7064 (mod 97, 10) end it."""
    found = _ROR.fullmatch(value.lower().removeprefix("https://ror.org/"))
    if found is None:
        return None
    number = 0
    for digit in found[1]:
        number = number * 32 + _ROR_DIGITS.index(digit)
    return found[0] if 98 - number * 100 % 97 == int(found[2]) else None


def _hrb(value: str) -> str:
    """Court and number: `München 12345`; the register's section only where it is another one."""
    entry = _COURT.sub("", value.strip())
    if _REGISTER.search(entry) is None:
        entry = re.sub(r"\s+(?=[0-9])", " HRB ", entry, count=1)
    return handelsregisternummer.validate(entry).replace(" HRB ", " ", 1)


def _vat(value: str) -> str:
    """Of the Union's states, and of neighbours that organisations come from."""
    country = value.strip()[:2].upper()
    beyond = _VAT_BEYOND_THE_UNION.get(country)
    if beyond is None:
        return vat.validate(value)
    found: str = beyond(value)
    return found if found.startswith(country) else country + found


_VAT_BEYOND_THE_UNION: Final[dict[str, Callable[[str], str]]] = {
    "CH": swiss_vat.validate,
    "GB": british_vat.validate,
    "NO": norwegian_vat.validate,
}


def _euid(value: str) -> str | None:
    return value.upper() if _EUID.fullmatch(value) else None


_SPELLINGS: Final[dict[str, Callable[[str], str | None]]] = {
    "vat": _vat,
    "lei": lei.validate,
    "hrb": _hrb,
    "ror": _ror,
    "euid": _euid,
}
