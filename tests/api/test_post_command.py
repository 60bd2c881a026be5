"""`clusterledger post FILE`: what is recorded together, refused where, and interrupted."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from typer.testing import CliRunner, Result

from api.cli import posting
from api.cli.main import app
from ledger.store import writer
from ledger.store.book import Book
from ledger.store.codec import decode_leaf
from ledger.store.database import WRITER
from tests.api.running import SOURCE, Service

Event = dict[str, Any]


def cluster(id: str, code: str | None = None, **more: Any) -> Event:
    """A fact that stands for itself."""
    data = {"cluster": code or f"c-{id}", "name": "Rail", "effective_on": "2006-02-01"}
    return event(id, "cluster.registered.v1", data, **more)


def event(id: str, type: str, data: Mapping[str, Any], **more: Any) -> Event:
    head = {"specversion": "1.0", "id": id, "source": SOURCE, "type": type}
    return {**head, "data": data, **more}


def closing(id: str, code: str, **more: Any) -> Event:
    """A fact that is refused where there is no such cluster."""
    data = {"cluster": code, "effective_on": "2020-01-01"}
    return event(id, "cluster.closed.v1", data, **more)


class Poster:
    """Posts files, to the service or straight into its ledger."""

    def __init__(self, service: Service, folder: Path, way: str) -> None:
        self.service = service
        self.file = folder / "facts"
        self.way = way
        self.base = service.base
        self.key = service.key("admin")[0]

    def lines(self, *lines: Event | bytes) -> Result:
        """Post NDJSON."""
        self.file.write_bytes(
            b"".join((n if isinstance(n, bytes) else orjson.dumps(n)) + b"\n" for n in lines)
        )
        return self.post()

    def post(self) -> Result:
        there = (
            [f"--url={self.base}", f"--key={self.key}"]
            if self.way == "http"
            else [f"--database-url={self.service.url}"]
        )
        return CliRunner().invoke(app, ["post", str(self.file), "--json", *there])

    def recorded(self) -> list[str]:
        """Ids in the ledger, in order."""
        return [entry.id for entry in self._entries()]

    def actors(self) -> set[str]:
        return {entry.actor for entry in self._entries()}

    def _entries(self) -> list[Any]:
        book = Book(self.service.url, WRITER)
        try:
            return [decode_leaf(leaf) for leaf in book.leaves(0, 10_000)]
        finally:
            book.close()


@pytest.fixture(params=["http", "local"])
def poster(service: Service, tmp_path: Path, request: pytest.FixtureRequest) -> Poster:
    return Poster(service, tmp_path, request.param)


@pytest.fixture
def over_http(service: Service, tmp_path: Path) -> Poster:
    return Poster(service, tmp_path, "http")


def counts(done: Result) -> tuple[int, int, int]:
    """Recorded, duplicates, refused."""
    answer = said(done)
    return answer["recorded"], answer["duplicates"], answer["refused"]


def said(done: Result) -> Any:
    """The answer: the service runs in this process, and may log a line before it."""
    return orjson.loads(done.stdout.splitlines()[-1])


def refusals(done: Result) -> list[str]:
    found: list[str] = said(done)["first_refusals"]
    return found


def test_facts_are_recorded_in_the_files_order_and_once(poster: Poster) -> None:
    events = [cluster(f"e{n}") for n in range(1_500)]
    first = poster.lines(*events)
    assert counts(first) == (1_500, 0, 0)
    assert first.exit_code == 0
    assert counts(poster.post()) == (0, 1_500, 0)
    assert poster.recorded() == [e["id"] for e in events]


def test_a_post_that_was_cut_off_is_resumed(poster: Poster) -> None:
    events = [cluster(f"e{n}") for n in range(30)]
    poster.lines(*events[:11])
    assert counts(poster.lines(*events)) == (19, 11, 0)
    assert poster.recorded() == [e["id"] for e in events]


def test_a_single_fact_that_is_refused_leaves_the_others(poster: Poster) -> None:
    done = poster.lines(cluster("a"), closing("b", "nowhere"), cluster("c"))
    assert done.exit_code == 1
    assert counts(done) == (2, 0, 1)
    assert poster.recorded() == ["a", "c"]
    assert refusals(done)[0].startswith("line 2: unknown_cluster: ")
    assert f"(b {SOURCE})" in refusals(done)[0]


@pytest.mark.parametrize("link", ["correlation", "causation"])
def test_neighbours_that_belong_together_are_recorded_together(poster: Poster, link: str) -> None:
    more = {"correlation": ({"correlationid": "x"}, {"correlationid": "x"})}
    ours, theirs = more.get(link, ({}, {"causationid": "b"}))
    done = poster.lines(
        cluster("a"), cluster("b", **ours), closing("c", "nowhere", **theirs), cluster("d")
    )
    assert counts(done) == (2, 0, 2)
    assert poster.recorded() == ["a", "d"]
    assert refusals(done)[0].startswith("line 3: unknown_cluster: ")


def test_a_batch_document_is_recorded_as_one(poster: Poster) -> None:
    poster.file.write_bytes(orjson.dumps([cluster("a"), closing("b", "nowhere"), cluster("c")]))
    done = poster.post()
    assert counts(done) == (0, 0, 3)
    assert poster.recorded() == []
    assert refusals(done)[0].startswith("item 1: unknown_cluster: ")
    poster.file.write_bytes(orjson.dumps([cluster("a"), closing("b", "c-a"), cluster("c")]))
    assert counts(poster.post()) == (3, 0, 0)


@pytest.mark.parametrize(
    "line",
    [b"{", b'"text"', b'{"id":"x"},{"id":"y"}', b'{"id":"\xff"}', b'{"id":NaN}', b"[" * 3_000],
)
def test_a_malformed_line_is_refused_alone_under_its_number(poster: Poster, line: bytes) -> None:
    done = poster.lines(cluster("a"), b"", line, cluster("b"))
    assert counts(done) == (2, 0, 1)
    assert poster.recorded() == ["a", "b"]
    assert re.match(r"line 3: (malformed_json|invalid_event): ", refusals(done)[0])


def test_a_line_that_is_no_event_is_refused_under_its_number(poster: Poster) -> None:
    done = poster.lines(cluster("a"), {"id": "b", "data": {}}, cluster("c"))
    assert counts(done) == (2, 0, 1)
    assert refusals(done)[0].startswith("line 2: invalid_event: ")


@pytest.mark.parametrize("text", [b'[{"id":1},', b"[1] x", b"[\xff"])
def test_a_truncated_array_is_a_sentence(poster: Poster, text: bytes) -> None:
    poster.file.write_bytes(text)
    done = poster.post()
    assert done.exit_code == 1
    assert "The file is no JSON array of events" in str(done.exception)


def test_facts_that_found_a_full_queue_are_posted_again(
    over_http: Poster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "QUEUE_FACTS_MAX", 100)
    monkeypatch.setattr(posting.time, "sleep", lambda _: None)
    events: Sequence[Event] = [cluster(f"e{n}") for n in range(700)]
    answers = over_http.service.client("admin").ask(
        "POST",
        "/v1/facts?atomic=false",
        headers={"Content-Type": "application/cloudevents-batch+json"},
        body=events[:600],
    )
    refused = [i for i in answers.json()["items"] if i.get("code") == "busy"]
    assert refused, "the control: a full queue refuses inside of a 207"
    done = over_http.lines(*events)
    recorded, duplicates, refused_facts = counts(done)
    assert (recorded + duplicates, refused_facts) == (700, 0)
    assert recorded == 100 + len(refused)
    assert sorted(over_http.recorded()) == sorted(e["id"] for e in events)


@contextmanager
def broken_once(base: str) -> Iterator[tuple[str, list[bytes]]]:
    """A way to the service that takes the first request there, and breaks before its answer."""
    there = urlsplit(base)
    lost: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def forward() -> None:
            while True:
                try:
                    near, _ = server.accept()
                except OSError:
                    return
                with near, socket.create_connection((there.hostname, there.port)) as far:
                    head = near.recv(65_536)
                    length = int(re.findall(rb"(?i)content-length: (\d+)", head)[0])
                    while len(head.partition(b"\r\n\r\n")[2]) < length:
                        head += near.recv(65_536)
                    far.sendall(head)
                    answer = far.recv(65_536)
                    while chunk := far.recv(65_536):  # the client asked to close
                        answer += chunk
                    if lost:
                        near.sendall(answer)
                    else:
                        lost.append(answer)

        thread = Thread(target=forward, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}", lost
        finally:
            server.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def test_a_connection_that_broke_before_the_answer_is_tried_again(over_http: Poster) -> None:
    with broken_once(over_http.service.base) as (base, lost):
        over_http.base = base
        done = over_http.lines(cluster("a"), cluster("b"))
    assert b'"status":201' in lost[0], "the control: the facts were taken, and nobody heard"
    assert counts(done) == (0, 2, 0)
    assert over_http.recorded() == ["a", "b"]


def test_a_key_that_does_not_hold_is_a_sentence(over_http: Poster) -> None:
    over_http.key = "clk_unknown"
    done = over_http.lines(cluster("a"))
    assert "The service answered 401" in str(done.exception)


def test_a_service_that_stays_away_is_a_sentence(
    over_http: Poster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting.time, "sleep", lambda _: None)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    over_http.base = f"http://127.0.0.1:{port}"
    done = over_http.lines(cluster("a"))
    assert "Repeat the command later" in str(done.exception)


def test_facts_of_the_command_line_have_one_actor_that_is_listed(
    service: Service, tmp_path: Path
) -> None:
    poster = Poster(service, tmp_path, "local")
    poster.lines(cluster("a"))
    poster.lines(cluster("b"))
    (actor,) = poster.actors()
    listed = CliRunner().invoke(app, ["keys", "list", "--json", f"--database-url={service.url}"])
    key = next(k for k in said(listed) if f"key:{k['key_id']}" == actor)
    assert (key["label"], key["scopes"], key["sources"]) == ("command line", [], [])
