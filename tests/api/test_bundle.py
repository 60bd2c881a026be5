"""The audit bundle over HTTP: what was fetched is verified offline, and only by who may have it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from threading import Event
from urllib.parse import urlencode

import pytest
from aiohttp import web

from api.routes.bundle import SENT_BYTES, sent
from api.settings import Settings
from ledger.transparency.bag import CONSISTENCY, PREVIOUS
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.note import signed as signed_by
from ledger.transparency.verify import verified
from tests.api.running import ORIGIN, WAIT_S, Client, Loop, Service
from tests.api.test_log import FACTS, registered, sign
from tests.transparency.small_log import key


def signed_note(checkpoint: Checkpoint) -> str:
    return signed_by(checkpoint.text, [key(1, checkpoint.origin)]).encode().decode()


@pytest.fixture
def signed(database_url: str, tmp_path: Path) -> Iterator[Service]:
    """A service whose first facts are in a checkpoint; one more is not."""
    settings = Settings(rate_limit=0, public_rate_limit=0, log_dir=str(tmp_path / "log"))
    with Service(database_url, settings) as service:
        admin = service.client("admin")
        admin.post(*(registered(n) for n in range(FACTS)))
        sign(service, tmp_path)
        admin.post(registered(FACTS))
        yield service


def keys(service: Service) -> list[str]:
    return service.public().get("/.well-known/log-keys").body.decode().split()


def fetched(client: Client, path: str, into: Path) -> Path:
    answer = client.get(path)
    assert answer.status == 200, answer.body[:500]
    assert answer.headers["Content-Type"] == "application/x-tar"
    into.write_bytes(answer.body)
    return into


def test_a_bundle_that_was_fetched_is_valid_offline(signed: Service, tmp_path: Path) -> None:
    held = tmp_path / "held"
    held.write_bytes(signed.public().get("/checkpoint").body)
    bundle = fetched(signed.client("trail:read"), "/v1/bundle", tmp_path / "bundle.tar")
    with verified(bundle, keys(signed), held, lambda _: None) as verifier:
        assert verifier.steps.valid, verifier.steps.verdict
        assert verifier.checkpoint is not None
        assert verifier.checkpoint.size == FACTS


def test_a_range_follows_on_the_checkpoint_that_was_held(signed: Service, tmp_path: Path) -> None:
    held = tmp_path / "held"
    held.write_bytes(signed.public().get("/checkpoint").body)
    sign(signed, tmp_path)
    path = f"/v1/bundle?after={FACTS}"
    bundle = fetched(signed.client("trail:read"), path, tmp_path / "range.tar")
    with verified(bundle, keys(signed), held, lambda _: None) as verifier:
        assert verifier.steps.valid, verifier.steps.verdict
        assert verifier.after == FACTS


def test_a_range_brings_the_proof_that_the_log_grew_from_the_checkpoint_that_was_held(
    signed: Service, tmp_path: Path
) -> None:
    held = signed.public().get("/checkpoint").body
    (kept := tmp_path / "held").write_bytes(held)
    sign(signed, tmp_path)
    asked = urlencode({"after": FACTS, "since": held.decode()})
    bundle = fetched(signed.client("trail:read"), f"/v1/bundle?{asked}", tmp_path / "range.tar")
    with verified(bundle, keys(signed), kept, lambda _: None) as verifier:
        assert verifier.steps.valid, verifier.steps.verdict
        assert {PREVIOUS, CONSISTENCY} <= verifier.bag.sizes.keys()
        assert verifier.bag.small(PREVIOUS) == held


@pytest.mark.parametrize(
    ("since", "said"),
    [
        ("hello", "A note is a text"),
        (signed_note(Checkpoint("other.example", 1, bytes(32))), "of 'other.example', not of"),
        (signed_note(Checkpoint(ORIGIN, FACTS + 1, bytes(32))), "it is the newer one"),
    ],
)
def test_what_is_no_earlier_checkpoint_of_this_log_is_refused(
    signed: Service, since: str, said: str
) -> None:
    answer = signed.client("trail:read").get("/v1/bundle", {"since": since})

    assert (answer.status, answer.code) == (400, "invalid_parameter")
    assert said in answer.json()["detail"]


def test_a_range_beyond_the_checkpoint_is_refused(signed: Service) -> None:
    answer = signed.client("trail:read").get(f"/v1/bundle?after={FACTS + 1}")
    assert (answer.status, answer.code) == (400, "invalid_parameter")


def test_a_bundle_is_for_who_may_read_every_cluster(signed: Service) -> None:
    assert signed.public().get("/v1/bundle").code == "unauthenticated"
    limited = signed.client("trail:read", clusters=["c-1"]).get("/v1/bundle")
    assert (limited.status, limited.code) == (403, "cluster_not_covered")


def test_without_a_checkpoint_there_is_no_bundle(service: Service) -> None:
    answer = service.client("trail:read").get("/v1/bundle")
    assert (answer.status, answer.code) == (404, "not_found")


def test_a_reader_who_takes_nothing_is_cut_off_and_keeps_nobody_waiting() -> None:
    loop, ended = Loop(), Event()

    async def give(request: web.Request) -> web.StreamResponse:
        try:
            return await sent(request, repeat(bytes(SENT_BYTES)), "endless.tar", write_limit_s=0.2)
        finally:
            ended.set()

    async def serve() -> tuple[web.AppRunner, tuple[str, int]]:
        app = web.Application()
        app.router.add_get("/", give)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner, runner.addresses[0][:2]

    runner, address = loop.run(serve())
    try:
        with socket.create_connection(address, WAIT_S) as reader:
            reader.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
            assert ended.wait(WAIT_S)
            taken = b"".join(iter(lambda: reader.recv(SENT_BYTES), b""))
            assert not taken.endswith(b"0\r\n\r\n"), "what was cut must not look whole"
    finally:
        loop.run(runner.cleanup())
        loop.close()
