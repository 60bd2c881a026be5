"""What the commands do, apart from the demonstration and posting files."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import structlog
from msgspec.structs import replace

from api import auth
from api.cli.place import (
    Place,
    Running,
    data_dir_of,
    log_dir_of,
    note_running,
    opened,
    running_in,
    visited,
)
from api.cli.terminal import CommandError, progress_bar
from api.logs import configure
from api.settings import DEFAULT_ORIGIN, Settings
from api.users import LINK_MINUTES, create_link
from ledger.store import book
from ledger.store.database import WRITER, connect
from ledger.store.migrate import migrate as apply_migrations
from projections import progress as models
from projections.check import check as check_models
from projections.rebuild import rebuild as rebuild_models

log: Final = structlog.get_logger(__name__)


def serve(settings: Settings) -> None:
    """Serve until a signal says stop."""
    configure(settings.log_level)
    with opened(settings) as place:
        serve_at(place, settings)


def serve_at(place: Place, settings: Settings) -> None:
    """Serve an opened place, saying where."""
    from api.cli.processes import Service, listen

    settings = replace(settings, log_dir=log_dir_of(settings))
    if settings.log_dir is None:
        log.warning("log_not_signed", set="CLUSTERLEDGER_LOG_DIR")
    elif settings.checkpoint_dir is None and not settings.is_local:
        log.warning("checkpoints_not_published", set="CLUSTERLEDGER_CHECKPOINT_DIR")
    if settings.despite_checkpoint is not None:
        log.warning("checkpoint_given_up", tree_size=settings.despite_checkpoint)
    with listen(settings.host, settings.port) as listener:
        host, port = listener.getsockname()[:2]
        address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        service = Service(place.url, settings, listener, place.postgres)
        service.start()
        if place.postgres is not None:
            running = Running(os.getpid(), place.url, place.owner_url, address)
            note_running(data_dir_of(settings), running)
        print(f"clusterledger: {address}/  (API: {address}/docs)", flush=True)
        if settings.is_local:
            print(f"clusterledger: sign in once, within {LINK_MINUTES} minutes: ", end="")
            print(_link(place, address), flush=True)
        try:
            service.run()
        finally:
            service.stop()


def rebuild(settings: Settings, *, accept: bool, quiet: bool) -> dict[str, Any]:
    """Rebuild the read models."""
    _quiet_logs(settings)
    with visited(settings) as place, progress_bar("rebuild", None, quiet=quiet) as bar:
        report = rebuild_models(place.url, bar.update, accept=accept)
    return {
        "position": report.position,
        "seconds": round(report.seconds, 3),
        "facts_per_s": round(report.facts_per_s),
        "differences": None if report.differences is None else list(map(str, report.differences)),
    }


def check(settings: Settings, *, quiet: bool) -> dict[str, Any]:
    """Check the read models and the book."""
    _quiet_logs(settings)
    with visited(settings) as place, progress_bar("check", None, quiet=quiet) as bar:
        found = check_models(place.url, bar.update)
    return {
        "head": found.head,
        "position": found.position,
        "findings": [str(finding) for finding in found.findings],
    }


def status(settings: Settings) -> dict[str, Any]:
    """How far everything is."""
    _quiet_logs(settings)
    with visited(settings) as place:
        lag = models.lag(place.url)
        alarm = models.alarm(place.url)
        origin = book.origin_of(place.url)
    return {
        "origin": origin,
        "place": place.shown,
        "position": lag.head,
        "read_models": lag.position,
        "lag_facts": lag.head - lag.position,
        "lag_seconds": round(lag.seconds, 3),
        "alarm": None if alarm is None else f"position {alarm.position}: {alarm.error}",
    }


def migrate(settings: Settings) -> dict[str, Any]:
    """Apply the migrations to a server's database."""
    _quiet_logs(settings)
    return {"applied": apply_migrations(_server_url(settings))}


def init(settings: Settings) -> dict[str, Any]:
    """Migrate a server's database and create the ledger in it."""
    applied = migrate(settings)["applied"]
    origin = settings.origin or DEFAULT_ORIGIN
    book.create(_server_url(settings), origin)
    return {"origin": origin, "applied": applied}


def _server_url(settings: Settings) -> str:
    if settings.database_url is None:
        raise CommandError(
            "Name the database: --database-url or CLUSTERLEDGER_DATABASE_URL, as the owner of its"
            " tables. The service's own PostgreSQL needs no such step."
        )
    return settings.database_url


def create_key(
    settings: Settings,
    *,
    label: str,
    scopes: Sequence[str],
    clusters: Sequence[str],
    sources: Sequence[str],
    expires: datetime | None,
) -> dict[str, Any]:
    """Create a key."""
    for scope in scopes:
        if not auth.is_scope(scope):
            known = ", ".join(auth.SCOPES)
            raise CommandError(f"{scope!r} is no scope. Scopes are: {known}.")
    _quiet_logs(settings)
    with visited(settings) as place, connect(place.url, WRITER, autocommit=True) as conn:
        secret, key_id = auth.create_key(
            conn,
            label=label,
            scopes=scopes,
            clusters=clusters,
            sources=sources,
            expires_at=expires and expires.replace(tzinfo=UTC),
        )
    return {"key": secret, "key_id": str(key_id), "note": "The key is shown this once."}


def sign_in_link(settings: Settings) -> dict[str, Any]:
    """A link that signs an operator in, once."""
    _quiet_logs(settings)
    address = settings.public_url
    if address is None and settings.database_url is None:
        running = running_in(data_dir_of(settings))
        address = None if running is None else running.address
    if address is None:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        address = f"http://{host}:{settings.port}"
    with visited(settings) as place:
        link = _link(place, address)
    note = f"Good for one sign-in as operator, for {LINK_MINUTES} minutes."
    return {"link": link, "note": note}


def _link(place: Place, address: str) -> str:
    with connect(place.url, WRITER, autocommit=True) as conn:
        return f"{address.rstrip('/')}/de/sign-in/link?token={create_link(conn)}"


def list_keys(settings: Settings) -> list[dict[str, Any]]:
    """All keys."""
    _quiet_logs(settings)
    with visited(settings) as place, connect(place.url, WRITER, autocommit=True) as conn:
        return [
            {name: getattr(key, name) for name in key.__struct_fields__}
            for key in auth.list_keys(conn)
        ]


def revoke_key(settings: Settings, key_id: UUID) -> dict[str, Any]:
    """Revoke one."""
    _quiet_logs(settings)
    with visited(settings) as place, connect(place.url, WRITER, autocommit=True) as conn:
        if not auth.revoke_key(conn, key_id):
            raise CommandError(f"There is no key {key_id} that could be revoked.")
    return {"revoked": str(key_id)}


def _quiet_logs(settings: Settings) -> None:
    """A short command prints its answer, and logs only what goes wrong."""
    configure("warning" if settings.log_level == "info" else settings.log_level)
