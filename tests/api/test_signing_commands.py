"""The log at the command line: signed on demand, its keys rotated, and no alarm by any of it."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread

import orjson
import pytest
from typer.testing import CliRunner, Result

from api.cli.logkeys import NotSigned
from api.cli.main import app
from ledger.store import proofs
from ledger.store.database import READER, connect
from ledger.transparency import keyring
from ledger.transparency.checkpoint import opened
from ledger.transparency.memory import LogFolder, SigningRefused
from ledger.transparency.note import VerifierKey
from ledger.transparency.signer import Signer, sign_along
from projections.rebuild import rebuild
from tests.projections.book_writer import ORIGIN, tamper
from tests.tamper.stored import fill, project


class Operator:
    """Types commands about one ledger and one log folder."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder

    @property
    def size(self) -> int:
        with connect(self.url, READER) as conn:
            return proofs.head_of(conn).size

    def types(self, *words: object, url: bool = True, **given: str) -> Result:
        arguments = [*map(str, words), *([f"--database-url={self.url}"] if url else [])]
        environment = {
            "CLUSTERLEDGER_LOG_DIR": str(self.folder / "log"),
            "CLUSTERLEDGER_CHECKPOINT_DIR": str(self.folder / "published"),
            **given,
        }
        return CliRunner().invoke(app, arguments, env=environment)

    def done(self, *words: object, url: bool = True) -> str:
        result = self.types(*words, url=url)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    def checkpoint(self, name: str) -> Path:
        """A checkpoint of now, as an auditor carries it away."""
        (path := self.folder / name).write_text(self.done("checkpoint"))
        return path

    def keys(self) -> list[str]:
        return self.done("keys", "log", url=False).split()

    def finds_valid(self, *words: object, keys: list[str]) -> None:
        given = [part for one in keys for part in ("--key", one)]
        self.done("verify", *words, *given, url=not words or words[0] == "--checkpoint")


@pytest.fixture
def operator(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    monkeypatch.delenv(keyring.KEY_VARIABLE, raising=False)
    fill(database_url, 50)
    return Operator(database_url, tmp_path)


def size_of(operator: Operator, note: str) -> int:
    """What a note says, by a key of the log."""
    return opened(note.encode(), map(VerifierKey.parse, operator.keys()), ORIGIN).size


def test_a_checkpoint_is_signed_and_published_on_demand(operator: Operator) -> None:
    note = operator.done("checkpoint")
    assert size_of(operator, note) == operator.size
    assert (operator.folder / "published" / f"checkpoint-{operator.size}").read_text() == note
    assert orjson.loads(operator.done("checkpoint", "--json")) == {"checkpoint": note}


@pytest.mark.parametrize(
    ("words", "url"), [(("keys", "log"), False), (("export", "--output", "unwritten.tar"), True)]
)
def test_where_nothing_was_signed_yet_it_says_how_to(
    operator: Operator, words: tuple[str, ...], url: bool
) -> None:
    result = operator.types(*words, url=url)
    assert result.exit_code != 0
    assert "`clusterledger checkpoint`" in str(result.exception)


def test_beside_a_running_signer_its_signature_is_waited_for(operator: Operator) -> None:
    stop, log = Event(), operator.folder / "log"
    signer = Thread(target=sign_along, args=(operator.url, log, None, stop))
    signer.start()
    try:
        while not (log / "checkpoint").exists():
            stop.wait(0.02)
        operator.done("report", "file", "cumulative_headline", "--to", "2025-12-31")
        assert size_of(operator, operator.done("checkpoint")) == operator.size
    finally:
        stop.set()
        signer.join()


def test_a_running_signer_that_refuses_is_told_of(operator: Operator) -> None:
    with Signer(operator.folder / "log", ORIGIN) as signer:
        signer.files.refuse("the share is full")
        result = operator.types("checkpoint")
    assert isinstance(result.exception, NotSigned)
    assert "the share is full" in str(result.exception)


def test_nothing_is_signed_that_is_not_what_was_signed(operator: Operator) -> None:
    operator.done("checkpoint")
    tamper(operator.url, "UPDATE ledger.head SET root = sha256('x')")
    for words in (("checkpoint",), ("export", "--output", operator.folder / "bundle.tar")):
        assert isinstance(operator.types(*words).exception, SigningRefused)


def test_an_export_signs_what_is_not_signed_yet(operator: Operator) -> None:
    operator.done("checkpoint")
    operator.done("report", "file", "cumulative_headline", "--to", "2025-12-31")
    made = operator.done("export", "--output", operator.folder / "bundle.tar", "--json")
    assert orjson.loads(made)["tree_size"] == operator.size


def test_an_export_takes_the_last_checkpoint_while_another_signs(operator: Operator) -> None:
    operator.done("checkpoint")
    operator.done("report", "file", "cumulative_headline", "--to", "2025-12-31")
    with Signer(operator.folder / "log", ORIGIN):
        made = operator.done("export", "--output", operator.folder / "bundle.tar", "--json")
    assert orjson.loads(made)["tree_size"] == operator.size - 1


def test_a_key_of_the_environment_begins_when_it_is_told_to(operator: Operator) -> None:
    given = {keyring.KEY_VARIABLE: keyring.generated(ORIGIN)}
    assert isinstance(operator.types("checkpoint", **given).exception, SigningRefused)
    assert operator.types("checkpoint", "--begin", **given).exit_code == 0
    assert operator.types("checkpoint", **given).exit_code == 0


# What honest people do raises no alarm


def test_restarts_and_rotated_keys_raise_no_alarm(operator: Operator) -> None:
    """A held checkpoint stays good through both, and each bundle verifies with the key of then."""
    held = operator.checkpoint("held")
    (old,) = operator.keys()
    operator.finds_valid(keys=[old])

    operator.done("keys", "rotate-log")
    project(operator.url)
    operator.checkpoint("both")
    old_again, new = operator.keys()
    assert old_again == old
    bundle = operator.folder / "both.tar"
    operator.done("export", "--output", bundle)
    for keys in ([old], [new], [old, new]):
        verifiable = ["--checkpoint", held] if old in keys else []
        operator.finds_valid(bundle, *verifiable, keys=keys)
        operator.finds_valid(keys=keys)

    operator.done("keys", "rotate-log", "--retire")
    rebuild(operator.url)
    assert operator.keys() == [new]
    operator.checkpoint("after")
    operator.finds_valid("--checkpoint", held, keys=[old, new])
    operator.finds_valid("--checkpoint", operator.folder / "both", keys=[new])
    assert LogFolder(operator.folder / "log").refused() is None
