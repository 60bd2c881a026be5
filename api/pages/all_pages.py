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
    projects,
    searching,
    signing,
    trail,
)

ROUTES: Final[tuple[Route, ...]] = (
    *clusters.ROUTES,
    *organisations.ROUTES,
    *activities.ROUTES,
    *projects.ROUTES,
    *trail.ROUTES,
    *correcting.ROUTES,
    *searching.ROUTES,
    *method.ROUTES,
    *operations.ROUTES,
    *legal.ROUTES,
    *signing.ROUTES,
)
