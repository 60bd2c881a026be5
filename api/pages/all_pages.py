"""Every page's line in the table of routes."""

from typing import Final

from api.contract import Route
from api.pages import clusters, signing

ROUTES: Final[tuple[Route, ...]] = (*clusters.ROUTES, *signing.ROUTES)
