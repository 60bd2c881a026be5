"""Where the ledger lives: the service's own PostgreSQL in a data folder, or a server."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec
import structlog
from msgspec import Struct

from api.settings import DEFAULT_ORIGIN, Settings
from ledger.service import Ledger
from ledger.store import book
from ledger.store.database import READER, connect
from ledger.store.embedded import AlreadySupervised, EmbeddedPostgres
from ledger.store.embedded_layout import default_data_dir
from ledger.store.errors import StoreError
from ledger.store.migrate import migrate, pending
from ledger.transparency.memory import LogFolder, demand_all_signed
from projections import schema
from projections.rebuild import RebuildRunning, rebuild

log: Final = structlog.get_logger(__name__)

RUNNING_FILE: Final = "running.json"


class MigrationsPending(StoreError):
    """The database lacks {missing}. Run `clusterledger migrate` as the owner of its tables."""


class Place(Struct, frozen=True):
    """A ledger that can be opened. `owner_url` migrates, `url` serves."""

    url: str
    owner_url: str
    shown: str
    postgres: EmbeddedPostgres | None = None


class Running(Struct, frozen=True):
    """What a running service leaves in its data folder for the other commands."""

    pid: int
    url: str
    owner_url: str
    address: str | None = None


def data_dir_of(settings: Settings) -> Path:
    """The data folder: as set, or the user's own."""
    return Path(settings.data_dir) if settings.data_dir else default_data_dir()


def log_dir_of(settings: Settings) -> str | None:
    """Where the log is signed from: as set, or in the data folder."""
    if settings.log_dir is None and settings.database_url is None:
        return str(data_dir_of(settings) / "log")
    return settings.log_dir


def log_files_at(settings: Settings) -> LogFolder | None:
    """What is signed from there, and published; None where this service signs no log."""
    return LogFolder.of(log_dir_of(settings), settings.checkpoint_dir)


@contextmanager
def opened(settings: Settings) -> Iterator[Place]:
    """The ledger's place, ready to serve: started, migrated, created. Raises StoreError.

    With a database URL nothing is migrated: that is the owner's decision (`clusterledger migrate`).
    Read models of other code are built anew.
    """
    if settings.database_url:
        place = _server(settings)
        _ensure_models(place.url)
        yield place
        return
    data_dir = data_dir_of(settings)
    binaries = Path(settings.postgres_bin) if settings.postgres_bin else None
    with EmbeddedPostgres.start(data_dir, postgres_bin=binaries) as postgres:
        migrate(postgres.url)
        postgres.admit_service()
        _ensure_ledger(postgres.url, settings)
        _ensure_models(postgres.service_url)
        place = Place(postgres.service_url, postgres.url, str(data_dir), postgres)
        note_running(data_dir, Running(os.getpid(), place.url, place.owner_url))
        try:
            yield place
        finally:
            (data_dir / RUNNING_FILE).unlink(missing_ok=True)


@contextmanager
def visited(settings: Settings) -> Iterator[Place]:
    """The ledger's place for a short command: a running service's, or one's own for that time."""
    if settings.database_url:
        yield _server(settings)
        return
    running = running_in(data_dir_of(settings))
    if running is not None:
        yield Place(running.url, running.owner_url, str(data_dir_of(settings)))
        return
    try:
        with opened(settings) as place:
            yield place
    except AlreadySupervised:
        # A service started between the look and the start: it is there now.
        running = running_in(data_dir_of(settings))
        if running is None:
            raise
        yield Place(running.url, running.owner_url, str(data_dir_of(settings)))


@contextmanager
def written(place: Place, settings: Settings, *, driven: bool = False) -> Iterator[Ledger]:
    """The ledger, open for writing: only where it holds what was signed. Raises StoreError."""
    files = log_files_at(settings)
    with Ledger.open(place.url, driven=driven) as ledger:
        if files is not None:
            with connect(place.url, READER, autocommit=True) as conn:
                given_up = settings.despite_checkpoint
                demand_all_signed(conn, files, ledger.book.origin, despite=given_up)
        yield ledger


def note_running(data_dir: Path, running: Running) -> None:
    """Tell the other commands where this service is."""
    path = data_dir / RUNNING_FILE
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(running))
    fresh.replace(path)


def running_in(data_dir: Path) -> Running | None:
    """The service that runs on a data folder, if one does."""
    try:
        running = msgspec.json.decode((data_dir / RUNNING_FILE).read_bytes(), type=Running)
        os.kill(running.pid, 0)
    except (OSError, msgspec.DecodeError):
        return None
    return running


def _server(settings: Settings) -> Place:
    url = settings.database_url
    assert url is not None
    missing = pending(url)
    if missing:
        raise MigrationsPending(missing=", ".join(missing))
    if book.origin_of(url) is None:
        raise book.NoLedger
    if settings.origin is not None and book.origin_of(url) != settings.origin:
        raise book.OtherOrigin(found=book.origin_of(url), wanted=settings.origin)
    return Place(url, url, "the database of CLUSTERLEDGER_DATABASE_URL")


def _ensure_ledger(owner_url: str, settings: Settings) -> None:
    """A new data folder gets its ledger; an old one keeps its origin."""
    found = book.origin_of(owner_url)
    book.create(owner_url, settings.origin or found or DEFAULT_ORIGIN)


def _ensure_models(url: str) -> None:
    """Read models there, and made by this code: others are built anew before anyone asks them."""
    schema.ensure(url)
    if schema.needs_rebuild(url):
        log.warning("read_models_outdated", action="rebuild")
        with suppress(RebuildRunning):  # another process is at it
            rebuild(url)
