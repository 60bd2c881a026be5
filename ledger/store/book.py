"""The book: the eventsourcing library's Application, extended by what a ledger needs.

Its recorder, mapper, event store and repository carry the facts. What differs: order comes from one
locked head row instead of a table lock and a sequence, `state` is the canonical leaf, and topics
come from a closed registry instead of being imported. Private hooks are used (`_lock_table`,
`_insert_stored_events`): `tests/store/test_book.py` holds them.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any, Final
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    InfrastructureFactory,
    Mapper,
    OperationalError,
    StoredEvent,
    Transcoder,
)
from eventsourcing.postgres import (
    ConnectionPool,
    PostgresApplicationRecorder,
    PostgresDatastore,
    PostgresFactory,
)
from eventsourcing.utils import Environment, EnvType
from msgspec import Struct
from psycopg import Connection, Cursor
from psycopg.conninfo import make_conninfo
from psycopg.errors import CheckViolation, Diagnostic
from psycopg.rows import DictRow, dict_row, tuple_row

from ledger.domain.history import Entry
from ledger.domain.streams import namespace
from ledger.store import codec
from ledger.store.arrays import BigintArray, ByteaArray, TextArray, UuidArray, register
from ledger.store.database import (
    CONNECTION_WAIT_S,
    READER,
    RECONNECT_S,
    connect,
    conninfo,
    refuse_unsafe_settings,
)
from ledger.store.errors import StoreError
from ledger.store.line import BEGIN, Line, Statement, instant_sent
from ledger.store.mentions import Mention
from ledger.store.rows import COPY_FACTS, Row, copied, read_streams

PAGE_FACTS: Final = 5_000
"""Facts read at once: a page fits a few megabytes."""


class NoLedger(StoreError):
    """This database holds no ledger yet. Create one with `clusterledger init --origin NAME`."""


class OtherOrigin(StoreError):
    """This database holds the ledger {found}, not {wanted}. A ledger keeps its origin for ever."""


class InvalidOrigin(StoreError):
    """{origin} is no origin: a name like cluster-programme.example/2026, in lower case."""


class Head(Struct, frozen=True):
    """How far a ledger is. Position 0: no fact yet."""

    position: int
    recorded_at: datetime


_LOCK: Final = Statement(
    b"lock",
    b"SELECT position, greatest(recorded_at, clock_timestamp()), tree_size, frontier"
    b" FROM ledger.head FOR NO KEY UPDATE",
)
# A statement more costs a small batch as much as a dozen facts.
_INSERT: Final = Statement(
    b"insert",
    b"""
WITH mentioned AS (INSERT INTO ledger.mention
        SELECT entity, kind, ($1::uuid[])[upto - many + 1:upto]
        FROM unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[])
            AS row (entity, kind, many, upto))
INSERT INTO ledger.facts (notification_id, originator_id, originator_version, topic, state,
    leaf_hash, event_key, recorded_at)
SELECT *, $6::timestamptz FROM unnest($7::bigint[], $8::uuid[], $9::bigint[], $10::text[],
    $11::bytea[], $12::bytea[], $13::uuid[])
""",
)


class BookDatastore(PostgresDatastore):
    """The library's datastore on a libpq URL, acting as one of the group roles.

    With `appending` it is one connection, used by one thread and not asked before each use whether
    it lives: what PostgreSQL has planned and cached for it stays at hand.
    """

    def __init__(
        self,
        url: str,
        role: str,
        *,
        pool_size: int = 1,
        max_overflow: int = 7,
        appending: bool = False,
    ) -> None:
        super().__init__("", "", "", "", "", schema="ledger")
        # Every question to the book is a look-up by key. Before the first ANALYZE, and in a generic
        # plan for ANY(…), the planner believes a scan of the whole table to be cheaper.
        options = "-c enable_seqscan=off -c jit=off"
        if appending:
            # What others appended was planned anew at each transaction, which took as long.
            options += " -c plan_cache_mode=force_generic_plan"
        by_key = make_conninfo(url, options=options)
        self.pool = ConnectionPool(
            conninfo(by_key, role),
            connection_class=Connection[DictRow],
            kwargs={"row_factory": dict_row, "autocommit": True},
            min_size=1 if appending else pool_size,
            max_size=1 if appending else pool_size + max_overflow,
            open=False,
            configure=register,
            check=None if appending else ConnectionPool.check_connection,
            timeout=CONNECTION_WAIT_S,
            reconnect_timeout=RECONNECT_S,
        )


class FactRecorder(PostgresApplicationRecorder):
    """Records facts under the head lock, with their leaf hash and idempotency key.

    The stock recorder locks the table, which an append-only role may not do, and draws positions
    from a sequence, which a refused append leaves gaps in.
    """

    def __init__(self, datastore: PostgresDatastore, appender: PostgresDatastore) -> None:
        super().__init__(datastore, events_table_name="facts")
        self._appender = appender
        self.sql_create_statements.clear()  # tables come from migrations
        self._warnings: list[str] = []
        self._line: Line | None = None

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],  # noqa: ARG002  # the library's signature
        **kwargs: Any,  # noqa: ARG002  # the same
    ) -> Sequence[int] | None:
        """Refused: positions and leaves exist only under the head lock. Use `appending`."""
        raise NotImplementedByDesign

    @contextmanager
    def appending(self) -> Iterator[Line]:
        """A transaction on the writer's line, rolled back unless COMMIT was sent and answered."""
        self._warnings.clear()
        with self._appender.get_connection() as conn:
            line = self._line_on(conn)
            try:
                line.send(BEGIN)
                yield line
            finally:
                line.roll_back()

    @property
    def line(self) -> Line | None:
        """The line as it was used last; None where there is none, or it was lost."""
        return self._line if self._line is not None and not self._line.conn.closed else None

    def _line_on(self, conn: Connection[DictRow]) -> Line:
        """The line of the appending connection, which changes only when it was lost."""
        if self._line is None or self._line.conn is not conn:
            conn.add_notice_handler(self._hear)
            self._line = Line(conn)
        return self._line

    def _hear(self, notice: Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            self._warnings.append(notice.message_primary or "warning")

    def raise_commit_warning(self) -> None:
        """A COMMIT that answered with a WARNING is no success: its outcome is unknown."""
        if self._warnings:
            text = "; ".join(self._warnings)
            self._warnings.clear()
            raise OperationalError(text)

    def _lock_table(self, curs: Any) -> None:
        """The head row is the lock: its answer is a ledger.store.tree.LockedHead, the time now.

        `curs` is the line, here and below.
        """
        curs.send(_LOCK)

    def _insert_stored_events(
        self,
        curs: Any,
        stored_events: Sequence[StoredEvent],  # noqa: ARG002  # the library's signature
        **kwargs: Any,
    ) -> None:
        """Facts and their mentions in one statement; all by keyword."""
        rows: Sequence[Row] = kwargs["rows"]
        mentioned: Sequence[Mention] = kwargs["mentioned"]
        entries = [row.entry for row in rows]
        # The streams of all rows in one array: how many are each row's, and with those before it.
        many = [len(row.streams) for row in mentioned]
        curs.send(
            _INSERT,
            UuidArray.of([stream for row in mentioned for stream in row.streams]),
            UuidArray.of_bytes([row.entity.to_bytes(16) for row in mentioned]),
            BigintArray.of([row.kind for row in mentioned]),
            BigintArray.of(many),
            BigintArray.of([*accumulate(many)]),
            instant_sent(kwargs["recorded_at"]),
            BigintArray.of([entry.position for entry in entries]),
            UuidArray.of([entry.stream for entry in entries]),
            BigintArray.of([entry.version for entry in entries]),
            TextArray.of([entry.fact.topic for entry in entries]),
            ByteaArray.of([row.state for row in rows]),
            ByteaArray.of([row.leaf_hash for row in rows]),
            UuidArray.of_bytes([row.event_key for row in rows]),
        )

    def copy(self, line: Line, rows: Sequence[Row], recorded_at: datetime) -> None:
        """Many facts, without their mentions: costs PostgreSQL half as much, and waits a little."""
        line.copy(COPY_FACTS, copied(rows, recorded_at))


class NotImplementedByDesign(TypeError):
    """Facts are recorded through ledger.service, which decides on them under the head lock."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


class LeafMapper(Mapper[UUID]):
    """Entries to stored events and back. The stock mapper calls `vars()`, which structs lack."""

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        """An entry with its leaf as state."""
        assert isinstance(domain_event, Entry)
        state = codec.leaf(domain_event, codec.canonical(domain_event.fact))
        return StoredEvent(
            domain_event.stream, domain_event.version, domain_event.fact.topic, state
        )

    def to_domain_event(self, stored_event: StoredEvent) -> Entry:
        """The entry that a leaf says, its fact of the newest version."""
        return codec.decode_leaf(stored_event.state)


class BookFactory(PostgresFactory):
    """Hands the library our datastore and recorder."""

    def __init__(self, env: Environment, datastore: BookDatastore, appender: BookDatastore) -> None:
        InfrastructureFactory.__init__(self, env)
        self.datastore = datastore
        self._appender = appender

    def application_recorder(self) -> FactRecorder:
        """The recorder of this book."""
        return FactRecorder(self.datastore, self._appender)


class Book(Application[UUID]):
    """One ledger in one database. Raises NoLedger where none was created."""

    name = "ledger"

    def __init__(self, url: str, role: str = READER, *, env: EnvType | None = None) -> None:
        with connect(url, role) as conn:
            refuse_unsafe_settings(conn)
            row = conn.execute("SELECT origin FROM ledger.head").fetchone()
        if row is None:
            raise NoLedger
        self.origin: str = row[0]
        self.space = namespace(self.origin)
        self.datastore = BookDatastore(url, role)
        self._appender = BookDatastore(url, role, appending=True)
        self.recorder: FactRecorder
        super().__init__(env)

    def construct_factory(self, env: Environment) -> InfrastructureFactory[Any]:
        """Called by the library: our datastore and recorder."""
        return BookFactory(env, self.datastore, self._appender)

    def construct_mapper(self) -> Mapper[UUID]:
        """Called by the library: the leaf is the encoding."""
        return LeafMapper(_NoTranscoder())

    @contextmanager
    def cursor(self) -> Iterator[Cursor[tuple[Any, ...]]]:
        """A reading cursor, in autocommit."""
        with self.datastore.get_connection() as conn, conn.cursor(row_factory=tuple_row) as curs:
            yield curs

    def head(self) -> Head:
        """The last position and when it was recorded."""
        with self.cursor() as curs:
            row = curs.execute("SELECT position, recorded_at FROM ledger.head").fetchone()
        assert row is not None
        return Head(*row)

    def leaves(self, after: int, limit: int, upto: int | None = None) -> list[bytes]:
        """Stored leaves in order from position `after` + 1: at most `limit`, none after `upto`."""
        last = after + limit if upto is None else min(after + limit, upto)
        with self.cursor() as curs:
            rows = curs.execute(
                "SELECT state FROM ledger.facts"
                " WHERE notification_id > %s AND notification_id <= %s ORDER BY notification_id",
                (after, last),
                prepare=True,
                binary=True,
            )
            return [state for (state,) in rows]

    def streams(self, ids: Iterable[UUID], upto: int | None = None) -> dict[UUID, list[Entry]]:
        """Every entry of these streams by version, as known at `upto`. Absent: no fact yet."""
        with self.cursor() as curs:
            return read_streams(curs, list(ids), upto)

    def position_at(self, instant: datetime) -> int:
        """The last position recorded at or before an instant; 0 before the first.

        Bisection over the key, since `recorded_at` never decreases: an index would cost each fact.
        """
        wanted = instant.astimezone(UTC)
        with self.cursor() as curs:
            row = curs.execute("SELECT position, recorded_at FROM ledger.head").fetchone()
            assert row is not None
            known, beyond = (row[0], row[0] + 1) if row[1] <= wanted else (0, row[0])
            while beyond - known > 1:
                middle = (known + beyond) // 2
                row = curs.execute(
                    "SELECT recorded_at FROM ledger.facts WHERE notification_id = %s",
                    (middle,),
                    prepare=True,
                ).fetchone()
                assert row is not None
                known, beyond = (middle, beyond) if row[0] <= wanted else (known, middle)
        return int(known)

    def close(self) -> None:
        """Let go of the database."""
        self._appender.close()
        self.datastore.close()
        super().close()


class _NoTranscoder(Transcoder):
    """The leaf is the encoding; nothing else is ever transcoded."""

    def encode(self, obj: Any) -> bytes:  # noqa: ARG002  # the library's signature
        """Refused."""
        raise NotImplementedByDesign

    def decode(self, data: bytes) -> Any:  # noqa: ARG002  # the same
        """Refused."""
        raise NotImplementedByDesign


def create(url: str, origin: str) -> None:
    """Give a migrated database its ledger, as the owner of its tables. Repeating it is harmless.

    Raises OtherOrigin where another ledger lives, InvalidOrigin where the name is none.
    """
    with connect(url, None, autocommit=True) as conn:
        try:
            conn.execute(
                "INSERT INTO ledger.head (origin) VALUES (%s) ON CONFLICT (singleton) DO NOTHING",
                (origin,),
            )
        except CheckViolation as error:
            raise InvalidOrigin(origin=origin) from error
    found = origin_of(url, role=None)
    if found != origin:
        raise OtherOrigin(found=found, wanted=origin)


def origin_of(url: str, *, role: str | None = READER) -> str | None:
    """The origin of the ledger in a migrated database; None where there is no ledger."""
    with connect(url, role, autocommit=True) as conn:
        row = conn.execute("SELECT origin FROM ledger.head").fetchone()
    return None if row is None else str(row[0])
