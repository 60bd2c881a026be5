"""Clusters of the programme on a day."""

from datetime import date
from typing import Final

from msgspec import Struct

from projections.views.base import View, known, part_of


class ClusterItem(Struct, frozen=True):
    """A cluster under the name it bore on the day."""

    cluster: str
    name: str
    valid_from: date
    """Since when it bears this name."""
    valid_to: date | None
    """From which day on it bears it no more; null: not known to end."""
    closed_on: date | None
    """From which day on it is no more."""


VIEW: Final = View(
    name="cluster",
    item=ClusterItem,
    core=f"""
        SELECT own.cluster, own.name, own.valid_from, nullif(own.valid_to, 'infinity') AS valid_to,
            nullif((SELECT max(c.valid_to) FROM models.cluster c
                WHERE c.cluster = own.cluster AND {known("c")}), 'infinity') AS closed_on
        FROM models.cluster own
        WHERE {known("own")} AND own.valid_from <= %(as_of)s AND %(as_of)s < own.valid_to""",  # noqa: S608 - constants
    order={"cluster": str},
    conditions={"q": part_of("name")},
    place=lambda item: (item.cluster,),
)
