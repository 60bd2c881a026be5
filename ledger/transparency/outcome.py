"""What a verification did, step by step. Pure."""

import tarfile
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from ledger.transparency.bag import InvalidBag
from ledger.transparency.leaves import Broken
from ledger.transparency.merkle import InvalidProof
from ledger.transparency.note import InvalidNote
from ledger.transparency.tiles import NoTile

INVALID: Final = (InvalidBag, Broken, InvalidNote, InvalidProof, NoTile, OSError, tarfile.TarError)
"""What is raised where something is not in order. Each text says what is wrong."""


def shown(text: object) -> str:
    """A text as a terminal may have it: what is not printable, like an escape sequence or a
    newline, is spelled out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


class Step(NamedTuple):
    """What one step did. `ok` None: it was not asked for. `checked` are those found to be in order
    before it ended. `problem`: the first thing wrong, at `position` where it has one, else 0."""

    number: int
    name: str
    ok: bool | None
    checked: int
    unit: str
    seconds: float
    said: str
    problem: str = ""
    position: int = 0

    def __str__(self) -> str:
        verdict = {True: "ok", False: "FAILED", None: "not asked"}[self.ok]
        speed = f", {self.checked / self.seconds:,.0f}/s" if self.checked and self.seconds else ""
        amount = f"{self.checked:,} {self.unit} in {self.seconds:.2f} s{speed}."
        told = shown(self.problem or self.said)
        return f"{self.number} {self.name:<12} {verdict:<9} {amount} {told}"


class Scope(NamedTuple):
    """Which facts were verified: those after a position up to the size that is signed."""

    after: int
    size: int

    def __str__(self) -> str:
        if self.after == self.size:
            return f"no facts of {self.size:,}"
        return f"facts {self.after + 1:,}-{self.size:,} of {self.size:,}"


Work = Callable[[], tuple[bool | None, int, str]]
"""One step's work: (ok, how many were checked, what there is to say). Raises INVALID."""


class Steps:
    """Takes steps in order. Valid is what has steps, none of which failed."""

    def __init__(self, told: Callable[[Step], object]) -> None:
        self.taken: list[Step] = []
        self.checked = 0
        """How far the step at work is: what is said of it should it fail."""
        self.scope: Scope | None = None
        self._told = told

    def take(self, number: int, name: str, unit: str, work: Work) -> None:
        """Take a step, and tell of it."""
        began = time.perf_counter()
        ok: bool | None
        self.checked = 0
        said, problem, position = "", "", 0
        try:
            ok, checked, said = work()
        except Exception as error:  # noqa: BLE001 - whatever ends a step, it was not passed
            ok, checked, problem = False, self.checked, _problem(error)
            position = error.position if isinstance(error, Broken) else 0
        seconds = time.perf_counter() - began
        step = Step(number, name, ok, checked, unit, seconds, said, problem, position)
        self.taken.append(step)
        self._told(step)

    @property
    def valid(self) -> bool:
        """Whether every step that was asked for was taken and found nothing."""
        return bool(self.taken) and all(step.ok is not False for step in self.taken)

    @property
    def not_shown(self) -> list[Step]:
        """The steps that were not asked for, or could not be: what they would show is open."""
        return [step for step in self.taken if step.ok is None]

    @property
    def verdict(self) -> str:
        """The last line: for which facts it is valid and what is not shown; or the first thing
        wrong, by position, else by step."""
        failed = [step for step in self.taken if step.ok is False]
        if failed:
            located = [step for step in failed if step.position]
            wrong = min(located, key=lambda step: step.position, default=failed[0])
            return f"NOT VALID. Step {wrong.number}, {wrong.name}: {shown(wrong.problem)}"
        if not self.taken:
            return "NOT VALID: nothing was checked."
        left = ", ".join(f"step {step.number} ({step.name})" for step in self.not_shown)
        what = "VALID" if self.scope is None else f"VALID for {self.scope}"
        return f"{what}; NOT shown: {left}." if left else f"{what}."

    def json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "valid": self.valid,
            "verdict": self.verdict,
            "facts": None if self.scope is None else self.scope._asdict(),
            "not_shown": [step.number for step in self.not_shown],
            "steps": [step._asdict() for step in self.taken],
        }


def _problem(error: Exception) -> str:
    if isinstance(error, INVALID):
        return str(error)
    return f"It could not be finished, so nothing is shown ({type(error).__name__}: {error})."
