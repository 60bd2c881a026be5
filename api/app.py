"""Wiring: the route table and its state as one aiohttp application."""

from collections.abc import AsyncIterator, Callable
from typing import Final

from aiohttp import web

from api import metrics, streams
from api.contract import Route
from api.counting import Counts
from api.dispatch import add_routes, edge
from api.kept_figures import FIGURES, Figures
from api.limits import Limiter
from api.pages import all_pages, background, cluster_years, one_figure, overview
from api.pages.once import Once
from api.requests import BODY_BYTES_MAX
from api.routes import (
    assets,
    bundle,
    documents,
    facts,
    figures,
    filing,
    live,
    log,
    operations,
    report_files,
    restatements,
    trail,
    views,
)
from api.settings import Settings
from api.state import STATE, State

ROUTES: Final[tuple[Route, ...]] = (
    *facts.ROUTES,
    *figures.ROUTES,
    *report_files.ROUTES,  # before filing's {position}, which would take "12.pdf" too
    *filing.ROUTES,
    *restatements.ROUTES,
    *live.ROUTES,
    *log.ROUTES,
    *bundle.ROUTES,
    *trail.ROUTES,
    *views.ROUTES,
    *documents.ROUTES,
    *operations.ROUTES,
    *assets.ROUTES,
    *all_pages.ROUTES,
)


def application(url: str, settings: Settings, counts: Counts | None = None) -> web.Application:
    """The service on a migrated database with a ledger in it."""
    app = web.Application(middlewares=[edge], client_max_size=BODY_BYTES_MAX)
    add_routes(app, ROUTES, Limiter(settings.rate_limit, settings.public_rate_limit))
    app[documents.DOCUMENT] = documents.document_of(ROUTES)
    app[overview.COUNTING] = overview.Counting()
    app[cluster_years.CLUSTER_YEARS] = cluster_years.ClusterYears()
    app[background.BACKGROUND] = background.Background()
    app[one_figure.BEHIND] = Once(one_figure.KEPT_MOST)
    app[FIGURES] = Figures()
    app[report_files.FILES] = report_files.Files()
    streams.install(app)
    app.cleanup_ctx.append(_open(url, settings, counts or Counts()))
    return app


def _open(
    url: str, settings: Settings, counts: Counts
) -> Callable[[web.Application], AsyncIterator[None]]:
    async def context(app: web.Application) -> AsyncIterator[None]:
        state = State(url, settings, counts)
        app[STATE] = state
        state.listen()
        scraped = None
        if settings.metrics_port is not None:
            scraped = await metrics.listen(state, settings.host, settings.metrics_port)
        yield
        if scraped is not None:
            await scraped.cleanup()
        if state.provider is not None:
            await state.provider.close()
        await state.close()

    return context
