"""Log lines: where they go, and that saying something never ends whoever says it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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
