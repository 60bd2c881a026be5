"""Which facts of a subject stand, as the second opinion has it."""

from __future__ import annotations

from projections.recount.reducer import ALWAYS, Fact, standing


def test_a_void_takes_its_target_wherever_that_stands() -> None:
    """No ledger takes a void before its target; in a forged one both engines say the same."""
    void = Fact(1, "fact.voided.v1", "//a", "void", {"target": "x"}, ALWAYS)
    target, other, earlier = (
        Fact(position, "organisation.renamed.v1", "//a", id, {}, day)
        for position, id, day in ((2, "x", "2020-01-01"), (3, "y", "2020-01-01"), (4, "z", "2019"))
    )
    assert standing([void, target, other, earlier]) == [earlier, other]


def test_a_void_of_an_attendance_takes_what_was_before_it_alone() -> None:
    before, after = (
        Fact(position, "attendance.recorded.v1", "//a", id, {}, ALWAYS)
        for position, id in ((1, "x"), (3, "y"))
    )
    void = Fact(2, "attendance.voided.v1", "//a", "void", {}, ALWAYS)
    assert standing([before, void, after]) == [after]
