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


class Step(NamedTuple):
    """What one step did. `ok` None: it was not asked for. `problem`: the first thing wrong."""

    number: int
    name: str
    ok: bool | None
    checked: int
    unit: str
    seconds: float
    said: str
    problem: str = ""

    def __str__(self) -> str:
        verdict = {True: "ok", False: "FAILED", None: "not asked"}[self.ok]
        speed = f", {self.checked / self.seconds:,.0f}/s" if self.checked and self.seconds else ""
        amount = f"{self.checked:,} {self.unit} in {self.seconds:.2f} s{speed}."
        return f"{self.number} {self.name:<12} {verdict:<9} {amount} {self.problem or self.said}"


Work = Callable[[], tuple[bool | None, int, str]]
"""One step's work: (ok, how many were checked, what there is to say). Raises INVALID."""


class Steps:
    """Takes steps in order. Valid is what has steps, none of which failed."""

    def __init__(self, told: Callable[[Step], object]) -> None:
        self.taken: list[Step] = []
        self._told = told

    def take(self, number: int, name: str, unit: str, work: Work) -> None:
        """Take a step, and tell of it."""
        began = time.perf_counter()
        ok: bool | None
        try:
            ok, checked, said = work()
            problem = ""
        except INVALID as error:
            ok, checked, said, problem = False, 0, "", str(error)
        seconds = time.perf_counter() - began
        step = Step(number, name, ok, checked, unit, seconds, said, problem)
        self.taken.append(step)
        self._told(step)

    @property
    def valid(self) -> bool:
        """Whether every step that was asked for was taken and found nothing."""
        return bool(self.taken) and all(step.ok is not False for step in self.taken)

    @property
    def verdict(self) -> str:
        """The last line: the first failure, or rather the first that names a position."""
        failed = [step for step in self.taken if step.ok is False]
        if failed:
            located = (step for step in failed if step.problem.startswith("position "))
            wrong = next(located, failed[0])
            return f"NOT VALID. Step {wrong.number}, {wrong.name}: {wrong.problem}"
        return "VALID." if self.valid else "NOT VALID: nothing was checked."

    def json(self) -> dict[str, Any]:
        """For machines."""
        return {"valid": self.valid, "steps": [step._asdict() for step in self.taken]}
