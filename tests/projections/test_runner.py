"""The runner: everything once, in order, whatever happens to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from threading import Event, Thread

import psycopg
import pytest

from ledger.domain import facts as f
from ledger.store import codec
from projections import schema
from projections.folding import Unfoldable
from projections.progress import alarm, lag
from projections.runner import FACTS_CHANNEL, MODELS_CHANNEL, Moved, Projector, follow
from tests.projections.book_writer import BookWriter, tamper
from tests.projections.conftest import Ask
from tests.projections.histories import number

ROOT = Path(__file__).parents[2]


def attended(n: int) -> f.AttendanceRecorded:
    return f.AttendanceRecorded(activity_id=number(1), person_ref=number(100 + n))


@contextmanager
def following(url: str, count: int = 1) -> Iterator[list[Thread]]:
    stop = Event()
    threads = [Thread(target=follow, args=(url, stop)) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield threads
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)


@contextmanager
def listening(url: str, channel: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(f"LISTEN {channel}")
        yield conn


def reaches(conn: psycopg.Connection, position: int, timeout_s: float = 20) -> bool:
    """Whether the runner says that it has come to a position."""
    ends = time.monotonic() + timeout_s
    while time.monotonic() < ends:
        row = conn.execute("SELECT position FROM models.progress").fetchone()
        if row is not None and row[0] >= position:
            return True
        list(conn.notifies(timeout=0.2, stop_after=1))
    return False


def notify(url: str, position: int) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("SELECT pg_notify(%s, %s)", (FACTS_CHANNEL, str(position)))


def test_an_idle_runner_shows_the_next_fact_within_100_ms(book: BookWriter) -> None:
    with listening(book.url, MODELS_CHANNEL) as conn, following(book.url):
        book.record(attended(0))
        assert reaches(conn, 1)
        delays_s = []
        for n in range(1, 6):
            book.record(attended(n))
            begun = time.monotonic()
            notify(book.url, n + 1)
            assert reaches(conn, n + 1)
            delays_s.append(time.monotonic() - begun)
        assert sorted(delays_s)[2] < 0.1


def test_a_fact_nobody_notified_of_is_found_by_the_poll(book: BookWriter) -> None:
    with listening(book.url, MODELS_CHANNEL) as conn, following(book.url):
        book.record(attended(0))
        assert reaches(conn, 1)
        book.record(attended(1))
        assert reaches(conn, 2, 5)


def test_two_runners_at_once_apply_every_fact_once(book: BookWriter, ask: Ask) -> None:
    with listening(book.url, MODELS_CHANNEL) as conn, following(book.url, 2):
        for n in range(60):
            book.record(attended(n))
        assert reaches(conn, 60)
    assert ask("SELECT count(*), count(DISTINCT person_ref) FROM models.attendance") == [(60, 60)]
    assert ask("SELECT count(*) FROM models.trail") == [(60,)]


def test_attendances_of_a_batch_are_written_in_the_order_of_their_key(
    book: BookWriter, ask: Ask
) -> None:
    book.record(*(attended(n) for n in (2, 0, 3, 1)))
    with Projector(book.url) as projector:
        projector.advance()
    written = ask("SELECT person_ref FROM models.attendance ORDER BY ctid")
    assert written == [(number(100 + n),) for n in range(4)]


def test_a_batch_that_somebody_else_applied_is_refused(book: BookWriter, ask: Ask) -> None:
    book.record(attended(0), attended(1))
    with Projector(book.url) as one, Projector(book.url) as other:
        mine = one.fold(0, one.book.leaves(0, 2))
        assert other.advance(1) == 1
        with pytest.raises(Moved):
            one.apply(mine)
        assert one.advance() == 1
    assert ask("SELECT count(*) FROM models.attendance") == [(2,)]


def test_a_runner_killed_in_mid_batch_loses_and_doubles_nothing(book: BookWriter, ask: Ask) -> None:
    book.insert(book.entry(attended(n)) for n in range(3_000))
    script = (
        "import sys; from threading import Event; from projections import runner;"
        "runner.Projector.advance.__defaults__ = (50, None);"
        "runner.follow(sys.argv[1], Event())"
    )
    for _ in range(3):
        with listening(book.url, MODELS_CHANNEL) as conn:
            process = subprocess.Popen([sys.executable, "-c", script, book.url], cwd=ROOT)
            list(conn.notifies(timeout=20, stop_after=3))
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        position, rows, people, trail = ask(
            "SELECT position, (SELECT count(*) FROM models.attendance),"
            " (SELECT count(DISTINCT person_ref) FROM models.attendance),"
            " (SELECT count(*) FROM models.trail) FROM models.progress"
        )[0]
        assert position == rows == people == trail
    with listening(book.url, MODELS_CHANNEL) as conn, following(book.url):
        assert reaches(conn, 3_000)
    assert ask("SELECT count(*) FROM models.attendance") == [(3_000,)]


def poison(book: BookWriter) -> int:
    """A stored fact of a type that this software does not know; its position."""
    entry = book.entry(attended(99))
    state = codec.leaf(entry, codec.canonical(entry.fact)).replace(b".recorded.v1", b".recorded.v9")
    with psycopg.connect(book.url) as conn, conn.cursor() as curs:
        book.insert_state(curs, entry, state)
    return entry.position


def test_a_fact_that_cannot_be_folded_stops_the_runner_with_an_alarm(
    book: BookWriter, ask: Ask
) -> None:
    book.record(attended(0), attended(1))
    poisoned = poison(book)
    book.record(attended(2))
    with listening(book.url, MODELS_CHANNEL) as conn, following(book.url):
        assert reaches(conn, poisoned - 1)
        assert not reaches(conn, poisoned, 2.5), "it was skipped"
        raised = alarm(book.url)
    assert raised is not None
    assert (raised.position, raised.topic) == (poisoned, "attendance.recorded.v9")
    assert raised.attempts > 1, "it is tried again"
    assert lag(book.url).position == poisoned - 1
    assert ask("SELECT count(*) FROM models.attendance") == [(2,)]


def test_the_alarm_goes_when_the_fact_can_be_folded(book: BookWriter, ask: Ask) -> None:
    book.record(attended(0))
    poisoned = poison(book)
    with listening(book.url, MODELS_CHANNEL) as conn, following(book.url):
        assert reaches(conn, poisoned - 1)
        tamper(
            book.url,
            "UPDATE ledger.facts SET state = replace(encode(state, 'escape'), '.v9', '.v1')::bytea",
        )
        assert reaches(conn, poisoned)
    assert alarm(book.url) is None


def test_a_missing_fact_is_never_skipped(book: BookWriter, projector: Projector) -> None:
    book.record(attended(0), attended(1), attended(2))
    tamper(book.url, "DELETE FROM ledger.facts WHERE notification_id = 2")
    assert projector.advance() == 1
    with pytest.raises(Unfoldable) as stopped:
        projector.advance()
    assert stopped.value.position == 2


def test_a_fact_the_tables_refuse_stops_the_runner_at_that_fact(
    book: BookWriter, projector: Projector, ask: Ask, overlapping: None
) -> None:
    day = date(2020, 1, 1)
    book.record(
        f.MembershipAdmitted(organisation_id=number(1), cluster="rail", effective_on=day),
        f.MembershipAdmitted(
            organisation_id=number(1), cluster="rail", effective_on=day.replace(year=2021)
        ),
        attended(0),
    )
    assert projector.advance() == 1, "what comes before it is applied"
    with pytest.raises(Unfoldable) as stopped:
        projector.advance()
    assert stopped.value.position == 2
    assert "membership_spells_never_overlap" in stopped.value.error
    assert ask("SELECT count(*) FROM models.membership") == [(1,)]


@pytest.mark.parametrize("name", ["activity_id", "person_ref"])
def test_an_attendance_of_what_is_no_id_stops_the_runner_at_that_fact(
    book: BookWriter, projector: Projector, ask: Ask, name: str
) -> None:
    book.record(attended(0), attended(1), attended(2))
    tamper(
        book.url,
        f"UPDATE ledger.facts SET state = replace(encode(state, 'escape'), '\"{name}\":\"0',"
        f' \'"{name}":"x\')::bytea WHERE notification_id = 2',
    )
    assert projector.advance() == 1, "what comes before it is applied"
    with pytest.raises(Unfoldable) as stopped:
        projector.advance()
    assert stopped.value.position == 2
    assert ask("SELECT count(*) FROM models.attendance") == [(1,)]


def test_tables_made_by_other_code_are_left_alone(book: BookWriter, ask: Ask) -> None:
    ask("UPDATE models.meta SET fingerprint = 'older' RETURNING 1")
    assert schema.needs_rebuild(book.url)
    book.record(attended(0))
    with listening(book.url, MODELS_CHANNEL) as conn, following(book.url):
        assert not reaches(conn, 1, 1.5)


def test_the_tables_have_the_columns_their_rows_have(book: BookWriter, ask: Ask) -> None:
    from projections.models import TABLES

    for table in TABLES:
        columns = ask(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
            " ORDER BY attnum",
            f"models.{table.name}",
        )
        assert tuple(name for (name,) in columns) == table.columns


def test_the_lag_is_in_facts_and_seconds(book: BookWriter, project: Callable[[], None]) -> None:
    book.record(attended(0), attended(1))
    assert lag(book.url)[:2] == (2, 0)
    assert lag(book.url).seconds > 0
    project()
    assert lag(book.url) == (2, 2, 0.0)
