"""A step's line, as an auditor reads it."""

import pytest

from ledger.transparency.outcome import Step


@pytest.mark.parametrize(
    ("checked", "unit", "seconds", "amount"),
    [
        (510_907, "facts", 0.5, "510,907 facts in 0.50 s, 1,021,814/s."),
        (100, "files", 2.0, "100 files in 2.00 s, 50/s."),
        (3, "notes", 0.001, "3 notes in 0.00 s."),
        (1, "reports", 3.16, "1 report in 3.16 s."),
        (0, "checkpoints", 0.0, "0 checkpoints in 0.00 s."),
        (200, "facts", 0.0, "200 facts in 0.00 s."),
    ],
)
def test_a_step_says_how_much_it_checked_and_how_fast(
    checked: int, unit: str, seconds: float, amount: str
) -> None:
    assert amount in str(Step(3, "hashes", True, checked, unit, seconds, "They lead to the root."))
