"""What a person at a terminal sees while a command works, and where it cannot be carried out."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class CommandError(Exception):
    """A command that cannot be carried out; the text says what to do."""


@contextmanager
def progress_bar(what: str, total: int | None, *, quiet: bool) -> Iterator[Any]:
    """A progress bar on standard error: `advance(n)` and `update(completed=, total=)`."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=quiet, transient=False) as bar:
        task = bar.add_task(what, total=total, rate="")
        yield Bar(bar, task)


class Bar:
    """One task of a progress bar."""

    def __init__(self, bar: Progress, task: Any) -> None:
        self._bar = bar
        self._task = task

    def advance(self, steps: int) -> None:
        """So many more are done."""
        self._bar.advance(self._task, steps)
        speed = self._bar.tasks[self._task].speed
        if speed:
            self._bar.update(self._task, rate=f"{speed:,.0f}/s")

    def update(self, completed: int, total: int) -> None:
        """So many of so many are done."""
        self._bar.update(self._task, completed=completed, total=total)
