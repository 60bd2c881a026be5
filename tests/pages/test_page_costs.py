"""What a page costs: questions to the database, and bytes on the way."""

from __future__ import annotations

import gzip
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

from api.web.assets import STATIC_DIR
from tests.api.programme import Programme, activity, of, organisation
from tests.pages.browser import Browser

ROWS = 12
FIRST = str(UUID(int=70_000))
"""An organisation in every cluster and project, and at every activity, that is added."""
PROJECT_OF_ALL = str(UUID(int=71_000))
FONTS = ("fira-sans-latin-400.woff2", "fira-sans-latin-600.woff2")
"""What a German or English page needs; the others are for names from farther away."""
PAGES = (
    "/clusters",
    "/clusters/bio",
    "/organisations",
    f"/organisations/{FIRST}",
    "/activities",
    "/projects",
    f"/projects/{PROJECT_OF_ALL}",
    "/search?q=Gesellschaft",
    "/trail",
    "/trail/5",
    "/reports",
    "/method",
    "/operations",
    "/accessibility",
    "/privacy",
    "/docs/problems",
    "",
)


def row_of(n: int) -> tuple[tuple[str, Any], ...]:
    """One more of everything that pages list."""
    id, day = str(UUID(int=70_000 + n)), {"effective_on": "2020-01-01"}
    code, held, project = f"c{n}", str(UUID(int=72_000 + n)), str(UUID(int=73_000 + n))
    name = f"{n} Gesellschaft für angewandte Werkstoff- und Oberflächentechnik in Bayern mbH"
    of_all = {"project_id": PROJECT_OF_ALL, **day}
    return (
        organisation(id, name),
        ("cluster.registered.v1", {"cluster": code, "name": f"Cluster {n}", **day}),
        ("membership.admitted.v1", of(FIRST, code, **day)),
        ("membership.admitted.v1", of(id, "bio", **day)),
        activity(held, f"{name}: Tagung", "2020-05-01", "bio"),
        ("activity.held.v1", {"activity_id": held, "held_on": "2020-05-01"}),
        (
            "attendance.recorded.v1",
            {
                "activity_id": held,
                "person_ref": str(UUID(int=74_000 + n)),
                "organisation_id": FIRST,
            },
        ),
        *(
            (f"project.{step}.v1", {"project_id": project, **more, **day})
            for step, more in (
                ("proposed", {"title": f"{name}: Projekt", "clusters": ["bio"]}),
                ("approved", {"volume_cents": 5, "grant_cents": 2}),
                ("started", {}),
            )
        ),
        *(
            ("enrolment.started.v1", {**enrolled, "organisation_id": who, "role": "partner", **day})
            for enrolled, who in (({"project_id": project}, FIRST), (of_all, id))
        ),
    )


@pytest.fixture(scope="module")
def operator(programme: Programme) -> Browser:
    day = {"project_id": PROJECT_OF_ALL, "effective_on": "2020-01-01"}
    programme.admin.post(
        ("project.proposed.v1", {**day, "title": "Alle", "clusters": ["bio"]}),
        ("project.approved.v1", {**day, "volume_cents": 5, "grant_cents": 2}),
        ("project.started.v1", day),
    )
    browser = Browser(programme.service)
    browser.sign_in(programme.service.key("admin")[0])
    return browser


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[str]]]:
    """What pages asked of the database since the last call: they read in threads of their own."""
    statements: list[str] = []
    execute = psycopg.Cursor.execute

    def counting(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        if threading.current_thread().name.startswith("reader"):
            statements.append(str(query))
        return execute(self, query, *args, **kwargs)

    monkeypatch.setattr(psycopg.Cursor, "execute", counting)

    def since() -> list[str]:
        found = statements.copy()
        statements.clear()
        return found

    return since


def test_no_page_asks_a_question_per_row(
    programme: Programme, operator: Browser, asked: Callable[[], list[str]]
) -> None:
    def counts() -> dict[str, int]:
        programme.list("clusters", min_position=programme.service.position)
        found = {}
        for path in PAGES:
            operator.get(with_day(path))  # what is looked up once and kept
            asked()
            status, _, _ = operator.get(with_day(path))
            assert status == 200, path
            found[path] = len(asked())
        return found

    programme.admin.post(*(fact for n in range(ROWS) for fact in row_of(n)))
    few = counts()
    programme.admin.post(*(fact for n in range(ROWS, 2 * ROWS) for fact in row_of(n)))
    assert counts() == few
    assert max(few.values()) > 3, "the control: they are counted"


def with_day(path: str) -> str:
    return f"/de{path}{'&' if '?' in path else '?'}as_of=2020-06-01"


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_below_200_kb_with_styles_scripts_and_fonts(
    programme: Programme, operator: Browser, path: str
) -> None:
    page = operator.get(with_day(path))[2]
    named = {url.partition("?")[0] for url in re.findall(r'(?:href|src)="/static/([^"]+)"', page)}
    files = [STATIC_DIR / name for name in named if not name.endswith(".html")]
    fonts = sum((STATIC_DIR / "fira-sans" / name).stat().st_size for name in FONTS)
    packed = [len(gzip.compress(one.read_bytes(), 6)) for one in files]
    assert len(packed) >= 5, "styles, scripts, the icon"
    assert len(gzip.compress(page.encode(), 6)) + sum(packed) + fonts < 200_000
