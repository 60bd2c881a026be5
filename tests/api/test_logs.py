"""Log lines: where they go, and that saying something never ends whoever says it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from api.state import STATE
from tests.api.running import ONE, Service

CLUSTER = {"cluster": "bio", "name": "Bio", "effective_on": "2008-01-01"}
ROOT = Path(__file__).resolve().parents[2]
SAYS = """
import io, sys, structlog
from api.logs import configure
sys.stderr = first = io.StringIO()
configure()
log = structlog.get_logger()
log.info("said_first")
assert "said_first" in first.getvalue()
sys.stderr = sys.__stderr__
log.info("said_after")
sys.stderr = gone = io.StringIO()
gone.close()
{closed}
print("still here")
"""


def run(closed: str) -> subprocess.CompletedProcess[str]:
    code = SAYS.format(closed=closed)
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_a_line_goes_to_the_stderr_there_is_when_it_is_said() -> None:
    assert "said_after" in run("").stderr


def test_a_stderr_that_is_gone_ends_nobody() -> None:
    assert run("log.warning('unheard')").stdout == "still here\n"
    assert run("print('x', file=sys.stderr)").returncode != 0, "the control: it would"


def test_what_is_logged_for_a_request_names_it(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[dict[str, Any]] = []
    with capture_logs(processors=[merge_contextvars]) as events:
        monkeypatch.setattr(service.app_runner.app[STATE], "read", _broken)
        answer = service.client("admin").get("/v1/facts", headers={"X-Request-Id": "abc123"})
        said += [dict(event) for event in events]
    assert (answer.status, answer.headers["X-Request-Id"]) == (500, "abc123")
    (failed,) = (event for event in said if event["event"] == "request_failed")
    assert failed["request_id"] == "abc123"


async def _broken(*_: Any) -> None:
    raise ZeroDivisionError


def test_a_batch_that_failed_is_logged_with_its_ids(service: Service) -> None:
    event = service.event("cluster.registered.v1", CLUSTER) | {"correlationid": "import-7"}
    with psycopg.connect(service.url, autocommit=True) as conn:
        conn.execute("ALTER TABLE ledger.mention RENAME TO hidden")
    with capture_logs() as events:
        answer = service.client("admin").ask(
            "POST", "/v1/facts", headers={"Content-Type": ONE}, body=event
        )
    assert (answer.status, answer.code) == (503, "outcome_unknown")
    (failed,) = (event for event in events if event["event"] == "append_failed")
    assert (failed["ids"], failed["correlations"]) == ([event["id"]], ["import-7"])
