r"""Code lists: the words a fact may use.

Every pattern ends in ``$(?!\n)`` because Python's ``$`` also matches before a trailing newline;
in JSON Schema (ECMA 262) the look-ahead is always true, so one pattern serves both.
"""

import re
from datetime import date
from typing import Annotated, Final, Literal

from msgspec import Meta

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


def is_code(scheme: str, code: str) -> bool:
    """Whether the scheme knows the code."""
    if scheme == "nace":
        return bool(code) and _NACE.fullmatch(code) is not None
    return code in CODES.get(scheme, frozenset())
