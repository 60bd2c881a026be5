"""Every page's line in the table of routes."""

from typing import Final

from api.contract import Route
from api.pages import (
    activities,
    clusters,
    correcting,
    legal,
    method,
    operations,
    organisations,
    overview,
    projects,
    reports,
    searching,
    signing,
    trail,
)

ROUTES: Final[tuple[Route, ...]] = (
    *overview.ROUTES,
    *clusters.ROUTES,
    *organisations.ROUTES,
    *activities.ROUTES,
    *projects.ROUTES,
    *trail.ROUTES,
    *correcting.ROUTES,
    *searching.ROUTES,
    *reports.ROUTES,
    *method.ROUTES,
    *operations.ROUTES,
    *legal.ROUTES,
    *signing.ROUTES,
)
