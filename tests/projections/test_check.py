"""The check finds and names whatever differs from a replay of the facts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import psycopg
import pytest

from ledger.domain import facts as f
from ledger.service import Ledger
from ledger.store import codec
from ledger.store.migrate import known, migrate
from projections import schema
from projections.check import check
from projections.runner import Projector
from tests.projections.book_writer import BookWriter, tamper
from tests.projections.conftest import Ask
from tests.projections.histories import History, number
from tests.projections.test_runner import attended


def told(book: BookWriter) -> str:
    return "; ".join(map(str, check(book.url).findings))


def test_nothing_is_found_where_all_is_well(
    book: BookWriter, project: Callable[[], None], ask: Ask
) -> None:
    History(3).facts(book, 200)
    project()
    tamper(
        book.url,
        "INSERT INTO ledger.seats SELECT activity_id, count(*) FROM models.attendance"
        " WHERE registered AND known_to = 9223372036854775807 GROUP BY 1",
    )
    found = check(book.url)
    assert found.ok, found
    assert (found.head, found.position) == (book.head, book.head)
    assert ask("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'models_%%'") == []


def test_a_check_reports_its_progress_up_to_the_head(
    book: BookWriter, project: Callable[[], None]
) -> None:
    book.record(attended(0), attended(1))
    project()
    seen: list[tuple[int, int]] = []
    check(book.url, lambda position, head: seen.append((position, head)))
    assert seen[-1] == (2, 2)


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        (
            (
                "UPDATE ledger.facts SET state ="
                " replace(encode(state, 'escape'), 'Berta', 'Bertb')::bytea"
                " WHERE notification_id = 1"
            ),
            "fact 1: leaf_hash is not SHA-256(0x00 || leaf)",
        ),
        ("DELETE FROM ledger.facts WHERE notification_id = 2", "fact 2: is missing"),
        (
            "UPDATE ledger.facts SET event_key = gen_random_uuid() WHERE notification_id = 2",
            "fact 2: event_key is",
        ),
        (
            (
                "UPDATE ledger.facts SET recorded_at = recorded_at - interval '1 day'"
                " WHERE notification_id = 3"
            ),
            "fact 3: was recorded before the one before it",
        ),
        (
            "UPDATE ledger.facts SET originator_version = 7 WHERE notification_id = 3",
            "has a gap in its versions",
        ),
        (
            "UPDATE ledger.facts SET topic = 'attendance.registered.v1' WHERE notification_id = 2",
            "fact 2: topic is attendance.registered.v1 in the table",
        ),
        ("UPDATE ledger.head SET position = 2", "ledger.head: says 2, the last fact is 4"),
        (
            "UPDATE ledger.head SET root = sha256('x')",
            "ledger.head: root or frontier is not that of the facts",
        ),
        (
            "UPDATE ledger.head SET tree_size = 2",
            "ledger.head: the tree has 2 leaves, the book 4 facts",
        ),
        (
            "UPDATE ledger.tree_head SET root = sha256('x')",
            "ledger.tree_head: the root at size 4 is not the facts'",
        ),
        (
            "INSERT INTO ledger.tree_head VALUES (5, sha256('x'))",
            "ledger.tree_head: the last is of size 5, the tree's is 4",
        ),
        (
            "INSERT INTO ledger.tile VALUES (0, 0, sha256('x'), repeat('x', 8192)::bytea)",
            "ledger.tile: there are 1 tiles, by the facts 0",
        ),
        ("DELETE FROM ledger.mention", "ledger.mention: "),
        (
            "INSERT INTO ledger.mention VALUES (gen_random_uuid(), 3, ARRAY[gen_random_uuid()])",
            "is not of any fact",
        ),
        (
            "UPDATE ledger.mention SET streams = streams[2:] WHERE kind = 5",
            "is missing",
        ),
        ("INSERT INTO ledger.mention SELECT * FROM ledger.mention", "is not of any fact"),
        ("INSERT INTO ledger.erased VALUES (gen_random_uuid())", "was not erased"),
        ("INSERT INTO ledger.seats VALUES (gen_random_uuid(), 1)", "has 1, by the facts None"),
        (
            "UPDATE models.organisation SET name = 'Anders'",
            'models.organisation: 2 rows differ from the replay, first {"organisation_id":',
        ),
        ("DELETE FROM models.trail WHERE position = 2", "models.trail: 1 rows differ"),
    ],
)
def test_what_was_changed_is_named(
    book: BookWriter, project: Callable[[], None], statement: str, finding: str
) -> None:
    book.record(
        f.OrganisationRegistered(
            organisation_id=number(1),
            name="Berta GmbH",
            kind="company",
            effective_on=date(2020, 1, 1),
        ),
        attended(0),
        f.OrganisationRelocated(
            organisation_id=number(1), nuts3="DE212", effective_on=date(2020, 1, 1)
        ),
        f.MembershipAdmitted(
            organisation_id=number(1), cluster="ict", effective_on=date(2020, 1, 1)
        ),
    )
    project()
    assert told(book) == ""
    tamper(book.url, statement)
    assert finding in told(book)


def test_mentions_of_older_versions_are_carried_over(empty_database_url: str) -> None:
    migrate(empty_database_url, known()[:2])
    book = BookWriter(empty_database_url)
    entries = [
        book.entry(attended(0)),
        book.entry(f.AttendanceRecorded(activity_id=number(3), person_ref=number(4))),
        book.entry(
            f.OrganisationMarkedDuplicate(
                organisation_id=number(1), of=number(2), reason="the same"
            )
        ),
    ]
    with psycopg.connect(book.url) as conn, conn.cursor() as curs:
        for entry in entries:
            book.insert_state(curs, entry, codec.leaf(entry, codec.canonical(entry.fact)))
        for entry in entries[:2]:
            curs.execute(
                "INSERT INTO ledger.mention VALUES (gen_random_uuid(), 5, %s)", (entry.stream,)
            )
        curs.execute(
            "INSERT INTO ledger.mention VALUES (%s, 2, %s)", (number(2), entries[2].stream)
        )
    migrate(book.url)
    Ledger.open(book.url).close()
    schema.ensure(book.url)
    with Projector(book.url) as projector:
        projector.advance()
    assert told(book) == ""


def test_a_changed_tile_is_named(book: BookWriter, project: Callable[[], None]) -> None:
    book.record(*(attended(n) for n in range(600)))
    project()
    assert told(book) == ""
    tamper(
        book.url,
        "UPDATE ledger.tile SET hashes = set_byte(hashes, 5, 255 - get_byte(hashes, 5))"
        " WHERE index = 1",
    )
    assert told(book) == "ledger.tile: level 0, index 1 does not hold the facts' hashes"
