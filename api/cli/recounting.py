"""Step 6 of `verify`: a second engine's figures, in a process of its own beside the other steps.

It reads the facts itself, where the checkpoint is signed, and is ended with whoever asked, or where
another step failed. What goes wrong in it is told by step 6, and by no other.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from types import TracebackType
from typing import Final, Self

from ledger.transparency.bag import FACTS
from ledger.transparency.leaves import Broken, Published
from ledger.transparency.note import InvalidNote
from ledger.transparency.outcome import Step, Steps, Taken
from ledger.transparency.verifier import Verifier
from ledger.transparency.verify import verified
from projections.reports.made import Made, NotMade


def verify_bundle(
    path: Path,
    keys: Sequence[str],
    held: Path | None,
    told: Callable[[Step], object],
    *,
    after: int | None = None,
    quiet: bool = True,
) -> Steps:
    """Every step on a bundle. Raises INVALID where it cannot even be opened."""
    with (
        Beside(path, quiet=quiet) as recount,
        verified(path, keys, held, told, recount, after=after) as verifier,
    ):
        return verifier.steps


class NotRecounted(OSError):
    """The figures could not be recomputed, so nothing is shown of them: {why}"""

    def __init__(self, why: object) -> None:
        super().__init__((type(self).__doc__ or "").format(why=why))


class Beside:
    """A bundle's recount in a process of its own. A context manager: the process ends with it."""

    def __init__(self, bundle: Path, *, quiet: bool) -> None:
        self._bundle = bundle
        self._quiet = quiet
        self._stack = ExitStack()
        self._pipe: Connection | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._why = ""

    def __enter__(self) -> Self:
        """It starts, and waits for what to do. Where it cannot be started, step 6 says so."""
        try:
            self._pipe, there = Pipe()
            self._stack.enter_context(self._pipe)
            with there:
                self._process = subprocess.Popen(  # noqa: S603 - this program, no shell
                    [sys.executable, "-c", _BEGIN.format(sys.path), str(there.fileno())],
                    pass_fds=[there.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env={**_RETURNING, **os.environ},
                    process_group=0,  # Ctrl-C is for whoever asked, who ends it
                )
        except OSError as error:
            self._why = f"{error}."
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._stack.close()

    def begin(self, verifier: Verifier) -> None:
        """Let it load the facts. Its folder is ours: it goes too where the process is killed."""
        assert verifier.checkpoint is not None
        try:
            folder = TemporaryDirectory(prefix="clusterledger-verify-")
            scratch = self._stack.enter_context(folder)
            self._send((os.getpid(), self._bundle, verifier.checkpoint.origin, scratch))
        except OSError as error:
            self._why = self._why or f"{error}."

    def _send(self, said: object) -> None:
        if self._pipe is not None:
            with suppress(OSError):  # it has ended; it may have said why
                self._pipe.send(said)

    def __call__(self, verifier: Verifier) -> Taken:
        """Step 6, once the steps before it are done."""
        return figures(verifier, self._answer)

    def _answer(self, published: Sequence[Published], facts: int) -> Made:
        """What the process says. Raises Broken, NotRecounted."""
        if self._why or self._pipe is None or self._process is None:
            raise NotRecounted(self._why)
        self._send([(report.position, report.leaf) for report in published])
        try:
            with _progress(facts, quiet=self._quiet) as told:
                while isinstance(answer := self._pipe.recv(), int):
                    told(answer)
                if isinstance(answer, Made):
                    told(facts)  # what was asked of them after they were loaded is answered too
        except (EOFError, OSError) as error:
            raise NotRecounted(
                f"the process ended with code {self._process.wait()}. Is there memory, and room on"
                f" the disk ({gettempdir()})?"
            ) from error
        if isinstance(answer, NotMade):
            raise Broken(*answer) if answer.position else NotRecounted(answer.why)
        return answer  # type: ignore[no-any-return]  # our own process sends nothing else


_BEGIN: Final = """import sys
sys.path[:] = {}
from projections.reports.apart import work
work(int(sys.argv[1]))"""
"""Not by `multiprocessing`, which would import the whole command line there once more."""


_RETURNING: Final = {"MALLOC_MMAP_THRESHOLD_": str(128 << 10)}
"""What the C library was given back of large blocks goes back to the system (mallopt(3)). Left to
itself it keeps ever larger ones, 10 MB of them in a recount."""


class Within:
    """The recount of a ledger itself, in this process: it has no file that another could read."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet

    def __call__(self, verifier: Verifier) -> Taken:
        """Step 6, once the steps before it are done."""
        from projections.reports.bundled import NotRecomputed, recompute

        def made(published: Sequence[Published], facts: int) -> Made:
            assert verifier.checkpoint is not None
            try:
                with (
                    verifier.bag.open(FACTS) as file,
                    _progress(facts, quiet=self._quiet) as told,
                ):
                    asked = [(report.position, report.leaf) for report in published]
                    origin = verifier.checkpoint.origin
                    done = recompute(asked, file, origin=origin, told=told)
                    told(facts)
                    return done
            except NotRecomputed as error:
                raise Broken(error.position, error.why) from error

        return figures(verifier, made)


@contextmanager
def _progress(facts: int, *, quiet: bool) -> Iterator[Callable[[int], object]]:
    """A bar on standard error, told how many of the facts are counted."""
    from api.cli.terminal import progress_bar

    with progress_bar("figures", facts, quiet=quiet) as bar:
        yield lambda counted: bar.update(counted, facts)


def figures(verifier: Verifier, made_of: Callable[[Sequence[Published], int], Made]) -> Taken:
    """Step 6: the published reports made again from the facts, by a second engine."""
    scope, failed = verifier.steps.scope, verifier.steps.failed
    if scope is None or failed:
        raise InvalidNote(f"Cannot be checked: step {failed[0].number} failed.")
    if not verifier.published:
        return True, 0, "No report was published in these facts."
    if verifier.after:
        return None, 0, "This bundle holds a range, and a report needs all facts before it."
    made = made_of(verifier.published, scope.size)
    loaded = f"{made.facts:,} facts, loaded in {made.seconds:.2f} s"
    return True, made.reports, f"Recomputed by a second engine from {loaded}: the digests agree."
