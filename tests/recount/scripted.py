"""One programme without chance: every type of fact, recorded or the test fails.

What makes counting hard is in it: a duplicate marked and reverted, mergers, one heir dissolved, a
cluster and an organisation that end on their first day, moves, a rejoin, joint activities with
different leads, a list after a head-count, voids, a person under two references.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from tests.figures.history import uid
from tests.recount.random_programme import SHA256, Teller

SCRIPTED_UNTIL: Final = date(2021, 6, 30)
_START: Final = "2020-01-01"


def script(teller: Teller) -> None:
    """Tells everything. Raises Refused where the ledger refuses a line of it."""
    _founded(teller)
    _who_is_who(teller)
    _members(teller)
    _activities(teller)
    _projects(teller)
    _ends(teller)
    _papers(teller)


def _org(name: str) -> dict[str, Any]:
    return {"organisation_id": uid(name)}


def _founded(t: Teller) -> None:
    for code in ("rail", "food", "wood"):
        t.post("cluster.registered", cluster=code, name=code.title(), effective_on=_START)
    t.post("cluster.registered", cluster="sea", name="Sea", effective_on="2020-03-01")
    t.post("cluster.renamed", cluster="food", name="Food and drink", effective_on="2020-04-01")
    for name, kind, more in (
        ("a", "company", {"nuts3": "DE211", "spatial": "urban", "size_class": "small"}),
        ("b", "company", {"nuts3": "DE212", "size_class": "large"}),
        ("c", "company", {"spatial": "rural"}),
        ("d", "company", {}),
        ("u", "university", {"nuts3": "DE271", "spatial": "urban"}),
        ("r", "research_institute", {}),
        ("left", "company", {"size_class": "micro"}),
    ):
        t.post(
            "organisation.registered", **_org(name), name=name, kind=kind, effective_on=_START,
            **more,
        )  # fmt: skip
    t.post(
        "organisation.registered", **_org("brief"), name="b", kind="company", effective_on=_START
    )


def _who_is_who(t: Teller) -> None:
    t.post("organisation.renamed", **_org("b"), name="B AG", effective_on="2020-05-01")
    t.post("organisation.identified", **_org("a"), identifiers=["hrb:München 1"])
    t.post("organisation.relocated", **_org("a"), nuts3="DE271", effective_on="2020-07-01")
    t.post(
        "organisation.reclassified", **_org("a"), scheme="size_class", code="medium",
        effective_on="2020-09-01",
    )  # fmt: skip
    t.post("organisation.split", **_org("d"), into=[uid("left")], effective_on="2020-08-01")
    t.post("organisation.marked_duplicate", **_org("c"), of=uid("b"), reason="same")


def _members(t: Teller) -> None:
    rail, food, wood = ({"cluster": code} for code in ("rail", "food", "wood"))
    t.post("membership.applied", **_org("a"), **rail, effective_on=_START)
    t.post("membership.admitted", **_org("a"), **rail, effective_on="2020-02-01")
    t.post(
        "membership.category_changed", **_org("a"), **rail, category="x", effective_on="2020-03-01"
    )
    t.post("membership.suspended", **_org("a"), **rail, effective_on="2020-04-01")
    t.post("membership.reinstated", **_org("a"), **rail, effective_on="2020-05-01")
    t.post("membership.applied", **_org("d"), **wood, effective_on=_START)
    t.post(
        "membership.application_closed", **_org("d"), **wood, effective_on="2020-02-01",
        outcome="declined",
    )  # fmt: skip
    for name, where, on in (
        ("b", food, "2020-02-01"), ("c", food, "2020-06-01"), ("d", rail, "2020-01-15"),
        ("u", wood, "2020-01-15"), ("brief", wood, _START), ("d", food, "2020-05-01"),
    ):  # fmt: skip
        t.post("membership.admitted", **_org(name), **where, effective_on=on)
    t.post("membership.admitted", **_org("d"), cluster="sea", effective_on="2020-03-01")
    t.post("membership.ended", **_org("u"), **wood, last_day="2020-04-30", cause="resigned")
    t.post("membership.admitted", **_org("u"), **wood, effective_on="2020-08-01")
    t.post("organisation.duplicate_reverted", **_org("c"), reason="two")


def _activities(t: Teller) -> None:
    for name, lead, on in (
        ("fair", ["rail", "food"], "2020-03-10"), ("talk", ["food", "rail"], "2020-10-10"),
        ("walk", ["wood"], "2021-02-10"), ("off", ["wood"], "2020-06-10"),
    ):  # fmt: skip
        t.post(
            "activity.scheduled", activity_id=uid(name), title=name, kind="fair", mode="hybrid",
            organisers=lead, starts_on=on, ends_on=on,
        )  # fmt: skip
    fair, talk, walk, off = ({"activity_id": uid(n)} for n in ("fair", "talk", "walk", "off"))
    t.post("activity.rescheduled", **walk, starts_on="2021-03-10", ends_on="2021-03-10")
    t.post("activity.changed", **walk, organisers=["wood", "food"], nuts3="DE212")
    t.post("activity.cancelled", **off)
    for which, on in ((fair, "2020-03-10"), (talk, "2020-10-10"), (walk, "2021-03-10")):
        t.post("activity.held", **which, held_on=on)
    for person, what in (
        ("ann", "recorded"), ("ann 2", "recorded"), ("bob", "registered"), ("cem", "registered"),
        ("dia", "recorded"),
    ):  # fmt: skip
        sent = _org("a") if person in {"ann 2", "dia"} else {}
        t.post(f"attendance.{what}", **fair, person_ref=uid(person), **sent)
    t.post("attendance.withdrawn", **fair, person_ref=uid("cem"))
    t.post("attendance.recorded", **talk, person_ref=uid("ann"), **_org("d"))
    t.post("attendance.recorded", **talk, person_ref=uid("dia"), **_org("c"))
    t.post("attendance.voided", **talk, person_ref=uid("dia"), reason="wrong")
    t.post("person.sealed", person_ref=uid("ann"), pdc=SHA256)
    t.post("person.marked_duplicate", person_ref=uid("ann 2"), of=uid("ann"))
    t.post("person.erased", person_ref=uid("ann"), legal_basis="art-17")
    t.post("headcount.recorded", **fair, count=9, scope="total")
    t.post("headcount.recorded", **walk, count=5, scope="unlisted")
    t.post("attendance_list.imported", **fair, sha256=SHA256, rows=3, complete=True)
    t.post("headcount.recorded", **fair, count=2, scope="unlisted")
    t.post("fact.voided", target=f"f{t.head}", reason="wrong")


def _projects(t: Teller) -> None:
    for name, clusters in (("tram", ["rail", "wood"]), ("bread", ["food"])):
        key = {"project_id": uid(name)}
        t.post("project.proposed", **key, title=name, clusters=clusters, effective_on=_START)
        terms = {"volume_cents": 900, "grant_cents": 400}
        t.post("project.approved", **key, **terms, effective_on="2020-02-15")
        t.post("project.started", **key, effective_on="2020-03-01")
        for role, org, on in (
            ("lead", "a", "2020-03-01"), ("partner", "d", "2020-03-01"),
            ("partner", "u" if name == "tram" else "r", "2020-06-01"),
        ):  # fmt: skip
            part = {"role": role, "effective_on": on}
            t.post("enrolment.started", **key, **_org(org), **part)
    tram = {"project_id": uid("tram")}
    t.post("enrolment.ended", **tram, **_org("u"), last_day="2020-12-31")
    t.post(
        "project.grant_changed", **tram, volume_cents=1000, grant_cents=500,
        effective_on="2020-11-01",
    )  # fmt: skip
    t.post("project.ended", **tram, last_day="2021-03-31", outcome="completed")


def _ends(t: Teller) -> None:
    t.post("cluster.closed", cluster="sea", effective_on="2020-03-01")
    t.post("organisation.dissolved", **_org("brief"), effective_on=_START)
    t.post("organisation.merged", **_org("d"), into=uid("c"), effective_on="2020-12-01")
    t.post("organisation.dissolved", **_org("c"), effective_on="2021-02-01")


def _papers(t: Teller) -> None:
    filed = {"period_from": _START, "period_to": "2020-12-31", "known_at": 1}
    t.post("period.closed", **filed, definitions=["members@1"], digests=[SHA256])
    used = {"definition": "members@1", "sha256": SHA256}
    t.post(
        "report.published", **filed, report="annual@1", parameters={}, sha256=SHA256,
        definitions=[used],
    )  # fmt: skip
    t.post("code_list.published", scheme="nuts", edition="2024", sha256=SHA256)
    t.post("log.key_changed", key_name="log", key="k", action="added")
