"""Figures of pages: how long people wait for the pages they open, and for a search."""

from collections.abc import Iterator
from typing import Any, Final

from psycopg import Connection

from api import auth
from ledger.store.database import READER, WRITER, connect
from tests.bench.client import Job, Report, loaded
from tests.bench.requests import CLUSTER, gets
from tests.bench.rows import Row, row
from tests.bench.stage import Service, Stage

PEOPLE: Final = 50
"""Connections; each asks once a second."""
LIMIT_MS: Final = 100
_BUSIEST: Final = """SELECT organisation_id, min(name) FROM models.membership
    JOIN models.organisation USING (organisation_id)
    GROUP BY organisation_id ORDER BY count(*) DESC, organisation_id LIMIT 1"""


def page_p95_ms(stage: Stage) -> Iterator[Row]:
    """The slowest of the pages that people open most, each for 50 people at a time; then each."""
    with stage.service() as service:
        key = _auditor(stage)
        paths = _paths(stage)
        found = {name: _opened(stage, service, key, path).p95_ms for name, path in paths.items()}
    yield row("page_p95_ms", max(found.values()), "ms", LIMIT_MS)
    for name, value in found.items():
        yield row(f"page_p95_ms_{name}", value, "ms")


def search_ms(stage: Stage) -> Iterator[Row]:
    """The slowest twentieth of searches for a part of a name, as 50 people type them."""
    with stage.service() as service:
        _, words = _busiest(stage)
        report = _opened(stage, service, _auditor(stage), f"/de/search?q={words[:4].strip()}")
    yield row("search_ms", report.p95_ms, "ms", LIMIT_MS)


def _opened(stage: Stage, service: Service, key: str, path: str) -> Report:
    seconds = stage.sizes.paced_s
    made = (key, path, int(PEOPLE * seconds))
    loaded(Job(service.port, gets, (key, path, 1), 1))  # what is kept is kept from here on
    return loaded(Job(service.port, gets, made, PEOPLE, seconds + 10, PEOPLE))


def _paths(stage: Stage) -> dict[str, str]:
    organisation, _ = _busiest(stage)
    with connect(stage.place.url, READER, autocommit=True) as conn:
        position = _one(conn, "SELECT position FROM ledger.head")[0] // 2
    return {
        "overview": "/de",
        "organisations": "/de/organisations",
        "organisation": f"/de/organisations/{organisation}",
        "cluster": f"/de/clusters/{CLUSTER}",
        "activities": "/de/activities",
        "trail": "/de/trail",
        "fact": f"/de/trail/{position}",
    }


def _busiest(stage: Stage) -> tuple[str, str]:
    """The organisation with the most memberships: its id and name."""
    with connect(stage.place.url, READER, autocommit=True) as conn:
        organisation, name = _one(conn, _BUSIEST)
    return str(organisation), str(name)


def _one(conn: Connection[Any], query: str) -> Any:
    return conn.execute(query).fetchone()  # type: ignore[arg-type]  # a constant of this file


def _auditor(stage: Stage) -> str:
    """A key that reads everything."""
    scopes = ["figures:read", "trail:read"]
    with connect(stage.place.url, WRITER, autocommit=True) as conn:
        key, _ = auth.create_key(conn, label="auditor", scopes=scopes, clusters=[], sources=[])
    return key
