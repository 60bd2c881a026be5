"""Where organisations sit: Bavaria's NUTS 3 regions (copied from the design notes' data, source:
Eurostat NUTS 2024).
"""

import csv
import hashlib
from functools import cache
from importlib.resources import files
from typing import Final

_TOWN: Final = "Kreisfreie Stadt"
_AGS: Final = {
    "DE211": "09161000",
    "DE212": "09162000",
    "DE232": "09362000",
    "DE252": "09562000",
    "DE253": "09563000",
    "DE254": "09564000",
    "DE263": "09663000",
    "DE271": "09761000",
}
"""Official municipality keys of some towns that are a NUTS 3 region of their own."""


def nuts_sha256() -> str:
    """SHA-256 of the list as packaged, in hex: what `code_list.published` says of it."""
    return hashlib.sha256(_raw()).hexdigest()


@cache
def _raw() -> bytes:
    return files(__package__).joinpath("nuts_bavaria_2024.csv").read_bytes()


@cache
def regions() -> tuple[tuple[str, str], ...]:
    """(NUTS 3 code, urban or rural), towns listed thrice: companies crowd there."""
    rows = [row for row in csv.DictReader(_raw().decode().splitlines()) if row["level"] == "3"]
    weighted: list[tuple[str, str]] = []
    for row in rows:
        town = _TOWN in row["label"]
        weighted += [(row["code"], "urban" if town else "rural")] * (3 if town else 1)
    return tuple(weighted)


def municipality(nuts3: str) -> str | None:
    """The municipality key where the region is one municipality and we know it."""
    return _AGS.get(nuts3)
