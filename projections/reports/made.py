"""What making reports again came to: for a process that need not know how it is done."""

from typing import NamedTuple


class Made(NamedTuple):
    """How many filings were made again, of how many facts, and the seconds it took to load them."""

    reports: int
    facts: int
    seconds: float


class NotMade(NamedTuple):
    """Why there is no answer; `position` 0 where it has none."""

    position: int
    why: str
