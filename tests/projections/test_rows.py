"""What stands in the tables after small histories, worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from ledger.domain import facts as f
from tests.projections.book_writer import BookWriter
from tests.projections.conftest import Ask
from tests.projections.histories import number

OPEN = 2**63 - 1
ORG, OTHER, ACTIVITY, PERSON, PROJECT = (number(n) for n in range(1, 6))


def day(text: str) -> date:
    return date.fromisoformat(text)


def admitted(on: str) -> f.MembershipAdmitted:
    return f.MembershipAdmitted(
        organisation_id=ORG, cluster="rail", effective_on=day(on), category="full"
    )


CONCERNED = """
SELECT position, name FROM models.trail JOIN models.trail_name ON id = scope ORDER BY position
"""
MEMBERSHIP = """
SELECT status, category, spell_from::text, cause, valid_from::text, valid_to::text,
       known_from, known_to
FROM models.membership ORDER BY known_from, valid_from
"""


def test_an_end_closes_the_open_row_at_its_position(
    book: BookWriter, project: Callable[[], None], ask: Ask
) -> None:
    book.record(admitted("2020-01-01"))
    project()
    book.record(
        f.MembershipEnded(
            organisation_id=ORG, cluster="rail", last_day=day("2020-12-31"), cause="resigned"
        )
    )
    project()
    assert ask(MEMBERSHIP) == [
        ("member", "full", "2020-01-01", None, "2020-01-01", "infinity", 1, 2),
        ("member", "full", "2020-01-01", "resigned", "2020-01-01", "2021-01-01", 2, OPEN),
    ]


def test_a_backdated_suspension_splits_the_spell_into_phases(
    book: BookWriter, project: Callable[[], None], ask: Ask
) -> None:
    book.record(
        admitted("2020-01-01"),
        f.MembershipReinstated(organisation_id=ORG, cluster="rail", effective_on=day("2020-06-01")),
        f.MembershipSuspended(organisation_id=ORG, cluster="rail", effective_on=day("2020-03-01")),
    )
    project()
    assert [row for row in ask(MEMBERSHIP) if row[7] == OPEN] == [
        ("member", "full", "2020-01-01", None, "2020-06-01", "infinity", 2, OPEN),
        ("member", "full", "2020-01-01", None, "2020-01-01", "2020-03-01", 3, OPEN),
        ("suspended", "full", "2020-01-01", None, "2020-03-01", "2020-06-01", 3, OPEN),
    ]


def test_a_void_and_its_replacement_leave_the_mistake_known_for_its_time(
    book: BookWriter, project: Callable[[], None], ask: Ask
) -> None:
    book.record(admitted("2020-01-01"))
    project()
    book.record(book.void(1), admitted("2021-01-01"))
    project()
    assert [(row[4], row[6], row[7]) for row in ask(MEMBERSHIP)] == [
        ("2020-01-01", 1, 2),
        ("2021-01-01", 3, OPEN),
    ]


def test_of_two_names_of_one_day_the_later_fact_holds(
    book: BookWriter, project: Callable[[], None], ask: Ask
) -> None:
    book.record(
        f.ClusterRegistered(cluster="rail", name="Bahn", effective_on=day("2020-01-01")),
        f.ClusterRenamed(cluster="rail", name="Falsch", effective_on=day("2021-01-01")),
        f.ClusterRenamed(cluster="rail", name="Bahntechnik", effective_on=day("2021-01-01")),
        f.ClusterClosed(cluster="rail", effective_on=day("2022-01-01")),
    )
    project()
    assert ask(
        "SELECT name, valid_from::text, valid_to::text, known_from FROM models.cluster"
        " WHERE known_to = %s ORDER BY valid_from",
        OPEN,
    ) == [
        ("Bahn", "2020-01-01", "2021-01-01", 2),
        ("Bahntechnik", "2021-01-01", "2022-01-01", 4),
    ]


def test_a_duplicate_always_was_and_a_merger_acts_from_its_day(
    book: BookWriter, project: Callable[[], None], ask: Ask
) -> None:
    book.record(
        f.OrganisationRegistered(
            organisation_id=ORG, name="A", kind="company", effective_on=day("2020-01-01")
        ),
        f.OrganisationMarkedDuplicate(organisation_id=ORG, of=OTHER, reason="same"),
        f.OrganisationDuplicateReverted(organisation_id=ORG, reason="not the same"),
        f.OrganisationMerged(organisation_id=ORG, into=OTHER, effective_on=day("2021-01-01")),
        f.OrganisationSplit(organisation_id=ORG, into=(OTHER,), effective_on=day("2022-01-01")),
    )
    project()
    assert ask(
        "SELECT target, relation, valid_from::text, known_from, known_to FROM models.identity_edge"
        " ORDER BY known_from"
    ) == [
        (OTHER, "duplicate", "-infinity", 2, 3),
        (OTHER, "merger", "2021-01-01", 4, OPEN),
    ]
    assert ask("SELECT heir, valid_from::text, known_from FROM models.organisation_split") == [
        (OTHER, "2022-01-01", 5)
    ]


def test_a_dissolution_ends_the_last_profile_and_a_move_forgets_the_class(
    book: BookWriter, project: Callable[[], None], ask: Ask
) -> None:
    book.record(
        f.OrganisationRegistered(
            organisation_id=ORG,
            name="A",
            kind="company",
            effective_on=day("2020-01-01"),
            nuts3="DE212",
            spatial="urban",
        ),
        f.OrganisationRelocated(organisation_id=ORG, nuts3="DE213", effective_on=day("2021-01-01")),
        f.OrganisationDissolved(organisation_id=ORG, effective_on=day("2022-01-01")),
        f.OrganisationIdentified(organisation_id=ORG, identifiers=("ror:05abc",)),
    )
    project()
    assert ask(
        "SELECT nuts3, spatial, identifiers, dissolved_on::text, valid_from::text, valid_to::text"
        " FROM models.organisation WHERE known_to = %s ORDER BY valid_from",
        OPEN,
    ) == [
        ("DE212", "urban", ["ror:05abc"], "2022-01-01", "2020-01-01", "2021-01-01"),
        ("DE213", None, ["ror:05abc"], "2022-01-01", "2021-01-01", "2022-01-01"),
    ]


def test_a_withdrawn_registration_leaves_no_row_from_then_on(
    book: BookWriter, project: Callable[[], None], ask: Ask
) -> None:
    book.record(
        f.AttendanceRegistered(activity_id=ACTIVITY, person_ref=PERSON, organisation_id=ORG),
        f.AttendanceWithdrawn(activity_id=ACTIVITY, person_ref=PERSON),
        f.AttendanceRecorded(activity_id=ACTIVITY, person_ref=PERSON),
        f.AttendanceVoided(activity_id=ACTIVITY, person_ref=PERSON, reason="wrong person"),
        f.AttendanceRecorded(activity_id=ACTIVITY, person_ref=PERSON, organisation_id=OTHER),
    )
    project()
    assert ask(
        "SELECT organisation_id, registered, recorded, known_from, known_to FROM models.attendance"
        " ORDER BY known_from"
    ) == [(ORG, True, False, 1, 2), (None, False, True, 3, 4), (OTHER, False, True, 5, OPEN)]


def test_a_later_head_count_replaces_the_earlier_one(
    book: BookWriter, project: Callable[[], None], ask: Ask
) -> None:
    book.record(
        f.ActivityScheduled(
            activity_id=ACTIVITY,
            title="Messe",
            kind="fair",
            mode="onsite",
            organisers=("rail", "biotech", "rail"),
            starts_on=day("2020-05-01"),
            ends_on=day("2020-05-02"),
        ),
        f.HeadcountRecorded(activity_id=ACTIVITY, count=10, scope="total"),
        f.HeadcountRecorded(activity_id=ACTIVITY, count=12, scope="total"),
    )
    project()
    assert ask(
        "SELECT organisers, total, complete, known_from, known_to FROM models.activity"
        " ORDER BY known_from"
    ) == [
        (["rail", "biotech"], None, False, 1, 2),
        (["rail", "biotech"], 10, False, 2, 3),
        (["rail", "biotech"], 12, False, 3, OPEN),
    ]


def test_a_project_may_be_approved_after_its_start(
    book: BookWriter, project: Callable[[], None], ask: Ask
) -> None:
    book.record(
        f.ProjectProposed(
            project_id=PROJECT, title="P", clusters=("rail",), effective_on=day("2020-01-01")
        ),
        f.ProjectStarted(project_id=PROJECT, effective_on=day("2020-02-01")),
        f.ProjectApproved(
            project_id=PROJECT, volume_cents=9, grant_cents=5, effective_on=day("2020-03-01")
        ),
        f.ProjectEnded(project_id=PROJECT, last_day=day("2020-12-31"), outcome="completed"),
    )
    project()
    assert ask(
        "SELECT status, grant_cents, valid_from::text, valid_to::text FROM models.project"
        " WHERE known_to = %s ORDER BY valid_from",
        OPEN,
    ) == [
        ("proposed", None, "2020-01-01", "2020-02-01"),
        ("running", None, "2020-02-01", "2020-03-01"),
        ("running", 5, "2020-03-01", "2021-01-01"),
        ("ended", 5, "2021-01-01", "infinity"),
    ]


def test_the_trail_names_the_clusters_as_known_at_each_position(
    book: BookWriter, project: Callable[[], None], ask: Ask
) -> None:
    book.record(
        f.ActivityScheduled(
            activity_id=ACTIVITY,
            title="Messe",
            kind="fair",
            mode="onsite",
            organisers=("rail", "biotech"),
            starts_on=day("2020-05-01"),
            ends_on=day("2020-05-02"),
        ),
        f.AttendanceRecorded(activity_id=ACTIVITY, person_ref=PERSON),
        f.ActivityChanged(activity_id=ACTIVITY, organisers=("sensors",)),
    )
    project()
    book.record(
        f.AttendanceRegistered(activity_id=ACTIVITY, person_ref=OTHER), admitted("2020-01-01")
    )
    project()
    assert ask(CONCERNED) == [
        (1, "biotech,rail"),
        (2, "biotech,rail"),
        (3, "biotech,rail,sensors"),
        (4, "sensors"),
        (5, "rail"),
    ]
    assert {name for (name,) in ask("SELECT name FROM models.trail_name")} == {
        "activity.changed.v1",
        "activity.scheduled.v1",
        "attendance.recorded.v1",
        "attendance.registered.v1",
        "membership.admitted.v1",
        "biotech,rail",
        "biotech,rail,sensors",
        "rail",
        "sensors",
        book.actor,
    }
