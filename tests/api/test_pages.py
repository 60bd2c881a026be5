"""The first page, the files of the pages, and what their answers carry."""

from __future__ import annotations

import gzip
import re
import socket

import pytest

from api.web.assets import asset
from tests.api.running import Answer, Client, Service


def cluster(code: str) -> tuple[str, dict[str, str]]:
    data = {"cluster": code, "name": f"Cluster {code}", "effective_on": "2020-01-01"}
    return "cluster.registered.v1", data


def member(number: int) -> list[tuple[str, dict[str, str]]]:
    id = f"f47ac10b-58cc-4372-a567-0e02b2c3d{number:03d}"
    organisation = {"organisation_id": id, "name": f"Firma {number}", "kind": "company"}
    admitted = {"organisation_id": id, "cluster": "biotech", "effective_on": "2021-03-01"}
    return [
        ("organisation.registered.v1", organisation | {"effective_on": "2020-01-01"}),
        ("membership.admitted.v1", admitted),
    ]


def known(service: Service) -> None:
    """Wait until the read models are where the book is."""
    state = service.app_runner.app[next(k for k in service.app_runner.app if "state" in str(k))]
    assert service.service_loop.run(state.progress.reach(service.position, 10))


def test_an_empty_ledger_says_what_to_do(service: Service) -> None:
    answer = service.public().get("/")
    assert answer.status == 200
    assert 'lang="de"' in answer.body.decode()
    assert "clusterledger demo" in answer.body.decode()


def test_the_first_page_shows_the_figures_and_its_position(service: Service) -> None:
    admin = service.client("admin")
    admin.post(cluster("biotech"))
    admin.post(*(fact for number in range(6) for fact in member(number)))
    known(service)
    german, english = (service.public().get(path).body.decode() for path in ("/", "/en"))
    assert "Stand: Position 13" in german
    assert "Cluster biotech" in english
    assert re.search(r"@\d", english), "every figure names its definition's version"


def test_the_page_follows_the_ledger(service: Service) -> None:
    admin, public = service.client("admin"), service.public()
    admin.post(cluster("biotech"))
    known(service)
    first = public.get("/")
    admin.post(cluster("energy"))
    known(service)
    # Without a new count the page says how far behind it is: never "up to date".
    second = public.get("/")
    assert first.headers["ETag"] != second.headers["ETag"]


def test_de_is_the_german_page(shared_service: Service) -> None:
    public = shared_service.public()
    both = [re.search(rb"<main.*</main>", public.get(p).body, re.DOTALL) for p in ("/", "/de")]
    assert both[0] is not None
    assert both[1] is not None
    assert both[0][0] == both[1][0]


@pytest.mark.parametrize("path", ["/", "/en", "/docs", "/docs/problems", "/openapi.json"])
def test_a_page_that_did_not_change_is_not_sent_again(shared_service: Service, path: str) -> None:
    public = shared_service.public()
    first = public.get(path)
    assert first.headers["Cache-Control"].endswith("no-cache")
    again = public.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    other = public.get(path, headers={"If-None-Match": '"other"'})
    assert other.status == 200


@pytest.mark.parametrize("path", ["/", "/en", "/docs", "/static/site.css", "/nowhere", "/livez"])
def test_every_answer_carries_the_security_headers(shared_service: Service, path: str) -> None:
    headers = shared_service.public().get(path).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Server"] == "clusterledger"
    assert headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip", True),
        ("br, gzip;q=0.5", True),
        ("*", True),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000, br", False),
    ],
)
def test_pages_are_packed_for_who_can_unpack(
    shared_service: Service, accepted: str, packed: bool
) -> None:
    plain = raw(shared_service, "/en", "identity")
    answer = raw(shared_service, "/en", accepted)
    assert ("gzip" in answer.headers.get("Content-Encoding", "")) is packed
    assert (gzip.decompress(answer.body) if packed else answer.body) == plain.body
    assert "Accept-Encoding" in answer.headers["Vary"]


def raw(service: Service, path: str, accepted: str) -> Answer:
    """An answer as it comes over the wire: a client would unpack it."""
    host, port = service.base.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as conn:
        head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: {accepted}\r\nConnection: close"
        conn.sendall(head.encode() + b"\r\n\r\n")
        said = b"".join(iter(lambda: conn.recv(65_536), b""))
    top, _, body = said.partition(b"\r\n\r\n")
    status, *lines = top.decode().split("\r\n")
    return Answer(int(status.split()[1]), dict(line.split(": ", 1) for line in lines), body)


def test_a_file_under_its_digest_is_kept_for_ever(shared_service: Service) -> None:
    public = shared_service.public()
    path, _, query = asset("site.css").partition("?")
    for_ever = public.get(path, dict([query.split("=")]))
    assert for_ever.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert for_ever.headers["Content-Type"] == "text/css; charset=utf-8"
    for version in (None, "0123456789ab"):
        assert public.get(path, {"v": version}).headers["Cache-Control"] == "no-cache"


def test_every_file_a_page_names_is_there(shared_service: Service) -> None:
    public = shared_service.public()
    named = {
        url
        for path in ("/", "/docs", "/docs/problems")
        for url in re.findall(r'(?:href|src)="(/static/[^"]+)"', public.get(path).body.decode())
    }
    assert len(named) >= 5
    for url in named:
        path, _, version = url.partition("?v=")
        answer = public.get(path, {"v": version})
        assert answer.status == 200
        assert "immutable" in answer.headers["Cache-Control"]


def test_the_icon_is_where_browsers_look(shared_service: Service) -> None:
    answer = shared_service.public().get("/favicon.ico")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/svg+xml")


def test_problem_codes_are_a_page_and_a_list(shared_service: Service) -> None:
    public: Client = shared_service.public()
    page = public.get("/docs/problems", headers={"Accept": "text/html,*/*"}).body.decode()
    listed = public.get("/docs/problems", headers={"Accept": "application/json"}).json()["problems"]
    assert len(listed) > 60
    for problem in listed:
        assert f'id="{problem["code"]}"' in page
    problem = public.get("/nowhere").json()
    assert problem["type"] == "/docs/problems#not_found"
