"""Whether facts are taken: only into a database that grew from what was signed outside it."""

from __future__ import annotations

import time
from typing import Any, Final

import structlog
from psycopg import Connection

from api.problems import Problem
from ledger.transparency.memory import LogFolder, SigningRefused, demand_all_signed

log: Final = structlog.get_logger(__name__)

LOOK_EVERY_S: Final = 1.0
NOT_YET: Final = "The database was not compared yet with what was signed."


class Gate:
    """Shut until the newest checkpoint was found in the database, and while it is not there.

    Without a log folder nothing outside the database remembers, and it stands open. `despite` is
    the size of a checkpoint that the operator gives up.
    """

    def __init__(self, files: LogFolder | None, origin: str, despite: int | None = None) -> None:
        self.shut: str | None = None if files is None else NOT_YET
        """Why no facts are taken; None where they are."""
        self._files = files
        self._origin = origin
        self._despite = despite
        self._look_at = 0.0

    def compare(self, conn: Connection[Any]) -> None:
        """Look at the database, after each connecting."""
        if self._files is None:
            return
        try:
            demand_all_signed(conn, self._files, self._origin, despite=self._despite)
        except SigningRefused as refusal:
            self._set(str(refusal))
        except OSError as error:
            # A share that is away says nothing about the database: what was found stands.
            self._set(str(error) if self.shut == NOT_YET else self.shut)
        else:
            self._set(None)

    def follow(self, conn: Connection[Any]) -> None:
        """Look again, at most once a second, while it is shut or the signer refuses."""
        if self._files is None or time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_EVERY_S
        if self.shut is not None or self._files.refused() is not None:
            self.compare(conn)

    def doubt(self) -> None:
        """The connection broke: what answers next may be another database, such as a standby that
        lagged. Nothing is taken until that was compared."""
        if self._files is not None and self.shut is None:
            self.shut = NOT_YET

    def demand(self) -> None:
        """Raises Problem `not_as_signed` while it is shut, `unavailable` until it was compared."""
        if self.shut == NOT_YET:
            raise Problem("unavailable", NOT_YET, headers={"Retry-After": "1"})
        if self.shut is not None:
            raise Problem(
                "not_as_signed",
                f"Nothing is recorded. {self.shut}",
                headers={"Retry-After": "30"},
            )

    def _set(self, why: str | None) -> None:
        if why is not None and why != self.shut:
            log.error("writes_refused", why=why)
        if why is None and self.shut not in {None, NOT_YET}:
            log.info("writes_resumed")
        self.shut = why
