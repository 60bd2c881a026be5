"""Every page's line in the table of routes."""

from typing import Final

from api.contract import Route
from api.pages import activities, clusters, organisations, projects, searching, signing

ROUTES: Final[tuple[Route, ...]] = (
    *clusters.ROUTES,
    *organisations.ROUTES,
    *activities.ROUTES,
    *projects.ROUTES,
    *searching.ROUTES,
    *signing.ROUTES,
)
