"""Figures of pages: how long people wait for every page, and for a search.

What a page counts once and keeps is counted before the clock starts; the pages named `…_counting`
are asked for at positions nobody asked for, and answer while that is being counted.
"""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

import orjson
from msgspec import Struct
from psycopg import Connection

from api import auth
from api.demonstration import PROGRAMME_END
from ledger.store.database import READER, WRITER, connect
from tests.bench.client import Job, Report, loaded
from tests.bench.requests import CLUSTER, SOURCE, asked, waiting
from tests.bench.rows import Row, row
from tests.bench.stage import Service, Stage

PEOPLE: Final = 50
"""Connections; each asks once a second."""
SECONDS: Final = 4.0
"""How long each page is asked for; shorter where the run is a quick one."""
WARMING_S: Final = 240.0
LIMIT_MS: Final = 100
BEHIND: Final = 1_000
"""The report that is filed is of so many facts before the head."""
_BUSIEST: Final = """SELECT organisation_id, min(name) FROM models.membership
    JOIN models.organisation USING (organisation_id)
    GROUP BY organisation_id ORDER BY count(*) DESC, organisation_id LIMIT 1"""
_LARGEST: Final = """SELECT activity_id FROM models.attendance
    GROUP BY activity_id ORDER BY count(*) DESC, activity_id LIMIT 1"""
_WIDEST: Final = """SELECT project_id FROM models.enrolment
    GROUP BY project_id ORDER BY count(*) DESC, project_id LIMIT 1"""
SCOPES: Final = {
    "public": (),
    "ministry": ("figures:read", "reports:file"),
    "auditor": ("figures:read", "trail:read"),
    "operator": ("admin",),
}


class Opened(Struct, frozen=True):
    """A page that people open: who, where, with which form, whether it was counted before."""

    who: str
    path: str
    form: str | None = None
    is_warm: bool = True


def page_p95_ms(stage: Stage) -> Iterator[Row]:
    """The slowest of all pages, each for 50 people at a time; then each."""
    with stage.service() as service:
        keys = {who: _key(stage, *scopes) for who, scopes in SCOPES.items()}
        keys["office"] = service.key
        pages = _pages(stage, service, keys["operator"])
        found = {
            name: _opened(stage, service, keys[page.who], page).p95_ms
            for name, page in pages.items()
        }
    yield row("page_p95_ms", max(found.values()), "ms", LIMIT_MS)
    for name, value in found.items():
        yield row(f"page_p95_ms_{name}", value, "ms")


def search_ms(stage: Stage) -> Iterator[Row]:
    """The slowest twentieth of searches for a part of a name, as 50 people type them."""
    with stage.service() as service:
        key = _key(stage, *SCOPES["auditor"])
        report = _opened(stage, service, key, Opened("auditor", _search(stage)))
    yield row("search_ms", report.p95_ms, "ms", LIMIT_MS)


def _opened(stage: Stage, service: Service, key: str, page: Opened) -> Report:
    seconds = min(stage.sizes.paced_s, SECONDS)
    if page.is_warm:  # what is kept is kept from here on
        once = (key, page.path, page.form)
        loaded(Job(service.port, waiting, once, 1, WARMING_S))
    made = (key, page.path, page.form, int(PEOPLE * seconds))
    return loaded(Job(service.port, asked, made, PEOPLE, seconds + 10, PEOPLE))


def _pages(stage: Stage, service: Service, operator: str) -> dict[str, Opened]:
    with connect(stage.place.url, READER, autocommit=True) as conn:
        head = _one(conn, "SELECT position FROM ledger.head")
        activity, project = _one(conn, _LARGEST), _one(conn, _WIDEST)
    organisation, _ = _busiest(stage)
    filed, later = (_filed(service, operator, at) for at in (head - BEHIND, head))
    stage.caught_up()
    held = service.get(f"/v1/facts?type=activity.held.v1&cluster={CLUSTER}&limit=1")[0]
    correct = f"/de/trail/{orjson.loads(held)['items'][0]['position']}/correct"
    preview = f"/de/reports/preview?report=complete&to={PROGRAMME_END}"
    of_whole = f"to={PROGRAMME_END}&known_at={head}"
    signed_in = {
        "clusters": "/de/clusters",
        "cluster": f"/de/clusters/{CLUSTER}",
        "organisations": "/de/organisations",
        "organisation": f"/de/organisations/{organisation}",
        "activities": "/de/activities",
        "activity": f"/de/activities/{activity}",
        "projects": "/de/projects",
        "project": f"/de/projects/{project}",
        "search": _search(stage),
        "trail": "/de/trail",
        "fact": f"/de/trail/{head // 2}",
        "reports": "/de/reports",
        "filed": f"/de/reports/{filed}",
        "restatement": f"/de/reports/{filed}/restatement?known_at={later}",
        "figure_facts": f"/de/figures/companies_involved/facts?{of_whole}",
        "figure_cell": f"/de/figures/members/facts?{of_whole}&by=nuts3&key=DE212",
        "figure_clusters": f"/de/figures/participations/clusters?known_at={head}",
        "overview_then": f"/de?known_at={head // 2}",
    }
    public = {
        "overview": "/de",
        "filed_public": f"/de/reports/{filed}",
        "method": "/de/method",
        "figure": "/de/method/participations",
        "accessibility": "/de/accessibility",
        "privacy": "/de/privacy",
        "imprint": "/de/imprint",
        "sign_in": "/de/sign-in",
    }
    counting = {
        "preview_counting": f"{preview}&known_at={head - 11}",
        "restatement_counting": f"/de/reports/{filed}/restatement/{later}",
        "figure_clusters_counting": f"/de/figures/activities/clusters?known_at={head - 13}",
        "overview_counting": f"/de?known_at={head // 3}",
    }
    return {
        **{name: Opened("public", path) for name, path in public.items()},
        **{name: Opened("auditor", path) for name, path in signed_in.items()},
        "preview": Opened("ministry", f"{preview}&known_at={head}"),
        "correction": Opened("office", correct),
        "correction_preview": Opened("office", correct, "action=preview&reason=bench"),
        "operations": Opened("operator", "/de/operations"),
        **{name: Opened("auditor", path, is_warm=False) for name, path in counting.items()},
    }


def _filed(service: Service, operator: str, known_at: int) -> int:
    """The position of the complete set, filed as known at a position."""
    asked_for = {
        "id": f"bench-{known_at}",
        "source": SOURCE,
        "report": "complete",
        "period": {"to": str(PROGRAMME_END)},
        "known_at": known_at,
    }
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {operator}"}
    answer = orjson.loads(service.ask("/v1/reports", orjson.dumps(asked_for), headers))
    return int(answer["receipt"]["position"])


def _search(stage: Stage) -> str:
    _, words = _busiest(stage)
    return f"/de/search?q={quote(words[:4].strip())}"


def _busiest(stage: Stage) -> tuple[str, str]:
    """The organisation with the most memberships: its id and name."""
    with connect(stage.place.url, READER, autocommit=True) as conn:
        organisation, name = conn.execute(_BUSIEST).fetchone() or ("", "")
    return str(organisation), str(name)


def _one(conn: Connection[Any], query: str) -> Any:
    ((value,),) = conn.execute(query).fetchall()  # type: ignore[arg-type]  # a constant of this file
    return value


def _key(stage: Stage, *scopes: str) -> str:
    """A key that may so much everywhere; '' for nobody's."""
    if not scopes:
        return ""
    with connect(stage.place.url, WRITER, autocommit=True) as conn:
        key, _ = auth.create_key(
            conn, label="page", scopes=list(scopes), clusters=[], sources=["*"]
        )
    return key
