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
RATED_FROM: Final = 100
"""So many of a unit have a rate: of one report, which took seconds, 0/s would be said."""


def shown(text: object) -> str:
    """A text as a terminal may have it: what is not printable, like an escape sequence or a
    newline, is spelled out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def sentence_of(error: Exception) -> str:
    """What an error says to a person; of the system's, the file first."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}."
    return str(error)


def unput(error: Exception) -> str:
    """The last line where no step was taken: what is wrong with the bundle, or which file could not
    be read, which shows nothing."""
    verdict = "NOT VERIFIED" if isinstance(error, OSError) else "NOT VALID"
    return f"{verdict}. {shown(sentence_of(error))}"


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
        many = self.checked >= RATED_FROM and self.seconds
        speed = f", {self.checked / self.seconds:,.0f}/s" if many else ""
        unit = self.unit.removesuffix("s") if self.checked == 1 else self.unit
        amount = f"{self.checked:,} {unit} in {self.seconds:.2f} s{speed}."
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


Taken = tuple[bool | None, int, str]
"""What came of a step: (ok, how many were checked, what there is to say)."""
Work = Callable[[], Taken]
"""One step's work. Raises INVALID."""


def unasked(why: str) -> Work:
    """A step that is not taken."""
    return lambda: (None, 0, why)


class Steps:
    """Takes steps in order. Valid is what has a scope and no step that failed."""

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
        """Whether every step that was asked for was taken and found nothing, and what is signed was
        among it."""
        return self.scope is not None and not self.failed

    @property
    def failed(self) -> list[Step]:
        """The steps that found something, or could not be taken."""
        return [step for step in self.taken if step.ok is False]

    @property
    def exit_code(self) -> int:
        """Of the command. 0: valid; 1: not valid; 2: the question could not be put."""
        return 0 if self.valid else 1 if self.failed else 2

    @property
    def not_shown(self) -> list[Step]:
        """The steps that were not asked for, or could not be: what they would show is open."""
        return [step for step in self.taken if step.ok is None]

    @property
    def verdict(self) -> str:
        """The last line: for which facts it is valid and what is not shown; or the first thing
        wrong, by position, else by step."""
        if self.failed:
            located = [step for step in self.failed if step.position]
            wrong = min(located, key=lambda step: step.position, default=self.failed[0])
            return f"NOT VALID. Step {wrong.number}, {wrong.name}: {shown(wrong.problem)}"
        if self.scope is None:
            why = next((step.said for step in self.not_shown), "Nothing was checked.")
            return f"NOT VERIFIED. {why}"
        left = ", ".join(f"step {step.number} ({step.name})" for step in self.not_shown)
        return f"VALID for {self.scope}" + (f"; NOT shown: {left}." if left else ".")

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
        return sentence_of(error)
    return f"It could not be finished, so nothing is shown ({type(error).__name__}: {error})."
