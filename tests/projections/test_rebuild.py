"""Rebuilding: beside the live tables, equal to them row by row, or not swapped in."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.domain import facts as f
from ledger.store.database import PROJECTOR, READER, connect
from projections import schema
from projections.comparing import compare
from projections.folding import Unfoldable
from projections.progress import Rebuilding, rebuilding_of
from projections.rebuild import Differs, RebuildRunning, filled, rebuild
from projections.runner import Projector, follow
from tests.projections.book_writer import BookWriter, tamper
from tests.projections.conftest import Ask
from tests.projections.histories import History, number
from tests.projections.test_runner import attended, poison

SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'models%%' ORDER BY 1"


def test_a_rebuild_equals_what_was_followed(
    book: BookWriter, project: Callable[[], None], ask: Ask
) -> None:
    History(7).facts(book, 300)
    project()
    before = ask("SELECT * FROM models.attendance ORDER BY activity_id, person_ref, known_from")
    report = rebuild(book.url)
    assert (report.position, report.differences) == (book.head, ())
    after = ask("SELECT * FROM models.attendance ORDER BY activity_id, person_ref, known_from")
    assert before == after
    assert before
    assert ask(SCHEMAS) == [("models",), ("models_previous",)]


def test_a_rebuild_says_how_far_it_is(book: BookWriter, project: Callable[[], None]) -> None:
    History(7).facts(book, 300)
    project()
    with connect(book.url, READER, autocommit=True) as conn:
        seen: list[Rebuilding | None] = [rebuilding_of(conn)]
        rebuild(book.url, lambda *_: seen.append(rebuilding_of(conn)))
        seen.append(rebuilding_of(conn))
    assert (seen[0], seen[-1]) == (None, None), "only while it runs"
    running = [one for one in seen if one is not None]
    assert running
    assert all(0 < one.done <= one.facts == book.head for one in running)


def test_what_a_killed_rebuild_left_is_no_rebuild(book: BookWriter, ask: Ask) -> None:
    with connect(book.url, PROJECTOR, autocommit=True) as conn:
        with conn.transaction():
            schema.make(conn, schema.NEXT)
        schema.note_filled(conn, schema.NEXT, 1)
    assert ("models_next",) in ask(SCHEMAS)
    with connect(book.url, READER, autocommit=True) as conn:
        assert rebuilding_of(conn) is None
        with connect(book.url, PROJECTOR, autocommit=True) as other:
            assert schema.try_session_lock(other, "rebuild")
            assert rebuilding_of(conn) is not None, "the control: one that runs is"


def test_the_time_left_follows_from_the_pace(book: BookWriter) -> None:
    History(7).facts(book, 300)
    with connect(book.url, PROJECTOR, autocommit=True) as conn:
        assert schema.try_session_lock(conn, "rebuild")
        with conn.transaction():
            schema.make(conn, schema.NEXT)
        conn.execute("UPDATE models_next.meta SET made_at = clock_timestamp() - interval '90 s'")
        schema.note_filled(conn, schema.NEXT, book.head // 4)
        found = rebuilding_of(conn)
    assert found is not None
    assert found.seconds_left == pytest.approx(3 * found.seconds, rel=0.1)


def test_a_rebuild_has_every_index_and_constraint_of_the_live_tables(
    book: BookWriter, ask: Ask
) -> None:
    defined = (
        "SELECT indexname, replace(indexdef, 'models_previous', 'models') FROM pg_indexes"
        " WHERE schemaname = 'models' ORDER BY 1"
    )
    options = (
        "SELECT relname, reloptions FROM pg_class"
        " WHERE relnamespace = 'models'::regnamespace AND reloptions IS NOT NULL"
    )
    before = ask(defined), ask(options)
    rebuild(book.url)
    assert (ask(defined), ask(options)) == before
    assert len(before[0]) > 20


def test_a_tampered_live_row_is_named_and_nothing_is_swapped(
    book: BookWriter, project: Callable[[], None], ask: Ask
) -> None:
    book.record(attended(0), attended(1))
    project()
    ask("UPDATE models.attendance SET recorded = false WHERE known_from = 2 RETURNING 1")
    with pytest.raises(Differs) as refused:
        rebuild(book.url)
    (difference,) = refused.value.differences
    assert (difference.table, difference.rows) == ("attendance", 1)
    assert str(number(101)) in str(difference.live)
    assert '"recorded":false' in str(difference.live)
    assert '"recorded":true' in str(difference.rebuilt)
    assert ask("SELECT recorded FROM models.attendance WHERE known_from = 2") == [(False,)]
    assert ask(SCHEMAS) == [("models",)]


def test_an_accepted_difference_is_swapped_in(
    book: BookWriter, project: Callable[[], None], ask: Ask
) -> None:
    book.record(attended(0), attended(1))
    project()
    ask("DELETE FROM models.attendance WHERE known_from = 2 RETURNING 1")
    report = rebuild(book.url, accept=True)
    assert report.differences is not None
    assert [d.table for d in report.differences] == ["attendance"]
    assert ask("SELECT count(*) FROM models.attendance") == [(2,)]


def test_a_row_too_many_in_the_live_tables_is_named(
    book: BookWriter, project: Callable[[], None], ask: Ask
) -> None:
    book.record(attended(0))
    project()
    ask("INSERT INTO models.trail_name VALUES (1, 'nobody') RETURNING 1")
    with pytest.raises(Differs) as refused:
        rebuild(book.url)
    assert [(d.table, d.rebuilt) for d in refused.value.differences] == [("trail_name", None)]


def test_tables_of_other_code_are_replaced_without_comparison(book: BookWriter, ask: Ask) -> None:
    book.record(attended(0))
    ask("UPDATE models.meta SET fingerprint = 'older' RETURNING 1")
    assert schema.needs_rebuild(book.url)
    assert rebuild(book.url).differences is None
    assert not schema.needs_rebuild(book.url)
    assert ask("SELECT count(*) FROM models.attendance") == [(1,)]


def test_an_interrupted_rebuild_leaves_the_live_tables(
    book: BookWriter, project: Callable[[], None], ask: Ask
) -> None:
    book.record(attended(0))
    project()

    def interrupted(position: int, head: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(book.url, interrupted)
    assert ask("SELECT count(*) FROM models.attendance") == [(1,)]
    assert ask(SCHEMAS) == [("models",)]
    assert rebuild(book.url).differences == ()


def test_what_a_killed_rebuild_left_is_dropped_by_the_next(book: BookWriter, ask: Ask) -> None:
    with connect(book.url, PROJECTOR) as conn:
        schema.make(conn, schema.NEXT, bare=True)
    book.record(attended(0))
    assert rebuild(book.url).position == 1
    assert ask(SCHEMAS) == [("models",), ("models_previous",)]


def test_a_fact_that_cannot_be_folded_stops_a_rebuild_too(book: BookWriter, ask: Ask) -> None:
    book.record(attended(0))
    poisoned = poison(book)
    with pytest.raises(Unfoldable) as stopped:
        rebuild(book.url)
    assert (stopped.value.position, stopped.value.topic) == (poisoned, "attendance.recorded.v9")
    assert ask(SCHEMAS) == [("models",)]


def test_a_missing_fact_stops_a_rebuild_and_is_named(book: BookWriter, ask: Ask) -> None:
    book.record(attended(0), attended(1), attended(2))
    tamper(book.url, "DELETE FROM ledger.facts WHERE notification_id = 2")
    with pytest.raises(Unfoldable) as stopped:
        rebuild(book.url)
    assert stopped.value.position == 2
    assert ask(SCHEMAS) == [("models",)]


@pytest.mark.parametrize(
    ("written", "spoilt"),
    [
        ('"person_ref":"..', '"person_ref":"zz'),
        ('"activity_id"', '"activity_xy"'),
        ('"actor"', '"actress"'),
    ],
)
def test_a_damaged_attendance_stops_a_rebuild_and_is_named(
    book: BookWriter, ask: Ask, written: str, spoilt: str
) -> None:
    book.record(*(attended(n) for n in range(9)))
    tamper(
        book.url,
        "UPDATE ledger.facts SET state = regexp_replace(encode(state, 'escape'),"
        f" '{written}', '{spoilt}')::bytea WHERE notification_id = 6",
    )
    with pytest.raises(Unfoldable) as stopped:
        rebuild(book.url)
    assert (stopped.value.position, stopped.value.topic) == (6, "attendance.recorded.v1")
    assert ask(SCHEMAS) == [("models",)]


def test_live_tables_that_are_behind_are_compared_as_of_their_position(
    book: BookWriter, projector: Projector, ask: Ask
) -> None:
    History(11).facts(book, 200)
    while projector.position() < 90:
        projector.advance(30)
    ask("UPDATE models.trail SET actor = 1 WHERE position = 70 RETURNING 1")
    report = rebuild(book.url, accept=True)
    assert report.position == book.head
    assert report.differences is not None
    assert [(d.table, d.rows) for d in report.differences] == [("trail", 1)]


def test_two_rebuilds_do_not_run_at_once(book: BookWriter) -> None:
    with connect(book.url, PROJECTOR, autocommit=True) as conn:
        assert schema.try_session_lock(conn, "rebuild")
        with pytest.raises(RebuildRunning):
            rebuild(book.url)


def test_the_runner_goes_on_after_a_rebuild_while_facts_come_in(book: BookWriter, ask: Ask) -> None:
    stop = Event()
    runner = Thread(target=follow, args=(book.url, stop))
    runner.start()
    try:
        for block in range(4):
            for n in range(50):
                book.record(attended(50 * block + n))
            assert not rebuild(book.url).differences
    finally:
        stop.set()
        runner.join(20)
    with Projector(book.url) as projector:
        while projector.advance():
            pass
    assert ask("SELECT count(*), count(DISTINCT person_ref) FROM models.attendance") == [(200, 200)]
    assert ask("SELECT position FROM models.progress") == [(200,)]


def test_readers_may_read_what_was_swapped_in(book: BookWriter) -> None:
    book.record(attended(0))
    rebuild(book.url)
    with connect(book.url, "clusterledger_reader") as conn:
        assert conn.execute("SELECT count(*) FROM models.attendance").fetchone() == (1,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("DELETE FROM models.attendance")


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32), splits=st.lists(st.integers(1, 40), min_size=1, max_size=20))
def test_any_batches_end_in_the_rows_of_one_bulk_rebuild(
    book: BookWriter, seed: int, splits: list[int]
) -> None:
    url = book.url
    tamper(
        url,
        "DELETE FROM ledger.facts",
        "DELETE FROM ledger.mention",
        "DELETE FROM ledger.tile",
        "DELETE FROM ledger.tree_head",
        "UPDATE ledger.head SET position = 0, recorded_at = 'epoch', tree_size = 0,"
        " root = DEFAULT, frontier = DEFAULT",
        "DROP SCHEMA IF EXISTS models CASCADE",
    )
    fresh = BookWriter(url)
    History(seed).facts(fresh, 150)
    schema.ensure(url)
    with Projector(url, express=seed % 2 == 0) as projector:
        turn = 0
        while projector.advance(splits[turn % len(splits)]):
            turn += 1
    with connect(url, PROJECTOR, autocommit=True) as conn:
        filled(url, conn, schema.CHECKED)
    with connect(url, PROJECTOR) as conn:
        differences = compare(conn, schema.LIVE, schema.CHECKED)
        assert differences == []
        rows = conn.execute("SELECT count(*) FROM models.trail").fetchone()
        assert rows == (fresh.head,)


def test_overlapping_spells_cannot_be_swapped_in(
    book: BookWriter, ask: Ask, overlapping: None
) -> None:
    from datetime import date

    for year in (2020, 2021):
        book.record(
            f.MembershipAdmitted(
                organisation_id=number(1), cluster="rail", effective_on=date(year, 1, 1)
            )
        )
    with pytest.raises(psycopg.errors.ExclusionViolation):
        rebuild(book.url)
    assert ask(SCHEMAS) == [("models",)]
