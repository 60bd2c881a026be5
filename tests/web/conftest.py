"""Overviews to render: one of the programme's size, and the two that have nothing to show yet."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from api.web.overview import ClusterCell, Figure, Overview, Period, Text, YearCell
from projections.figures.disclosure import suppress

CLUSTERS = {
    "aerospace": ("Luft- und Raumfahrt", "Aerospace"),
    "automotive": ("Automotive", "Automotive"),
    "rail": ("Bahntechnik", "Rail"),
    "biotechnology": ("Biotechnologie", "Biotechnology"),
    "energy": ("Energietechnik", "Energy"),
    "forestry-wood": ("Forst und Holz", "Forestry and Wood"),
    "ict": ("Informations- und Kommunikationstechnik", "Information and Communication"),
    "power-electronics": ("Leistungselektronik", "Power Electronics"),
    "nano": ("Nanotechnologie", "Nanotechnology"),
}
YEARS = range(2006, 2026)


def figure(id: str, title: tuple[str, str], value: int, *, years_add_up: bool) -> Figure:
    by_year = [0, 2, *(value * (year - 2005) // 260 for year in YEARS[2:])]
    by_cluster = [1, *(value * share // 100 for share in (19, 4, 8, 14, 11, 17, 15, 13))]
    shown_years = suppress(by_year, total_published=years_add_up)
    shown_clusters = suppress(by_cluster)
    return Figure(
        id=id,
        definition=f"{id}@1",
        title=Text(de=title[0], en=title[1]),
        sentence=Text(
            de="Verschiedene Einrichtungen der Art Unternehmen mit mindestens einem Mitgliedstag, "
            "einer namentlichen Teilnahme oder einer laufenden Projektbeteiligung im Zeitraum.",
            en="Distinct organisations of kind company with at least one member day, named "
            "attendance or running enrolment in the period.",
        ),
        unit=Text(de=title[0], en=title[1]),
        value=value,
        by_year=tuple(
            YearCell(year=year, value=cell) for year, cell in zip(YEARS, shown_years, strict=True)
        ),
        by_cluster=tuple(
            ClusterCell(code=code, name=Text(de=name[0], en=name[1]), value=cell)
            for (code, name), cell in zip(CLUSTERS.items(), shown_clusters, strict=True)
        ),
        joint_adjustment=value - sum(by_cluster),
        years_add_up=years_add_up,
    )


@pytest.fixture(scope="session")
def full() -> Overview:
    return Overview(
        origin="cluster-programme.example/2026",
        position=1_234_567,
        recorded_at=datetime(2026, 7, 1, 12, 30, tzinfo=UTC),
        facts_behind=1200,
        period=Period(from_day=date(2006, 1, 1), to_day=date(2025, 12, 31)),
        headline=(
            figure("companies-involved", ("Unternehmen", "Companies"), 8500, years_add_up=False),
            figure("activities", ("Veranstaltungen", "Activities"), 8012, years_add_up=True),
            figure("participations", ("Teilnahmen", "Participations"), 464_120, years_add_up=True),
            figure("projects", ("Projekte", "Projects"), 1103, years_add_up=False),
        ),
    )


@pytest.fixture(scope="session")
def empty() -> Overview:
    return Overview(
        origin="cluster-programme.example/2026",
        position=0,
        recorded_at=None,
        facts_behind=0,
        period=None,
        headline=(),
    )


@pytest.fixture(scope="session")
def first_year() -> Overview:
    """Facts are there, but no calendar year is over."""
    return Overview(
        origin="cluster-programme.example/2026",
        position=17,
        recorded_at=datetime(2026, 1, 15, 8, 0, tzinfo=UTC),
        facts_behind=0,
        period=None,
        headline=(),
    )
