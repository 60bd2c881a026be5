"""Where organisations sit: Bavaria's NUTS 3 regions."""

import hashlib
from functools import cache
from typing import Final

from projections.regions import NUTS3, packaged

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
    return hashlib.sha256(packaged()).hexdigest()


@cache
def regions() -> tuple[tuple[str, str], ...]:
    """(NUTS 3 code, urban or rural), towns listed thrice: companies crowd there."""
    weighted: list[tuple[str, str]] = []
    for code, name in NUTS3.items():
        town = _TOWN in name
        weighted += [(code, "urban" if town else "rural")] * (3 if town else 1)
    return tuple(weighted)


def municipality(nuts3: str) -> str | None:
    """The municipality key where the region is one municipality and we know it."""
    return _AGS.get(nuts3)
