"""A database that is not what was signed: nothing is recorded, and nothing handed out as proven."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from api.cli.main import app
from api.gate import Gate
from api.settings import Settings
from ledger.service import Ledger
from ledger.store.database import READER, connect
from ledger.transparency.memory import LogFolder, SigningRefused
from ledger.transparency.signer import Signer
from tests.api.running import BATCH, ONE, ORIGIN, Answer, Client, Service
from tests.api.test_log import registered
from tests.api.test_restore_drill import LATER, until
from tests.pages.browser import Browser
from tests.projections.book_writer import tamper
from tests.tamper.test_what_the_signer_refuses import grow_anew

CUT = "DELETE FROM ledger.facts WHERE notification_id > 3"
COLUMNS = "position, tree_size, root, frontier"
KEEP = f"CREATE TABLE kept AS SELECT {COLUMNS} FROM ledger.head"
PUT_BACK = f"UPDATE ledger.head SET ({COLUMNS}) = (SELECT {COLUMNS} FROM kept)"


def settings(tmp_path: Path, **more: int) -> Settings:
    return Settings(rate_limit=0, public_rate_limit=0, log_dir=str(tmp_path / "log"), **more)


def sign(url: str, tmp_path: Path) -> None:
    with Signer(tmp_path / "log", ORIGIN) as signer, connect(url, READER, autocommit=True) as conn:
        signer.advance(conn)


@pytest.fixture
def signed(database_url: str, tmp_path: Path) -> str:
    """A ledger of five facts, all signed; `kept` is its head."""
    with Service(database_url, settings(tmp_path), runner=False) as service:
        service.client("admin").post(*(registered(n) for n in range(5)))
    sign(database_url, tmp_path)
    tamper(database_url, KEEP)
    return database_url


@pytest.fixture
def restored(signed: str) -> str:
    """The same as a backup from before the last two facts has it."""
    tamper(signed, CUT)
    grow_anew(signed)
    return signed


@pytest.fixture
def refusing(restored: str, tmp_path: Path) -> Iterator[Service]:
    with Service(restored, settings(tmp_path), runner=False) as service:
        yield service


def posted(client: Client, path: str = "/v1/facts", media_type: str = BATCH) -> Answer:
    event = client.service.event(*registered(90 + client.service._ids), LATER)
    body = [event] if media_type == BATCH else event
    return client.ask("POST", path, headers={"Content-Type": media_type}, body=body)


def test_nothing_is_recorded_after_a_restore_until_it_was_compared(refusing: Service) -> None:
    admin = refusing.client("admin")
    for answer in (
        posted(admin),
        posted(admin, media_type=ONE),
        posted(admin, "/v1/facts?atomic=false"),
    ):
        assert (answer.status, answer.code) == (503, "not_as_signed")
        assert "3 facts, and 5 were signed" in answer.json()["detail"]
    assert admin.get("/readyz").json()["position"] == 3


def test_the_same_restore_gives_positions_out_twice_where_nothing_outside_remembers(
    restored: str,
) -> None:
    """The control: without the log folder nothing is compared, and acknowledged facts are lost."""
    with Service(restored, runner=False) as service:
        (receipt,) = service.client("admin").post(registered(9), source=LATER)
    assert receipt["position"] == 4, "which a fact that is gone had been given before"


def test_a_refusal_to_write_is_said_where_operators_look(refusing: Service) -> None:
    ready = refusing.public().get("/readyz").json()
    assert ready["status"] == "degraded"
    assert "3 facts, and 5 were signed" in ready["log"]["writes_refused"]

    browser = Browser(refusing)
    browser.sign_in(refusing.key("admin")[0])
    told = browser.text("/en/operations").partition("No facts are taken")[2]
    assert "The log does not go on: the database has 3" in told
    assert "Es werden keine Fakten angenommen" in browser.text("/de/operations")


def test_no_command_writes_either(restored: str, tmp_path: Path) -> None:
    (file := tmp_path / "facts.ndjson").write_text("")
    given = {"CLUSTERLEDGER_LOG_DIR": str(tmp_path / "log")}
    done = CliRunner().invoke(app, ["post", str(file), "--database-url", restored], env=given)
    assert isinstance(done.exception, SigningRefused)

    allowed = given | {"CLUSTERLEDGER_DESPITE_CHECKPOINT": "5"}
    done = CliRunner().invoke(app, ["post", str(file), "--database-url", restored], env=allowed)
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(("given_up", "status"), [(5, 201), (4, 503)])
def test_an_operator_can_give_a_checkpoint_up_by_its_size_alone(
    restored: str, tmp_path: Path, given_up: int, status: int
) -> None:
    with Service(
        restored, settings(tmp_path, despite_checkpoint=given_up), runner=False
    ) as service:
        assert posted(service.client("admin")).status == status
    with pytest.raises(SigningRefused):
        sign(restored, tmp_path)


def writes_refused(service: Service) -> str | None:
    answer = service.public().get("/readyz").json()  # a problem while the database is away
    said: str | None = answer.get("log", {}).get("writes_refused")
    return said


def test_writes_stop_when_the_running_signer_refuses_and_go_on_when_it_is_put_right(
    signed: str, tmp_path: Path
) -> None:
    with Service(signed, settings(tmp_path), runner=False) as service:
        admin = service.client("admin")
        tamper(signed, "UPDATE ledger.head SET root = sha256('x')")
        with pytest.raises(SigningRefused):
            sign(signed, tmp_path)
        until(lambda: writes_refused(service) is not None)
        assert posted(admin).code == "not_as_signed"

        tamper(signed, PUT_BACK)
        sign(signed, tmp_path)
        until(lambda: writes_refused(service) is None)
        assert posted(admin).status == 201


def test_a_database_that_answers_after_a_broken_connection_is_compared_anew(
    signed: str, server: psycopg.Connection, tmp_path: Path
) -> None:
    """A failover to a standby that lagged: no signer has looked yet, and nothing is taken."""
    with Service(signed, settings(tmp_path), runner=False) as service:
        tamper(signed, CUT)
        grow_anew(signed)
        ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
        server.execute(ended, (psycopg.conninfo.conninfo_to_dict(signed)["dbname"],))
        until(lambda: "3 facts, and 5 were signed" in (writes_refused(service) or ""))
        assert posted(service.client("admin")).code == "not_as_signed"


def test_a_refusal_that_is_not_about_the_database_stops_no_writes(
    signed: str, tmp_path: Path
) -> None:
    (tmp_path / "log" / "refusal").write_text("A checkpoint cannot be kept or published: …")
    with Service(signed, settings(tmp_path), runner=False) as service:
        assert posted(service.client("admin")).status == 201


def test_a_share_that_is_away_stops_writes_at_a_start_and_not_later(
    signed: str, tmp_path: Path
) -> None:
    """Nobody knows then what was published; later it says nothing about the database."""
    share = tmp_path / "share"
    gate = Gate(LogFolder(tmp_path / "log", share), ORIGIN)
    with connect(signed, READER, autocommit=True) as conn:
        share.write_text("no folder")
        gate.compare(conn)
        assert "share" in (gate.shut or "")
        share.unlink()
        gate.compare(conn)
        assert gate.shut is None
        share.write_text("no folder")
        gate.compare(conn)
        assert gate.shut is None


def test_a_head_that_stays_unsigned_degrades_the_service(signed: str, tmp_path: Path) -> None:
    """A signer that died, or is locked out, cannot write down that it is."""
    with Service(signed, settings(tmp_path), runner=False) as service:
        posted(service.client("admin"))
        assert service.public().get("/readyz").json()["status"] == "ready"
        tamper(
            signed,
            "UPDATE ledger.facts SET recorded_at = recorded_at - interval '31 s'"
            " WHERE notification_id = 6",
        )
        ready = service.public().get("/readyz").json()
        browser = Browser(service)
        browser.sign_in(service.key("admin")[0])
        assert "Signing stands still" in browser.text("/en/operations")
    assert ready["status"] == "degraded"
    assert ready["log"]["unsigned_s"] > 31
    assert ready["log"]["refused"] is ready["log"]["writes_refused"] is None


# Nothing is handed out as proven


@pytest.mark.parametrize("path", ["/v1/proofs/2.tlog-proof", "/v1/proofs/5.tlog-proof"])
def test_a_restored_database_proves_nothing_against_the_checkpoint(
    refusing: Service, path: str
) -> None:
    answer = refusing.public().get(path)
    assert (answer.status, answer.code) == (503, "not_as_signed")
    assert "no longer what was signed" in answer.json()["detail"]


def test_a_restored_database_gives_no_bundle(refusing: Service) -> None:
    answer = refusing.client("trail:read").get("/v1/bundle")
    assert (answer.status, answer.code) == (503, "not_as_signed")


def test_a_restored_database_that_was_written_on_gives_no_bundle(
    restored: str, tmp_path: Path
) -> None:
    with Ledger.open(restored):
        pass
    with Service(restored, settings(tmp_path, despite_checkpoint=5), runner=False) as service:
        service.client("admin").post(*(registered(n) for n in range(20, 25)), source=LATER)
        for path in ("/v1/bundle", "/v1/proofs/2.tlog-proof"):
            answer = service.client("trail:read").get(path)
            assert (answer.status, answer.code) == (503, "not_as_signed")


def test_a_fact_that_is_gone_from_the_middle_is_no_defect_of_the_service(
    signed: str, tmp_path: Path
) -> None:
    tamper(signed, "DELETE FROM ledger.facts WHERE notification_id = 2")
    with Service(signed, settings(tmp_path), runner=False) as service:
        for path in (
            "/v1/proofs/inclusion?position=2",
            "/v1/proofs/inclusion?position=1",
            "/v1/proofs/consistency?from=3",
            "/v1/proofs/2.tlog-proof",
            "/tile/0/000.p/5",
            "/tile/entries/000.p/5",
        ):
            answer = service.client("trail:read").get(path)
            assert (answer.status, answer.code) == (503, "not_as_signed"), path


def test_a_damaged_checkpoint_is_not_handed_out(signed: str, tmp_path: Path) -> None:
    with Service(signed, settings(tmp_path), runner=False) as service:
        note = tmp_path / "log" / "checkpoint"
        note.write_bytes(note.read_bytes()[:-9])
        auditor = service.client("trail:read")
        for path in ("/checkpoint", "/v1/proofs/2.tlog-proof", "/v1/bundle"):
            answer = auditor.get(path)
            assert (answer.status, answer.code) == (503, "not_as_signed"), path
            assert "is damaged" in answer.json()["detail"]
