"""Every page's line in the table of routes."""

from typing import Final

from api.contract import Route
from api.pages import (
    activities,
    clusters,
    correcting,
    legal,
    method,
    one_figure,
    operations,
    organisations,
    overview,
    projects,
    reports,
    restating,
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
    *restating.ROUTES,
    *method.ROUTES,
    *one_figure.ROUTES,
    *operations.ROUTES,
    *legal.ROUTES,
    *signing.ROUTES,
)
