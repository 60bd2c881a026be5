"""Which class counts when, shares and the unknown: each number below is counted by hand."""

from __future__ import annotations

from datetime import date

from tests.figures.history import History, uid

YEAR_2010 = {"period_from": date(2010, 1, 1), "period_to": date(2010, 12, 31)}


def company(past: History, name: str, *, kind: str = "company", **profile: str) -> None:
    past.post(
        "organisation.registered",
        organisation_id=uid(name),
        name=name,
        kind=kind,
        effective_on="2006-01-01",
        **profile,
    )


def moved(past: History, name: str, on: str, **place: str) -> int:
    return past.post("organisation.relocated", organisation_id=uid(name), effective_on=on, **place)


def grown(past: History, name: str, on: str, size: str) -> int:
    scheme = {"scheme": "size_class", "code": size}
    return past.post(
        "organisation.reclassified", organisation_id=uid(name), effective_on=on, **scheme
    )


def test_a_move_within_the_year_counts_participations_where_one_came_from(past: History) -> None:
    company(past, "A", nuts3="DE212", spatial="urban")
    moved(past, "A", "2010-07-01", nuts3="DE25A", spatial="rural")
    for day in ("2010-06-30", "2010-07-01"):
        past.activity(day, "rail", on=day)
        past.came(day, [f"ann {day}", f"bob {day}"], "A")
    assert past.table("participations", by="nuts3", **YEAR_2010) == {"DE212": (2,), "DE25A": (2,)}
    assert past.table("participations", by="nuts2", **YEAR_2010) == {"DE21": (2,), "DE25": (2,)}
    assert past.numbers("rural_share", of="participations", **YEAR_2010) == (2, 4, 0)
    assert past.table("organisations_involved", by="nuts3", **YEAR_2010) == {"DE25A": (1,)}


def test_stocks_use_the_reference_days_class(past: History) -> None:
    company(past, "A", size_class="small", nuts3="DE212", spatial="urban")
    past.member("A", "rail", "2009-01-01")
    grown(past, "A", "2010-07-01", "large")
    before, after = date(2010, 6, 30), date(2010, 7, 1)
    assert past.table("members", by="size_class", period_to=before) == {"small": (1,)}
    assert past.table("members", by="size_class", period_to=after) == {"large": (1,)}
    assert past.numbers("sme_share", period_to=before) == (1, 1, 0)
    assert past.numbers("sme_share", period_to=after) == (0, 1, 0)


def test_a_table_by_a_closed_list_has_every_code_and_the_unknown(past: History) -> None:
    company(past, "A", size_class="small")
    company(past, "B")
    past.member("A", "rail", "2009-01-01")
    past.member("B", "rail", "2009-01-01")
    assert past.rows("members", by="size_class") == {
        "large": 0,
        "medium": 0,
        "micro": 0,
        "small": 1,
        "sme": 0,
        "unknown": 1,
    }


def test_sme_shares_count_companies_only_and_rural_shares_everybody(past: History) -> None:
    company(past, "small", size_class="small", nuts3="DE212", spatial="urban")
    company(past, "large", size_class="large", nuts3="DE25A", spatial="rural")
    company(past, "unsized")
    company(
        past, "university", kind="university", size_class="large", nuts3="DE25A", spatial="rural"
    )
    for name in ("small", "large", "unsized", "university"):
        past.member(name, "rail", "2009-01-01")
    assert past.numbers("sme_share") == (1, 2, 1)
    assert past.numbers("rural_share") == (2, 3, 1)
    assert past.numbers("sme_share", of="involved") == (1, 2, 1)
    assert past.table("sme_share", by="nuts3") == {
        "DE212": (1, 1, 0),
        "DE25A": (0, 1, 0),
        "unknown": (0, 0, 1),
    }


def test_a_move_without_a_place_makes_the_area_unknown(past: History) -> None:
    company(past, "A", nuts3="DE25A", spatial="rural")
    past.member("A", "rail", "2009-01-01")
    moved(past, "A", "2010-07-01", nuts3="DE212")
    assert past.numbers("rural_share", period_to=date(2010, 6, 30)) == (1, 1, 0)
    assert past.numbers("rural_share", period_to=date(2010, 7, 1)) == (0, 0, 1)


def test_head_counts_and_attendees_of_nobody_are_unknown(past: History) -> None:
    company(past, "A", size_class="small")
    past.activity("fair", "rail", "food", on="2010-05-01")
    past.came("fair", ["ann", "bob"], "A")
    past.came("fair", ["cem"])
    past.headcount("fair", 10, "total")
    assert past.table("participations", by="kind") == {"company": (2,), "unknown": (8,)}
    assert past.numbers("sme_share", of="participations") == (2, 2, 8)
    table = past.figure("sme_share", of="participations", by="cluster")
    assert [(row.key, row.numerator) for row in table.rows] == [
        ("food", 2),
        ("rail", 2),
        ("wood", 0),
    ]
    assert table.joint_adjustment.numerator == -2
    assert table.joint_adjustment.unknown == -8


def test_a_person_under_two_references_comes_for_the_smaller_references_organisation(
    past: History,
) -> None:
    company(past, "A")
    company(past, "U", kind="university")
    past.activity("fair", "rail", on="2010-05-01")
    first, second = sorted(("ann", "ann again"), key=lambda name: str(uid(name)))
    past.came("fair", [first], "A")
    past.came("fair", [second], "U")
    before = past.head
    past.post("person.marked_duplicate", person_ref=uid(first), of=uid(second))
    assert past.table("participations", by="kind", known_at=before) == {
        "company": (1,),
        "university": (1,),
    }
    assert past.table("participations", by="kind") == {"company": (1,)}


def test_an_activitys_own_classes_are_its_place_kind_and_mode(past: History) -> None:
    past.activity("fair", "rail", on="2010-05-01")
    past.post("activity.changed", activity_id=uid("fair"), nuts3="DE212")
    past.activity("online", "rail", on="2010-05-01")
    assert past.table("activities", by="activity_nuts2") == {"DE21": (1,), "unknown": (1,)}
    assert past.table("activities", by="activity_kind") == {"conference": (2,)}
    assert past.rows("activities", by="mode") == {
        "hybrid": 0,
        "online": 0,
        "onsite": 2,
        "unknown": 0,
    }


def test_tables_by_class_of_what_joins_leaves_stays_and_takes_part(past: History) -> None:
    company(past, "A", size_class="small", nuts3="DE211")
    company(past, "B", size_class="large", nuts3="DE271")
    company(past, "U", kind="university", nuts3="DE211")
    past.member("A", "rail", "2010-01-01")
    past.member("B", "rail", "2009-01-01", last_day="2010-06-30")
    past.member("U", "rail", "2009-01-01")
    past.project("tram", "rail", on="2010-03-01")
    past.enrolled("tram", "A", "2010-03-01")
    past.enrolled("tram", "U", "2010-03-01")
    moved(past, "A", "2010-07-01", nuts3="DE273")
    by = {
        (figure, by): past.table(figure, by=by, **YEAR_2010)
        for figure in (
            "joins", "leavers", "first_time_organisations", "newly_engaged_with_research",
            "companies_involved", "enrolments", "retention",
        )
        for by in ("size_class", "nuts2")
    }  # fmt: skip
    assert by == {
        ("joins", "size_class"): {"small": (1,)},
        ("joins", "nuts2"): {"DE27": (1,)},
        ("leavers", "size_class"): {"large": (1,)},
        ("leavers", "nuts2"): {"DE27": (1,)},
        ("first_time_organisations", "size_class"): {"small": (1,)},
        ("first_time_organisations", "nuts2"): {"DE27": (1,)},
        ("newly_engaged_with_research", "size_class"): {"small": (1,)},
        ("newly_engaged_with_research", "nuts2"): {"DE27": (1,)},
        ("companies_involved", "size_class"): {"large": (1,), "small": (1,)},
        ("companies_involved", "nuts2"): {"DE27": (2,)},
        ("enrolments", "size_class"): {"small": (1,), "unknown": (1,)},
        ("enrolments", "nuts2"): {"DE21": (2,)},  # as on the first day of each pair
        ("retention", "size_class"): {"large": (0, 1, 0), "unknown": (1, 1, 0)},
        ("retention", "nuts2"): {"DE21": (1, 1, 0), "DE27": (0, 1, 0)},
    }
