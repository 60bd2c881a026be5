"""A demonstration programme, as messy as life, whose every figure is known beforehand."""

from .clusters import CLUSTERS, CODES, EVERY_CLUSTER, OFFICE_SOURCE, PILOT, SOURCES
from .days import PROGRAMME_END
from .figures import Expected, Headline
from .posting import Posted
from .programme import Programme, programme

__all__ = [
    "CLUSTERS",
    "CODES",
    "EVERY_CLUSTER",
    "OFFICE_SOURCE",
    "PILOT",
    "PROGRAMME_END",
    "SOURCES",
    "Expected",
    "Headline",
    "Posted",
    "Programme",
    "programme",
]
