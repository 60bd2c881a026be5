"""What NUTS regions are called: Bavaria's, of NUTS 2024 (source: Eurostat)."""

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final


@cache
def packaged() -> bytes:
    """The list as it is packaged: CSV with `code,label,level`."""
    return files(__package__).joinpath("nuts_bavaria_2024.csv").read_bytes()


def _of(level: int) -> Mapping[str, str]:
    rows = csv.DictReader(packaged().decode().splitlines())
    return MappingProxyType({r["code"]: r["label"] for r in rows if int(r["level"]) == level})


NUTS2: Final = _of(2)
"""Names of the NUTS 2 regions by code."""
NUTS3: Final = _of(3)
"""Names of the NUTS 3 regions by code."""
