"""The log over HTTP: what an auditor fetches, checked with nothing but the pure modules."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from api.settings import Settings
from ledger.store.database import READER, connect
from ledger.transparency.checkpoint import opened
from ledger.transparency.merkle import leaf_hash, verify_consistency, verify_inclusion
from ledger.transparency.note import VerifierKey
from ledger.transparency.proof import Proof
from ledger.transparency.signer import Signer
from ledger.transparency.tiles import Entries, leaves_of
from tests.api.running import ORIGIN, Client, Service
from tests.conftest import FreshDatabase

FACTS = 300


@pytest.fixture(scope="module")
def signed(
    fresh_database: FreshDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A service whose first 300 facts are in a checkpoint; one more is not. Nothing is added."""
    folder = tmp_path_factory.mktemp("signed")
    with fresh_database() as url, signing(url, folder) as service:
        yield service


@pytest.fixture
def signed_anew(database_url: str, tmp_path: Path) -> Iterator[Service]:
    """The same for one test alone; its log is below `tmp_path`."""
    with signing(database_url, tmp_path) as service:
        yield service


@contextmanager
def signing(url: str, folder: Path) -> Iterator[Service]:
    settings = Settings(rate_limit=0, public_rate_limit=0, log_dir=str(folder / "log"))
    with Service(url, settings) as service:
        admin = service.client("admin")
        admin.post(*(registered(n) for n in range(FACTS)))
        sign(service, folder)
        admin.post(registered(FACTS))
        yield service


def sign(service: Service, folder: Path) -> None:
    with (
        Signer(folder / "log", ORIGIN) as signer,
        connect(service.url, READER, autocommit=True) as conn,
    ):
        signer.advance(conn)


def registered(number: int) -> tuple[str, dict[str, object]]:
    data = {"cluster": f"c-{number}", "name": "Rail", "effective_on": "2020-01-01"}
    return "cluster.registered.v1", data


def keys(service: Service) -> list[VerifierKey]:
    text = service.public().get("/.well-known/log-keys").body.decode()
    return [VerifierKey.parse(line) for line in text.split()]


def problem(client: Client, path: str) -> tuple[int, str | None]:
    answer = client.get(path)
    return answer.status, answer.code


def test_the_checkpoint_is_public_and_signed(signed: Service) -> None:
    answer = signed.public().get("/checkpoint")
    assert opened(answer.body, keys(signed), ORIGIN).size == FACTS
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"


def test_a_receipt_is_proven_by_a_proof_over_http(signed_anew: Service) -> None:
    (receipt,) = signed_anew.client("admin").post(registered(900))
    path = f"/v1/proofs/inclusion?position={receipt['position']}&size={receipt['tree_size']}"
    proof = signed_anew.public().get(path).json()
    assert (proof["root"], proof["leaf_hash"]) == (receipt["root"], receipt["leaf_hash"])
    verify_inclusion(
        bytes.fromhex(receipt["leaf_hash"]),
        receipt["position"] - 1,
        receipt["tree_size"],
        [bytes.fromhex(found) for found in proof["hashes"]],
        bytes.fromhex(receipt["root"]),
    )


def test_growth_is_proven_from_the_checkpoint_to_now(signed: Service) -> None:
    checkpoint = opened(signed.public().get("/checkpoint").body, keys(signed), ORIGIN)
    proof = signed.public().get(f"/v1/proofs/consistency?from={checkpoint.size}").json()
    assert proof["to_size"] == FACTS + 1
    verify_consistency(
        checkpoint.size,
        checkpoint.root,
        proof["to_size"],
        bytes.fromhex(proof["to_root"]),
        [bytes.fromhex(found) for found in proof["hashes"]],
    )


def test_a_proof_file_stands_for_itself(signed: Service) -> None:
    leaf = b64decode(signed.client("trail:read").read("/v1/facts/7")["leaf"])
    raw = signed.public().get("/v1/proofs/7.tlog-proof").body
    checkpoint = Proof.parse(raw).verify(leaf_hash(leaf), keys(signed), ORIGIN)
    assert checkpoint.size == FACTS


def test_a_fact_that_is_not_signed_yet_has_no_proof_file(signed: Service) -> None:
    assert problem(signed.public(), f"/v1/proofs/{FACTS + 1}.tlog-proof") == (404, "not_found")


def test_a_fact_says_where_its_proof_is(signed: Service) -> None:
    fact = signed.client("trail:read").read("/v1/facts/7")
    assert signed.public().get(fact["proof"]).json()["leaf_hash"] == fact["receipt"]["leaf_hash"]


def test_tiles_and_bundles_hold_the_same_facts(signed: Service) -> None:
    auditor = signed.client("trail:read")
    for number, width in (("000", 256), ("001.p/44", 44)):
        tile = signed.public().get(f"/tile/0/{number}")
        bundle = auditor.get(f"/tile/entries/{number}")
        leaves = leaves_of(bundle.body, Entries(0, width))
        assert tile.body == b"".join(map(leaf_hash, leaves))
        assert "immutable" in tile.headers["Cache-Control"]
        assert bundle.headers["Cache-Control"].startswith("private")
    assert len(signed.public().get("/tile/1/000.p/1").body) == 32


def test_bundles_are_for_those_who_may_read_every_fact(signed: Service) -> None:
    assert problem(signed.public(), "/tile/entries/000") == (401, "unauthenticated")
    narrow = signed.client("trail:read", clusters=["c-1"])
    assert problem(narrow, "/tile/entries/000") == (403, "cluster_not_covered")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/proofs/inclusion", 400, "invalid_parameter"),
        ("/v1/proofs/inclusion?position=0", 404, "not_found"),
        ("/v1/proofs/inclusion?position=9000", 404, "not_found"),
        ("/v1/proofs/inclusion?position=5&size=4", 404, "not_found"),
        ("/v1/proofs/inclusion?position=5&size=9000", 400, "invalid_parameter"),
        ("/v1/proofs/inclusion?position=-1", 400, "invalid_parameter"),
        ("/v1/proofs/inclusion?position=5&size=99999999999999999999", 400, "invalid_parameter"),
        ("/v1/proofs/consistency", 400, "invalid_parameter"),
        ("/v1/proofs/consistency?from=7&to=5", 400, "invalid_parameter"),
        ("/v1/proofs/consistency?from=9000", 400, "invalid_parameter"),
        ("/v1/proofs/consistency?from=1&to=9000", 400, "invalid_parameter"),
        ("/v1/proofs/0.tlog-proof", 404, "not_found"),
        ("/v1/proofs/x.tlog-proof", 404, "not_found"),
        ("/tile/0/000.p/256", 404, "not_found"),
        ("/tile/0/0", 404, "not_found"),
        ("/tile/0/001", 404, "not_found"),
        ("/tile/0/001.p/46", 404, "not_found"),
        ("/tile/64/000", 404, "not_found"),
        ("/tile/63/x999/x999/x999/x999/x999/x999/999", 404, "not_found"),
        ("/tile/x/000", 404, "not_found"),
    ],
)
def test_what_is_not_there_is_said(signed: Service, path: str, status: int, code: str) -> None:
    assert problem(signed.public(), path) == (status, code)


@pytest.mark.parametrize("size", [0, 1, 300, 301])
def test_the_ends_of_the_tree_have_proofs(signed: Service, size: int) -> None:
    assert signed.public().get(f"/v1/proofs/consistency?from={size}").status == 200
    if size:
        answer = signed.public().get(f"/v1/proofs/inclusion?position={size}&size={size}")
        assert answer.status == 200


def test_a_service_without_a_signer_says_that_there_is_no_checkpoint(service: Service) -> None:
    for path in ("/checkpoint", "/.well-known/log-keys", "/v1/proofs/1.tlog-proof"):
        assert problem(service.public(), path) == (404, "not_found")
    assert "log" not in service.public().get("/readyz").json()


def test_readiness_says_how_far_the_log_is_signed(signed: Service) -> None:
    found = signed.public().get("/readyz").json()["log"]
    assert (found["tree_size"], found["signed_size"], found["refused"]) == (301, 300, None)
    assert found["signed_s_ago"] >= 0


def test_a_signer_that_refuses_degrades_the_service(signed_anew: Service, tmp_path: Path) -> None:
    (tmp_path / "log" / "refusal").write_text("No checkpoint is signed: …")
    answer = signed_anew.public().get("/readyz").json()
    assert answer["status"] == "degraded"
    assert answer["log"]["refused"] == "No checkpoint is signed: …"
