"""The server under the application: what is no HTTP is answered as any other error is.

aiohttp answers a request that its parser refuses before an application sees it, in plain text. The
subclasses here reach into it where it offers no hook; tests/api/test_bad_input.py holds them to it
over a raw socket.
"""

from http import HTTPStatus
from typing import Any, Final

import structlog
from aiohttp import web

from api.counting import Counts
from api.dispatch import dress
from api.problems import Problem
from api.state import STATE

DETAIL_MAX: Final = 200
"""Characters of the parser's complaint: it quotes what it read."""

log: Final = structlog.get_logger(__name__)


class Runner(web.AppRunner):
    """Serves an application of ours."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(made, self.app[STATE].counts, **self._kwargs)


class _Server(web.Server):
    """One listener's connections; a protocol for each."""

    def __init__(self, made: web.Server, counts: Counts, **given: Any) -> None:
        super().__init__(made.request_handler, request_factory=made.request_factory, **given)
        self._counts = counts

    def __call__(self) -> web.RequestHandler:
        return _Protocol(self, self._counts, loop=self._loop, **self._kwargs)


class _Protocol(web.RequestHandler):
    """One connection."""

    __slots__ = ("_counts",)

    def __init__(self, manager: web.Server, counts: Counts, **given: Any) -> None:
        super().__init__(manager, **given)
        self._counts = counts

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what no handler answered; the connection ends with it."""
        if request.writer.output_size > 0:
            raise ConnectionError("half an answer is out: only a broken connection tells")
        if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            said = (message or "").strip().partition("\n")[0][:DETAIL_MAX]
            problem = Problem("malformed_request", said or "This is no HTTP request.")
        else:
            log.error("connection_failed", exc_info=exc)
            problem = Problem("internal", "The request failed here. Tell the operator.")
        self._counts.refused(problem.code)
        self._counts.answered("other", problem.status, 0.0)
        response = problem.response()
        dress(response, "")
        response.force_close()
        return response
