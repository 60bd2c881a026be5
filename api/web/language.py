"""The two languages of the pages: German first, English beside it.

Words stand where they are used, both at once: `say("Mitglieder", "Members")` in a template, a
`Text` in code. There is no catalogue of keys, and nothing can be missing in one of them. How
numbers, days and instants are written is Babel's business.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, format_percent

from projections.figures.catalogue import Text

Language = Literal["de", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("de", "en")
NAMES: Final[dict[Language, str]] = {"de": "Deutsch", "en": "English"}
BERLIN: Final = ZoneInfo("Europe/Berlin")

_LOCALES: Final[dict[Language, str]] = {"de": "de_DE", "en": "en_GB"}
_ZONES: Final[dict[Language, dict[str, str]]] = {"de": {"CET": "MEZ", "CEST": "MESZ"}, "en": {}}


def said(text: Text, language: Language) -> str:
    """A text in a language."""
    return text.de if language == "de" else text.en


def number(value: float, language: Language) -> str:
    """1234567 as 1.234.567 or 1,234,567; a negative one with the minus sign, not a hyphen."""
    return _minus(format_decimal(value, locale=_LOCALES[language]))


def money(cents: int, language: Language) -> str:
    """Integer cents as euros."""
    return _minus(format_currency(cents / 100, "EUR", locale=_LOCALES[language]))


def share(numerator: int, denominator: int, language: Language) -> str:
    """A share in percent with one decimal, half to even; a dash where there is nothing to share."""
    if denominator == 0:
        return "–"
    return format_percent(numerator / denominator, "#,##0.0 %", locale=_LOCALES[language])


def day(value: date, language: Language) -> str:
    """A calendar day in words, like 31. Dezember 2024; ∞ for one that never comes."""
    if value == date.max:
        return "∞"
    return format_date(value, "long", locale=_LOCALES[language])


def moment(value: datetime, language: Language) -> str:
    """An instant as local time in Berlin with its zone. Raises ValueError when it has no zone."""
    if value.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    local = value.astimezone(BERLIN)
    name = local.tzname() or ""
    zone = _ZONES[language].get(name, name)
    o_clock = " Uhr" if language == "de" else ""
    return f"{day(local.date(), language)}, {local:%H:%M}{o_clock} ({zone})"


def _minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")
