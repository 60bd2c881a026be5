"""The line to the database on which facts are appended: libpq's pipeline, without a cursor between.

Statements are prepared once a connection and sent ahead; their answers are taken together when they
are needed. So a transaction waits twice, for what it asks and for its commit, where a cursor's
pipeline waits at every statement; and who waits may be a thread or an event loop.
"""

import contextlib
import select
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, TypeVar

import psycopg
from psycopg import Connection, Cursor
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult
from psycopg.rows import tuple_row

_BINARY: Final = 1
_COPY_HEADER: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_COPY_TRAILER: Final = b"\xff\xff"
"""PostgreSQL's manual, COPY, section Binary Format."""
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Statement(NamedTuple):
    """A statement of the line: its name on the server, and its text with $1, $2, …"""

    name: bytes
    sql: bytes


BEGIN: Final = Statement(b"begin", b"BEGIN")
COMMIT: Final = Statement(b"commit", b"COMMIT")
ROLLBACK: Final = Statement(b"rollback", b"ROLLBACK")


Wait = tuple[int, int]
"""A descriptor, and the events of select.poll to wait for there."""
Answering = Generator[Wait, None, list[PGresult]]
T = TypeVar("T")


class WouldWait(Exception):
    """More must be asked than was sent ahead: do it again where one may wait."""


class Line:
    """One connection, used by one thread at a time. Parameters and answers are in binary."""

    def __init__(self, conn: Connection[Any]) -> None:
        self.conn = conn
        self._pg = conn.pgconn
        self._pg.nonblocking = 1
        self._prepared: set[bytes] = set()
        self._copying = False
        self._later: list[tuple[Statement, Sequence[bytes | None]]] = []
        """What was sent while rows were copied: it goes once they are in the table."""
        self.patient = True
        self._due: list[bytes | None] = []
        """What an answer is due for: the preparing of a statement, by its name, or a statement."""
        self._poll = select.poll()
        self._pg.enter_pipeline_mode()

    def send(self, statement: Statement, *parameters: bytes | None) -> None:
        """Send a statement on its way. Its error shows where answers are taken."""
        if self._copying:
            self._later.append((statement, parameters))
            return
        name = statement.name
        if name not in self._prepared:
            self._pg.send_prepare(name, statement.sql)
            self._prepared.add(name)
            self._due.append(name)
        self._pg.send_query_prepared(name, parameters, [_BINARY] * len(parameters), _BINARY)
        self._due.append(None)

    def push(self) -> None:
        """Let PostgreSQL go on with what is copied, as far as the socket takes it now: less than
        some hundred facts."""
        if self._copying:
            self._pg.flush()

    def copy(self, statement: bytes, rows: bytes) -> None:
        """Rows for a binary COPY … FROM STDIN, which the first ones begin and whatever is asked
        next ends. PostgreSQL takes them while the next ones are made, the last ones while the
        statements behind are. Only for who may wait.

        Raises psycopg.Error.
        """
        if self._later:
            self._end_copy()
        if not self._copying:
            if self._due:
                self.answers()
            self._pg.exit_pipeline_mode()
            self._copying = True
            self._pg.send_query(statement)
            self._waited(self._demanded(ExecStatus.COPY_IN))
            self._pg.put_copy_data(_COPY_HEADER)
        self._pg.put_copy_data(rows)
        self._pg.flush()

    def copied(self) -> Generator[Wait, None, None]:
        """What was copied is in the table, and what was sent meanwhile on its way. Yields what it
        waits for. Raises psycopg.Error.
        """
        if self._copying:
            yield from self._ending_copy()

    def _end_copy(self) -> None:
        """The same, in a thread that waits."""
        self._waited(self._ending_copy())

    def _ending_copy(self, refused: bytes | None = None) -> Generator[Wait, None, None]:
        """With a reason it is refused instead, and what was sent meanwhile forgotten."""
        self._copying = False
        later, self._later = self._later, []
        try:
            if refused is None:
                self._pg.put_copy_data(_COPY_TRAILER)
            self._pg.put_copy_end(refused)
            yield from self._demanded(ExecStatus.COMMAND_OK)
        finally:
            if self._pg.status == ConnStatus.OK:
                while self._pg.get_result() is not None:
                    pass
                self._pg.enter_pipeline_mode()
        for statement, parameters in later if refused is None else ():
            self.send(statement, *parameters)

    def _demanded(self, status: ExecStatus) -> Generator[Wait, None, None]:
        yield from self._flushed()
        answer = yield from self._answer()
        if answer.status != status:
            raise error_from_result(answer, encoding=self.conn.info.encoding)

    def answers(self) -> list[PGresult]:
        """As `answering`, in a thread that waits."""
        return self._waited(self.answering())

    def _waited(self, waiting: Generator[Wait, None, T]) -> T:
        while True:
            try:
                fileno, events = next(waiting)
            except StopIteration as done:
                value: T = done.value
                return value
            self._poll.register(fileno, events)
            self._poll.poll()

    def _flushed(self) -> Generator[Wait, None, None]:
        while self._pg.flush():
            # What PostgreSQL says meanwhile is taken in, so that neither waits for the other.
            yield self._pg.socket, select.POLLIN | select.POLLOUT
            self._pg.consume_input()

    def answering(self) -> Answering:
        """The answers to all statements sent since the last time, once they are there.

        Yields what it waits for. Raises psycopg.Error: the first failure among them, or a lost
        connection.
        """
        yield from self.copied()
        self._pg.pipeline_sync()
        yield from self._flushed()
        due, self._due = self._due, []
        answers: list[PGresult] = []
        failed: PGresult | None = None
        for name in due:
            answer = yield from self._answer()
            if answer.status in {ExecStatus.FATAL_ERROR, ExecStatus.PIPELINE_ABORTED}:
                failed = failed or answer
                self._prepared.discard(name or b"")
            elif name is None:
                answers.append(answer)
        yield from self._answer()  # to the sync
        if failed is not None:
            raise error_from_result(failed, encoding=self.conn.info.encoding)
        return answers

    def _answer(self) -> Generator[Wait, None, PGresult]:
        """The next answer; each but a sync's is followed by None."""
        pg = self._pg
        while True:
            while pg.is_busy():
                yield pg.socket, select.POLLIN
                pg.consume_input()
            answer = pg.get_result()
            if answer is not None:
                return answer

    @contextmanager
    def reading(self) -> Iterator[Cursor[tuple[Any, ...]]]:
        """An ordinary cursor in the same transaction, for what is seldom asked.

        Raises WouldWait where nobody may be kept waiting.
        """
        if not self.patient:
            raise WouldWait
        if self._copying:
            self._end_copy()
        if self._due:
            self.answers()
        self._pg.exit_pipeline_mode()
        try:
            with self.conn.cursor(row_factory=tuple_row) as curs:
                yield curs
        finally:
            if not self.conn.closed:
                self._pg.enter_pipeline_mode()

    def roll_back(self) -> None:
        """End a transaction that was not committed; a line that cannot is cut."""
        self.patient = True
        try:
            with contextlib.suppress(psycopg.Error):
                if self._copying:
                    self._waited(self._ending_copy(b"rolled back"))
            with contextlib.suppress(psycopg.Error):
                if self._due:
                    self.answers()
            if self._pg.transaction_status != TransactionStatus.IDLE:
                self.send(ROLLBACK)  # a cursor's would forget what is prepared
                self.answers()
        except psycopg.Error:
            self.conn.close()


def int8(value: bytes) -> int:
    """A bigint as it was sent."""
    return int.from_bytes(value, signed=True)


def instant(value: bytes) -> datetime:
    """A timestamptz as it was sent: microseconds since 2000."""
    return _EPOCH + int8(value) * _MICROSECOND


def int8_sent(value: int) -> bytes:
    """A bigint to be sent."""
    return value.to_bytes(8, signed=True)


def instant_sent(value: datetime) -> bytes:
    """A timestamptz to be sent."""
    return int8_sent((value - _EPOCH) // _MICROSECOND)
