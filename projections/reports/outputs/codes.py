"""The names of classes and regions for readers; programs read the codes in JSON and CSV."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from projections.figures.catalogue import Text
from projections.regions import NUTS2, NUTS3

_UNKNOWN: Final = {"unknown": Text("unbekannt", "unknown")}


def _regions(names: Mapping[str, str]) -> Mapping[str, Text]:
    return {code: Text(name, name) for code, name in names.items()} | _UNKNOWN


NAMES: Final[Mapping[str, Mapping[str, Text]]] = {
    "kind": {
        "company": Text("Unternehmen", "companies"),
        "university": Text("Hochschulen", "universities"),
        "research_institute": Text("Forschungseinrichtungen", "research institutes"),
        "chamber": Text("Kammern", "chambers"),
        "association": Text("Verbände und Vereine", "associations"),
        "public_body": Text("Öffentliche Stellen", "public bodies"),
        "other": Text("Sonstige", "other"),
        **_UNKNOWN,
    },
    "size_class": {
        "micro": Text("Kleinstunternehmen", "micro enterprises"),
        "small": Text("Kleine Unternehmen", "small enterprises"),
        "medium": Text("Mittlere Unternehmen", "medium-sized enterprises"),
        "large": Text("Große Unternehmen", "large enterprises"),
        "sme": Text("KMU ohne nähere Angabe", "SMEs not further specified"),
        **_UNKNOWN,
    },
    "spatial": {
        "rural": Text("Ländlicher Raum", "rural areas"),
        "urban": Text("Städtischer Raum", "urban areas"),
        **_UNKNOWN,
    },
    "activity_kind": {
        "conference": Text("Konferenzen", "conferences"),
        "working_group": Text("Arbeitskreise", "working groups"),
        "fair": Text("Messen", "fairs"),
        "training": Text("Schulungen", "training"),
        "delegation": Text("Delegationsreisen", "delegations"),
        "matchmaking": Text("Kooperationsbörsen", "matchmaking"),
        "webinar": Text("Webinare", "webinars"),
        "other": Text("Sonstige", "other"),
        **_UNKNOWN,
    },
    "mode": {
        "onsite": Text("vor Ort", "on site"),
        "online": Text("online", "online"),
        "hybrid": Text("hybrid", "hybrid"),
        **_UNKNOWN,
    },
    **dict.fromkeys(("nuts2", "activity_nuts2"), _regions(NUTS2)),
    **dict.fromkeys(("nuts3", "activity_nuts3"), _regions(NUTS3)),
}
"""By the key column's id, then by code. Other keys, and other codes, stand as they are."""
