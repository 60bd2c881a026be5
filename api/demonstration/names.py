"""Made-up names and identifiers with valid check digits. Nobody's real name or number is meant."""

from random import Random
from typing import Final

_SURNAMES: Final = [
    "Aigner",
    "Bauer",
    "Böhm",
    "Brandl",
    "Dietl",
    "Eder",
    "Fischer",
    "Forster",
    "Frank",
    "Gruber",
    "Graßl",
    "Haas",
    "Hartl",
    "Hofmann",
    "Huber",
    "Jäger",
    "Kaiser",
    "Keller",
    "König",
    "Krämer",
    "Kraus",
    "Lang",
    "Lechner",
    "Lindner",
    "Maier",
    "Meier",
    "Moser",
    "Müller",
    "Neumann",
    "Ostermeier",
    "Pfeiffer",
    "Pichler",
    "Raab",
    "Reiter",
    "Riedl",
    "Röder",
    "Sailer",
    "Schäfer",
    "Schmid",
    "Schneider",
    "Schuster",
    "Schütz",
    "Seidl",
    "Stadler",
    "Stöger",
    "Strobl",
    "Thoma",
    "Ulrich",
    "Vogl",
    "Wagner",
    "Weiß",
    "Wimmer",
    "Winkler",
    "Zeller",
    "Ziegler",
    "Zöllner",
]
_HEADS: Final = [
    "Alt",
    "Ar",
    "Bel",
    "Cor",
    "Dyn",
    "El",
    "Fer",
    "Gam",
    "Hel",
    "In",
    "Kon",
    "Lum",
    "Mag",
    "Neo",
    "Op",
    "Pro",
    "Quan",
    "Ro",
    "Sen",
    "Tec",
    "Uni",
    "Vek",
    "Xen",
    "Zen",
]
_MIDDLES: Final = ("", "a", "ba", "di", "ga", "ko", "la", "mi", "no", "ra", "ri", "ta", "vi")
_TAILS: Final = [
    "con",
    "dur",
    "flex",
    "form",
    "gen",
    "lab",
    "log",
    "matic",
    "med",
    "net",
    "plan",
    "san",
    "sys",
    "tec",
    "tron",
    "vis",
    "wave",
    "werk",
]
_TRADES: Final = [
    "Anlagenbau",
    "Antriebe",
    "Automation",
    "Elektronik",
    "Engineering",
    "Feinmechanik",
    "Holzbau",
    "Kunststofftechnik",
    "Maschinenbau",
    "Mälzerei",
    "Messtechnik",
    "Optik",
    "Präzisionsteile",
    "Sägewerk",
    "Software",
    "Sondermaschinen",
    "Systeme",
    "Technik",
    "Umwelttechnik",
    "Werkzeugbau",
]
_FORMS: Final = (
    "GmbH",
    "GmbH",
    "GmbH",
    "GmbH & Co. KG",
    "AG",
    "KG",
    "e.K.",
    "OHG",
    "UG (haftungsbeschränkt)",
    "SE",
)
_TOWNS: Final = [
    "Amberg",
    "Ansbach",
    "Augsburg",
    "Bamberg",
    "Bayreuth",
    "Coburg",
    "Deggendorf",
    "Erlangen",
    "Fürth",
    "Hof",
    "Ingolstadt",
    "Kempten",
    "Kulmbach",
    "Landshut",
    "München",
    "Neu-Ulm",
    "Nürnberg",
    "Passau",
    "Regensburg",
    "Rosenheim",
    "Schweinfurt",
    "Straubing",
    "Weiden",
    "Würzburg",
]
_FIELDS: Final = [
    "angewandte Optik",
    "Werkstoffforschung",
    "Energiesysteme",
    "Lebensmitteltechnik",
    "Mikroelektronik",
    "Prozesstechnik",
    "Robotik",
    "Sensorsysteme",
    "Umweltanalytik",
    "Verkehrstechnik",
    "Zellbiologie",
    "Leichtbau",
]
_LEI_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def company_name(rng: Random) -> str:
    """Like "Huber Messtechnik GmbH" or "Quanditron AG"."""
    pick = rng.random
    form = _FORMS[int(pick() * len(_FORMS))]
    if pick() < 0.55:
        surname = _SURNAMES[int(pick() * len(_SURNAMES))]
        if pick() < 0.2:
            surname += " & " + _SURNAMES[int(pick() * len(_SURNAMES))]
        return f"{surname} {_TRADES[int(pick() * len(_TRADES))]} {form}"
    word = (
        _HEADS[int(pick() * len(_HEADS))]
        + _MIDDLES[int(pick() * len(_MIDDLES))]
        + _TAILS[int(pick() * len(_TAILS))]
    )
    return f"{word} {form}"


def respelt(name: str) -> str:
    """The same company as another office would type it: how duplicates come about."""
    for old, new in (
        ("ü", "ue"),
        ("ö", "oe"),
        ("ä", "ae"),
        (" GmbH", " Gesellschaft mbH"),
        (" & ", " und "),
    ):
        if old in name:
            return name.replace(old, new)
    return name.upper()


def institution_name(rng: Random, kind: str, number: int) -> str:
    """A name for anything but a company; `number` keeps them apart."""
    town = _TOWNS[int(rng.random() * len(_TOWNS))]
    field = _FIELDS[int(rng.random() * len(_FIELDS))]
    patterns = {
        "university": f"Hochschule {town} {number}",
        "research_institute": f"Institut für {field} {town} {number}",
        "chamber": f"Kammer für Handwerk und Gewerbe {town} {number}",
        "association": f"Verband {field} {town} e.V. {number}",
        "public_body": f"Wirtschaftsförderung {town} {number}",
    }
    return patterns.get(kind, f"Initiative {field} {town} {number}")


def vat_number(number: int) -> str:
    """A German VAT number for 0 <= number < 90,000,000: eight digits and ISO 7064 Mod 11,10."""
    digits = str(10_000_000 + number)
    product = 10
    for digit in digits:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return f"vat:DE{digits}{(11 - product) % 10}"


def lei_number(number: int) -> str:
    """A legal entity identifier: eighteen characters and ISO 7064 Mod 97-10."""
    body = f"8945DEMO00{number:08d}"
    value = int("".join(str(_LEI_ALPHABET.index(sign)) for sign in body + "00"))
    return f"lei:{body}{98 - value % 97:02d}"
