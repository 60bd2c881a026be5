"""What organisations are registered under elsewhere: the one spelling of each, and check digits."""

import re
from collections.abc import Callable
from typing import Final

from stdnum import lei
from stdnum.ch import vat as swiss_vat
from stdnum.de import handelsregisternummer
from stdnum.eu import vat
from stdnum.exceptions import ValidationError
from stdnum.gb import vat as british_vat
from stdnum.no import mva as norwegian_vat

_ROR = re.compile(r"0([0-9a-hjkmnp-tv-z]{6})([0-9]{2})")
_ROR_DIGITS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no i, l, o, u."""
_COURT: Final = re.compile(r"^(amtsgericht|ag)\s+", re.IGNORECASE)
_REGISTER: Final = re.compile(r"\b(HRA|HRB|PR|GnR|VR)\b", re.IGNORECASE)
_EUID = re.compile(r"[A-Z]{2}[A-Z0-9]{1,15}\.[A-Z0-9 /()_.-]{1,80}", re.IGNORECASE)


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
