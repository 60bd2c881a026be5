"""Operations: how far the read models are, what the writer does, who may sign in."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, get_args
from uuid import UUID

import msgspec
from aiohttp import web
from msgspec import Struct
from psycopg import Connection

from api.answers import EVENTS, accepted
from api.auth import Key, list_keys, revoke_key
from api.contract import Answer, Route
from api.pages.sheet import Ask, PageQuery, Sent, Sheet, form, page
from api.problems import Problem
from api.signing import Signing, signing_of
from api.state import STATE, State
from api.streams import STREAMS, still_may, streamed
from api.users import end_sessions, list_users
from ledger.domain.commands import ADMIN
from ledger.transparency.memory import LogFolder
from ledger.transparency.note import InvalidNote, VerifierKey
from projections import progress
from projections.figures.catalogue import Text
from projections.progress import Alarm, Rebuilding
from projections.views.names import cluster_names

LOOK_EVERY_S: Final = 1.0
JobName = Literal["backup", "verify"]


class Writing(Struct, frozen=True):
    """What this process has recorded since it started."""

    facts: int
    batches: int
    queued_facts: int
    commit_s: float


class Standing(Struct, frozen=True):
    """How far the read models are. Of a rebuild, how far it is."""

    head: int
    position: int
    lag_facts: int
    lag_s: float
    alarm: Alarm | None
    rebuilding: Rebuilding | None


class Person(Struct, frozen=True):
    """Somebody who has signed in with the identity provider: a random id, and their roles."""

    user_id: UUID
    roles: tuple[str, ...]
    signed_in_at: Any


class Log(Struct, frozen=True):
    """How far the log is signed, and the names of the keys that sign it (`name+hash`)."""

    signing: Signing
    signed_by: list[str]


class Job(Struct, frozen=True):
    """A job outside the service, and when it last said that it had succeeded; null: never yet."""

    name: JobName
    succeeded_at: datetime | None


class Operations(Standing, frozen=True):
    """The state of the service. `jobs` null: it does not hear of them."""

    origin: str
    writing: Writing
    log: Log | None
    jobs: list[Job] | None
    keys: list[Key]
    people: list[Person]


async def shown(ask: Ask[PageQuery]) -> Sheet:
    """Lag, alarm, rebuild, writer, log, keys, people."""
    standing = await ask.state.read(_standing)
    writer = ask.state.ledger.writer
    done = writer.statistics
    data = Operations(
        **msgspec.structs.asdict(standing),
        origin=ask.state.ledger.book.origin,
        writing=Writing(done.facts, done.batches, writer.queued_facts, round(done.commit_s, 3)),
        log=await _log(ask.state),
        jobs=await asyncio.to_thread(_jobs, ask.state.settings.jobs_dir),
        keys=await ask.state.read_keys(list_keys),
        people=[
            Person(user.user_id, user.roles, user.asserted_at)
            for user in await ask.state.read_keys(list_users)
        ],
    )
    return Sheet(
        title=Text("Betrieb", "Operations"),
        template="operations.html",
        data=data,
        rows=data.keys,
        content={"names": await ask.state.read(cluster_names, ask.cut)},
    )


async def revoke(ask: Ask[PageQuery], fields: Mapping[str, str]) -> Sheet | Sent:
    """A key holds no longer, and neither do its sessions."""
    await ask.state.read_keys(revoke_key, _id(fields))
    return Sent("/operations")


async def sign_out(ask: Ask[PageQuery], fields: Mapping[str, str]) -> Sheet | Sent:
    """A person's sessions end."""
    await ask.state.read_keys(end_sessions, _id(fields))
    return Sent("/operations")


async def live(request: web.Request) -> web.StreamResponse:
    """How far the read models and a rebuild are, whenever that changes. Looks every second."""
    accepted(request, EVENTS)
    return await streamed(request, partial(_follow, request))


async def _follow(request: web.Request, response: web.StreamResponse) -> None:
    state, ending = request.app[STATE], request.app[STREAMS].ending
    said: Standing | None = None
    while not ending.is_set() and await still_may(request, ADMIN):
        with suppress(Problem):  # a swap, or the database away: at the next look
            found = await state.read(_standing)
            if found != said:
                said = found
                await response.write(b"data: %b\n\n" % msgspec.json.encode(said))
        await response.write(b": \n\n")
        with suppress(TimeoutError):
            await asyncio.wait_for(ending.wait(), LOOK_EVERY_S)


async def _log(state: State) -> Log | None:
    signing = await signing_of(state)
    if signing is None or state.log_files is None:
        return None
    return Log(signing, await asyncio.to_thread(_names, state.log_files))


def _names(files: LogFolder) -> list[str]:
    """Names of the keys; none where they cannot be read: `refused` says why nothing is signed."""
    try:
        keys = [VerifierKey.parse(line) for line in files.public.read_text().split()]
    except (InvalidNote, OSError):
        return []
    return [f"{key.name}+{key.id.hex()}" for key in keys]


def _jobs(folder: str | None) -> list[Job] | None:
    """By the times of the files that the jobs touch."""
    if folder is None:
        return None
    return [Job(name, _touched_at(Path(folder) / name)) for name in get_args(JobName)]


def _touched_at(path: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return None


def _standing(conn: Connection[Any]) -> Standing:
    lag = progress.lag_of(conn)
    return Standing(
        lag.head,
        lag.position,
        lag.head - lag.position,
        round(lag.seconds, 3),
        progress.alarm_of(conn),
        progress.rebuilding_of(conn),
    )


def _id(fields: Mapping[str, str]) -> UUID:
    try:
        return UUID(fields.get("id", ""))
    except ValueError as error:
        raise Problem("not_found", "There is no such id.") from error


ROUTES: Final = (
    page("/operations", shown, "Operations", scope=ADMIN),
    form("/operations/revoke", revoke, "Revoke a key", scope=ADMIN),
    form("/operations/sign-out", sign_out, "End a person's sessions", scope=ADMIN),
    Route(
        "GET",
        "/v1/operations/live",
        live,
        "Lag and rebuild as they change (Server-Sent Events)",
        ADMIN,
        {200: Answer("A stream of what the page of operations shows.", None, (EVENTS,))},
        "operations",
        problems=(401, 403, 406, 429, 503),
    ),
)
