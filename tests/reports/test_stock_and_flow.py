"""The balance of the members: opening + what happened = closing."""

from __future__ import annotations

from tests.figures.history import History, uid
from tests.reports.programme import joint_programme
from tests.reports.test_reports import made, table


def test_the_stock_balances_through_every_kind_of_change(past: History) -> None:
    """2 at first, 2 join, 1 rejoins, 2 leave, 1 merges into another: 2 at the end."""
    joint_programme(past)  # a and uni were members before 2018, b joins
    past.company("d", "e")
    past.member("d", "wood", "2018-02-01")
    past.post(
        "membership.ended",
        organisation_id=uid("uni"),
        cluster="food",
        last_day="2018-03-31",
        cause="resigned",
    )
    past.member("uni", "wood", "2018-06-01", "2018-08-31")
    past.post(
        "organisation.merged",
        organisation_id=uid("d"),
        into=uid("b"),
        effective_on="2018-10-01",
    )
    report = made(past, "stock_and_flow")
    expected = {
        "opening": 2,
        "joins": 2,
        "rejoins": 1,
        "leavers": 2,
        "mergers_in_stock": 1,
        "closing": 2,
        "difference": 0,
    }
    whole = table(report, "period")
    ids = [column.id for column in whole.columns]
    assert dict(zip(ids, whole.rows[0], strict=True)) == expected
    years = table(report, "years")
    assert years.rows == (("2018", *expected.values()),)
