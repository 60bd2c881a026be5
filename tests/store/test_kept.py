"""What is in use stays, what is not goes, and there is never more than twice the limit."""

from __future__ import annotations

from ledger.store.kept import Kept


def filled(most: int, values: int) -> Kept[int]:
    kept: Kept[int] = Kept(most)
    for number in range(values):
        kept.put(number, number)
        kept.age()
    return kept


def test_what_was_put_is_kept() -> None:
    kept = filled(10, 5)
    assert [kept.get(number) for number in range(6)] == [0, 1, 2, 3, 4, None]


def test_what_nobody_asks_for_goes() -> None:
    kept = filled(10, 100)
    assert kept.get(0) is None
    assert sum(kept.get(number) is not None for number in range(100)) <= 21


def test_what_is_asked_for_stays() -> None:
    kept: Kept[int] = Kept(10)
    kept.put(0, 0)
    for number in range(1, 100):
        kept.put(number, number)
        assert kept.get(0) == 0
        kept.age()


def test_a_value_takes_the_place_of_an_old_one() -> None:
    kept = filled(1, 2)
    kept.put(0, 7)
    assert kept.get(0) == 7


def test_what_is_dropped_is_gone_young_or_old() -> None:
    kept = filled(3, 5)
    for number in range(5):
        kept.drop(number)
        assert kept.get(number) is None


def test_nothing_is_left_after_clearing() -> None:
    kept = filled(3, 5)
    kept.clear()
    assert [kept.get(number) for number in range(5)] == [None] * 5
