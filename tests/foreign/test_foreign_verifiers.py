"""Verifiers of others accept our logs at every size that is hard, and refuse them once changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import bagit
import psycopg
import pytest
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader

from api.settings import Settings
from ledger.store.database import READER, connect
from ledger.transparency.note import signed
from ledger.transparency.signer import LogFolder, Signer
from tests.api.running import ORIGIN, Service
from tests.foreign import verifiers
from tests.foreign.ours import of_bundle, of_service
from tests.foreign.verifiers import VERIFIERS, Case, Refused, case
from tests.tamper.stored import copied, fill, project
from tests.tamper.test_export_and_verify import run
from tests.transparency.growing import Grown, numbered
from tests.transparency.small_log import SmallLog, key

SIZES = (0, 1, 2, 3, 255, 256, 257, 1_000, 65_535, 65_536, 65_537)
THERE = [name for name, verifier in VERIFIERS.items() if verifier.there]


@pytest.fixture(scope="module")
def grown() -> Grown:
    return Grown(numbered(max(SIZES)))


def test_at_least_two_foreign_verifiers_are_here() -> None:
    """Which of them a machine like this must have, `.ci/run` asks of `tests.foreign.verifiers`."""
    assert len(THERE) >= 2


def test_too_few_and_missing_ones_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = {name: v._replace(there=name == "proofbundle") for name, v in VERIFIERS.items()}
    monkeypatch.setattr(verifiers, "VERIFIERS", gone)
    assert verifiers.main() == 1
    two = {name: v._replace(there=True, expected=True) for name, v in list(gone.items())[:2]}
    monkeypatch.setattr(verifiers, "VERIFIERS", two)
    assert verifiers.main() == 0


# An empty log has no entry to check, and @sigstore/verify checks a note with an entry only.
CASES = [(n, size) for n in THERE for size in SIZES if size or n != "@sigstore/verify"]


@pytest.mark.parametrize(("name", "size"), CASES)
def test_a_foreign_verifier_accepts_the_log(grown: Grown, name: str, size: int) -> None:
    print(name, VERIFIERS[name].ask(case(grown, size)))


def changed(shown: Case, what: str) -> Case:
    """The case with one thing that is not true."""
    other = shown.checkpoint._replace(root=bytes(32))
    first, growth = shown.inclusions[0], shown.growths[-2:][0]
    match what:
        case "signature":
            return shown._replace(note=signed(shown.checkpoint.text, [key(7)]).encode())
        case "root":
            return shown._replace(note=signed(other.text, [key()]).encode())
        case "leaf":
            return shown._replace(inclusions=[first._replace(leaf=b"other")])
        case "index":
            return shown._replace(inclusions=[first._replace(index=first.index + 1)])
        case "proof":
            return shown._replace(inclusions=[first._replace(hashes=first.hashes[:-1])])
        case _:
            old = growth.old._replace(root=bytes(32))
            note = signed(old.text, [key()]).encode()
            return shown._replace(growths=[growth._replace(old=old, note=note)])


@pytest.mark.parametrize("name", THERE)
@pytest.mark.parametrize("what", ["signature", "root", "leaf", "index", "proof", "growth"])
def test_a_foreign_verifier_refuses_what_was_changed(grown: Grown, name: str, what: str) -> None:
    """The control: they look at what they are shown."""
    if what == "growth" and "g" not in VERIFIERS[name].checks:
        what = "leaf"
    with pytest.raises(Refused):
        VERIFIERS[name].ask(changed(case(grown, 257), what))


# What we really hand out


@pytest.fixture(scope="module")
def handed_out(
    server: psycopg.Connection,
    server_url: str,
    template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Case]]:
    """A ledger with a filed report: its exported bundle, and what its running service answers."""
    folder = tmp_path_factory.mktemp("ours")
    settings = Settings(rate_limit=0, public_rate_limit=0, log_dir=str(folder / "log"))
    with copied(server, server_url, template) as url:
        fill(url, 300)
        held = sign(url, folder)
        asked = ("--to", "2025-12-31", "--database-url", url)
        run("report", "file", "cumulative_headline", *asked)
        project(url)
        newest = folder / "newest"
        newest.write_bytes(sign(url, folder))
        (since := folder / "since").write_bytes(held)
        given = ("--upto", newest, "--since", since, "--database-url", url)
        made = run("export", "--output", folder / "bundle", *given)
        assert made.exit_code == 0, made.output
        with Service(url, settings) as service:
            vkey = service.public().get("/.well-known/log-keys").body.decode().strip()
            reader = service.client("trail:read")
            yield {
                "bundle": of_bundle(folder / "bundle", vkey),
                "service": of_service(reader, held, vkey, [1, 256, 300]),
            }


def sign(url: str, folder: Path) -> bytes:
    """The next checkpoint, as the service's signer signs and keeps it."""
    with Signer(folder / "log", ORIGIN) as signer, connect(url, READER, autocommit=True) as conn:
        signer.advance(conn)
    return LogFolder(folder / "log").checkpoint.read_bytes()


@pytest.mark.parametrize("name", THERE)
@pytest.mark.parametrize("where", ["bundle", "service"])
def test_a_foreign_verifier_accepts_what_we_hand_out(
    handed_out: dict[str, Case], name: str, where: str
) -> None:
    shown = handed_out[where]
    assert shown.checkpoint.size > 300
    assert shown.inclusions
    print(name, VERIFIERS[name].ask(shown))


@pytest.mark.parametrize("name", THERE)
@pytest.mark.parametrize("where", ["bundle", "service"])
def test_a_foreign_verifier_refuses_it_with_another_fact(
    handed_out: dict[str, Case], name: str, where: str
) -> None:
    """The control."""
    with pytest.raises(Refused):
        VERIFIERS[name].ask(changed(handed_out[where], "leaf"))


def test_the_library_of_congress_tool_accepts_the_bag(tmp_path: Path) -> None:
    folder = SmallLog.of(600).folder(tmp_path / "bundle")

    assert bagit.Bag(str(folder)).validate()


def test_it_refuses_a_changed_bag(tmp_path: Path) -> None:
    folder = SmallLog.of(600).folder(tmp_path / "bundle")
    (folder / "data/checkpoint").write_text("changed")

    with pytest.raises(bagit.BagValidationError):
        bagit.Bag(str(folder)).validate()


def test_a_foreign_reader_makes_proofs_from_the_tiles_of_a_bundle(tmp_path: Path) -> None:
    log = SmallLog.of(600)
    reader = TilesReader(LocalBackend(log.folder(tmp_path / "bundle") / "data"))
    checkpoint = reader.get_checkpoint()

    assert reader.calculate_root_hash() == checkpoint.root_hash == log.checkpoint.root
