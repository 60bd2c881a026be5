"""The clusters of the demonstration: fields of competence, when each began, how large it is."""

from datetime import date
from typing import Final

CLUSTERS: Final[tuple[tuple[str, str, str], ...]] = (
    ("aerospace", "Luft- und Raumfahrt", "Aerospace"),
    ("automotive", "Automobil", "Automotive"),
    ("rail", "Bahntechnik", "Rail"),
    ("biotechnology", "Biotechnologie", "Biotechnology"),
    ("chemistry", "Chemie", "Chemistry"),
    ("energy", "Energietechnik", "Energy"),
    ("food", "Ernährung", "Food"),
    ("forestry-wood", "Forst und Holz", "Forestry and Wood"),
    ("ict", "Informations- und Kommunikationstechnik", "Information and Communication"),
    ("power-electronics", "Leistungselektronik", "Power Electronics"),
    ("carbon-composites", "Carbon Composites", "Carbon Composites"),
    ("mechatronics", "Mechatronik und Automation", "Mechatronics and Automation"),
    ("medical-technology", "Medizintechnik", "Medical Technology"),
    ("nanotechnology", "Nanotechnologie", "Nanotechnology"),
    ("new-materials", "Neue Werkstoffe", "New Materials"),
    ("sensors", "Sensorik", "Sensors"),
    ("environment", "Umwelttechnologie", "Environmental Technology"),
)
"""(code, German name as posted, English name) of the seventeen fields of competence."""

PILOT: Final = (
    "satnav-pilot",
    "Pilotnetzwerk Satellitennavigation",
    "Satellite Navigation (pilot)",
)
"""A small pilot network that was closed again: a ledger of clusters must not take seventeen for
granted.
"""

EVERY_CLUSTER: Final = (*CLUSTERS, PILOT)
"""All whose apps post: the seventeen and the pilot."""

CODES: Final = tuple(code for code, _, _ in EVERY_CLUSTER)
SOURCES: Final = tuple(f"https://{code}.example/app" for code in CODES)
OFFICE_SOURCE: Final = "https://programme.example/office"
PILOT_INDEX: Final = len(CLUSTERS)
PILOT_CLOSED_ON: Final = date(2010, 7, 1)
PILOT_HEIR: Final = 0
"""The cluster whose app speaks for organisations of the pilot (by index: aerospace)."""

RENAMED: Final = (11, "Mechatronik", date(2010, 3, 1))
"""(cluster index, its earlier name, the day of the name it has in the table)."""

_LATER: Final = {
    "power-electronics": date(2006, 9, 1),
    "carbon-composites": date(2007, 5, 1),
    "nanotechnology": date(2006, 7, 1),
    "new-materials": date(2008, 1, 1),
    "environment": date(2008, 7, 1),
    "satnav-pilot": date(2006, 3, 1),
}
BEGAN_ON: Final = tuple(_LATER.get(code, date(2006, 2, 1)) for code in CODES)

WEIGHTS: Final = (7, 11, 5, 8, 5, 6, 8, 7, 12, 4, 4, 8, 8, 4, 5, 5, 6, 1)
"""How the programme's volume is shared among the clusters: relative, by index."""
