"""What the supervisor asks of the operating system about processes."""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

# Asked when running, so that both branches are typed wherever mypy runs.
ON_LINUX = platform.system() == "Linux"
PR_SET_PDEATHSIG = 1  # linux/prctl.h
POLL_S = 0.005


def tie_to_parent() -> Callable[[], None] | None:
    """For the child, after it changed its user (which would undo it) and before it becomes
    PostgreSQL: SIGINT when the parent ends."""
    if not ON_LINUX:
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def tie() -> None:
        failed = prctl(PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
        # The parent may have ended before the request was made: then no signal will ever come.
        if failed or os.getppid() != parent:
            os._exit(1)

    return tie


def die_with(parent: int, signal_number: int = signal.SIGTERM) -> None:
    """For a child that is a Python process: the signal when its parent, by process id, ends."""
    if not ON_LINUX:
        return
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0) or os.getppid() != parent:
        os._exit(1)


def first_line_as_number(path: Path) -> int | None:
    """The process id in a lock file; 0 when it is not one, None without a file."""
    try:
        return int(path.read_text(errors="replace").split("\n", 1)[0])
    except FileNotFoundError:
        return None
    except ValueError:
        return 0  # a crash left half a file: it names nobody


def is_server_of(pid: int, cluster: Path) -> bool:
    """Whether the process is a PostgreSQL at work in this cluster."""
    if pid <= 0:
        return False
    if not ON_LINUX:
        return _looks_like_server_of(pid, cluster)
    try:
        return Path(f"/proc/{pid}/cwd").samefile(cluster)
    except OSError:
        return False


def _looks_like_server_of(pid: int, cluster: Path) -> bool:
    answer = subprocess.run(  # noqa: S603 - fixed command, no shell
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return "postgres" in answer.stdout and str(cluster) in answer.stdout


def wait_until(holds: Callable[[], bool], limit_s: float) -> bool:
    """Whether it held within the limit."""
    until = time.monotonic() + limit_s
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(POLL_S)
    return True
