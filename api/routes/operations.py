"""Is it alive, is it ready, what does it offer."""

from typing import Any

import orjson
import psycopg
from aiohttp import web
from msgspec.structs import asdict

from api.contract import PUBLIC, Answer, Route
from api.problems import Problem
from api.requests import authority_of
from api.signing import signing_of
from api.state import STATE
from ledger.store.migrate import pending_in
from projections import progress, schema

LAG_FACTS_DEGRADED = 100_000
LAG_S_DEGRADED = 60.0


async def livez(_: web.Request) -> web.StreamResponse:
    """The process answers; no database is asked."""
    return _json({"status": "alive"})


async def readyz(request: web.Request) -> web.StreamResponse:
    """Whether to send requests here: `ready`, `degraded` (read models are behind, or other code
    made them and nothing here follows; the log is not signed; facts are not taken, or were not
    recorded lately) or 503. What the alarm says is for a key with `admin`."""
    state = request.app[STATE]
    try:
        missing = await state.read(pending_in)
        lag = await state.read(progress.lag_of)
        alarm = await state.read(progress.alarm_of)
        outdated = await state.read(schema.outdated)
        signing = await signing_of(state)
    except psycopg.Error as error:
        raise Problem("unavailable", "The database cannot be reached.") from error
    if missing:
        raise Problem("unavailable", f"Migrations are pending: {', '.join(missing)}.")
    behind = lag.head - lag.position > LAG_FACTS_DEGRADED or lag.seconds > LAG_S_DEGRADED
    unsigned = signing is not None and not signing.is_well
    failing = state.counts.failing()
    status = "degraded" if alarm or behind or outdated or unsigned or failing else "ready"
    answer: dict[str, Any] = {
        "status": status,
        "position": lag.head,
        "read_models": {
            "position": lag.position,
            "lag_facts": lag.head - lag.position,
            "lag_seconds": round(lag.seconds, 3),
            "outdated": outdated,
        },
    }
    if failing:
        answer["writes_failing"] = failing
    if alarm:
        told = alarm._asdict()
        if not authority_of(request).is_admin:
            del told["error"]  # it may quote a fact
        answer["alarm"] = told
    if signing is not None:
        answer["log"] = asdict(signing)
    return _json(answer)


def _json(value: Any) -> web.Response:
    return web.Response(
        body=orjson.dumps(value, default=str),
        headers={"Content-Type": "application/json", "Cache-Control": "no-store"},
    )


ROUTES = (
    Route(
        "GET",
        "/livez",
        livez,
        "Whether the process answers",
        PUBLIC,
        {200: Answer("It does.", dict[str, str])},
        "operations",
    ),
    Route(
        "GET",
        "/readyz",
        readyz,
        "Whether it is ready: schema, lag, alarms",
        PUBLIC,
        {200: Answer("Ready or degraded.", dict[str, Any])},
        "operations",
        problems=(503,),
    ),
)
