"""What the writer keeps from batch to batch of what it looked up: as long as it is in use."""

from typing import Generic, TypeVar

V = TypeVar("V")


class Kept(Generic[V]):
    """Values by number, in two generations, so that nobody counts uses.

    What is put or asked for is young. `age`, between two batches, makes the young ones old once
    they are `most`, and lets go of the old ones, which nobody asked for since. So at most twice as
    many are kept, and a batch's.
    """

    __slots__ = ("_most", "_old", "_young")

    def __init__(self, most: int) -> None:
        self._most = most
        self._young: dict[int, V] = {}
        self._old: dict[int, V] = {}

    def get(self, number: int) -> V | None:
        """The value of a number, which is in use from now on; None where none is kept."""
        found = self._young.get(number)
        if found is None and (found := self._old.pop(number, None)) is not None:
            self._young[number] = found
        return found

    def put(self, number: int, value: V) -> None:
        """Keep a value, instead of another of this number."""
        self._young[number] = value

    def drop(self, number: int) -> None:
        """Keep no value of this number."""
        self._young.pop(number, None)
        self._old.pop(number, None)

    def clear(self) -> None:
        """Keep nothing."""
        self._young.clear()
        self._old.clear()

    def age(self) -> None:
        """Let go of what was not in use for long, if there is too much."""
        if len(self._young) > self._most:
            self._old, self._young = self._young, {}
