"""Work in processes of its own, so that one measurement's memory and threads are not another's."""

import multiprocessing
import os
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Event, Thread
from typing import Any, TypeVar

from tests.bench.rows import Failed

_SPAWN = multiprocessing.get_context("spawn")
T = TypeVar("T")


def apart(function: Callable[..., T], *args: Any) -> tuple[T, int]:
    """What a function of a module says in a new process, and that process's peak bytes."""
    here, there = _SPAWN.Pipe()
    child = _SPAWN.Process(target=_call, args=(there, function, args))
    child.start()
    there.close()
    try:
        answer, peak_bytes = here.recv()
    except EOFError as error:
        child.join()
        raise Failed(f"{function.__name__} ended with exit code {child.exitcode}") from error
    child.join()
    if isinstance(answer, Exception):
        raise answer
    return answer, peak_bytes


def _call(pipe: Connection, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    try:
        answer = function(*args)
    except Exception as error:  # noqa: BLE001 - the edge of a process: the parent raises it
        answer = Failed(f"{function.__name__}: {type(error).__name__}: {error}")
    # What getrusage says of oneself includes what the parent had when it began this process.
    pipe.send((answer, _peak_bytes(os.getpid()) or peak_bytes(resource.RUSAGE_SELF)))


def peak_bytes(whose: int) -> int:
    """The most that this process had in memory at a time, or any of its children that ended."""
    return resource.getrusage(whose).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@contextmanager
def beside(function: Callable[..., None], *args: Any) -> Iterator[int]:
    """A server in a process of its own; it tells its port through the pipe it gets first."""
    here, there = _SPAWN.Pipe()
    child = _SPAWN.Process(target=function, args=(there, *args), daemon=True)
    child.start()
    there.close()
    try:
        yield here.recv()
    finally:
        child.terminate()
        child.join()


class Watch:
    """The peak resident bytes of processes and all their descendants, by name; Linux only.

    A PostgreSQL process's number includes the shared buffers it touched.
    """

    def __init__(self) -> None:
        self.peaks: dict[str, int] = {}
        self._roots: dict[str, int] = {}
        self._stop = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def follow(self, name: str, pid: int) -> None:
        """From now on, until it ends."""
        self._roots[name] = pid

    def note(self, name: str, peak_bytes: int) -> None:
        """A process that told its own peak."""
        self.peaks[name] = max(self.peaks.get(name, 0), peak_bytes)

    def close(self) -> None:
        """Look a last time, then no more."""
        self._stop.set()
        self._thread.join()
        self._look()

    def _run(self) -> None:
        while not self._stop.wait(0.5):
            self._look()

    def _look(self) -> None:
        children = _children()
        for name, root in list(self._roots.items()):
            waiting = [root]
            while waiting:
                pid = waiting.pop()
                waiting += children.get(pid, [])
                self.note(name, _peak_bytes(pid))


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue  # it ended meanwhile
        found.setdefault(parent, []).append(int(stat.parent.name))
    return found


def _peak_bytes(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    lines = (line.split() for line in status.splitlines() if line.startswith("VmHWM"))
    return next((int(line[1]) * 1024 for line in lines), 0)
