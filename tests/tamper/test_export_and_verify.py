"""The commands: a bundle of a real ledger proves itself, and honest operations raise no alarm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import psycopg
import pytest
from typer.testing import CliRunner, Result

from api.cli.main import app
from ledger.store.migrate import migrate
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.note import signed
from projections.rebuild import rebuild
from tests.projections.book_writer import ORIGIN, tamper
from tests.tamper.stored import KEY, copied, fill, note, problems, project, verify
from tests.transparency.growing import Grown
from tests.transparency.small_log import key

VKEY = str(KEY.verifier)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def filled(server: psycopg.Connection, server_url: str, template: str) -> Iterator[str]:
    """A ledger with facts and a filed report; its tests only read."""
    with copied(server, server_url, template) as url:
        fill(url)
        filed = run(
            "report", "file", "cumulative_headline", "--to", "2025-12-31", "--database-url", url
        )
        assert filed.exit_code == 0, filed.output
        project(url)
        yield url


@pytest.fixture
def newest(filled: str, tmp_path: Path) -> Path:
    path = tmp_path / "checkpoint"
    path.write_bytes(note(filled))
    return path


@pytest.mark.parametrize("name", ["bundle.tar", "bundle"])
def test_an_exported_bundle_is_valid_with_its_report_recomputed(
    filled: str, newest: Path, tmp_path: Path, name: str
) -> None:
    output = tmp_path / name
    made = run("export", "--output", output, "--upto", newest, "--database-url", filled)
    assert made.exit_code == 0, made.output
    found = run("verify", output, "--key", VKEY, "--checkpoint", newest, "--json")

    assert found.exit_code == 0, found.output
    steps = {step["number"]: step for step in orjson.loads(found.stdout)["steps"]}
    assert [number for number, step in steps.items() if step["ok"]] == [1, 2, 3, 4, 5, 6, 7]
    assert steps[6]["checked"] == steps[7]["checked"] == 1


def test_the_same_log_gives_the_same_bytes(filled: str, newest: Path, tmp_path: Path) -> None:
    for name in ("one.tar", "two.tar"):
        run("export", "--output", tmp_path / name, "--upto", newest, "--database-url", filled)

    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_one_flipped_byte_is_named(filled: str, newest: Path, tmp_path: Path) -> None:
    output = tmp_path / "bundle"
    run("export", "--output", output, "--upto", newest, "--database-url", filled)
    facts = output / "data/facts.ndjson"
    raw = bytearray(facts.read_bytes())
    raw[raw.index(b'"position":42,') + 2] ^= 1
    facts.write_bytes(raw)
    found = run("verify", output, "--key", VKEY)

    assert found.exit_code == 1
    assert "position 42" in found.stdout
    assert "NOT VALID" in found.stdout.splitlines()[-1]


def test_a_figure_that_does_not_follow_from_the_facts_is_found(
    server: psycopg.Connection, server_url: str, template: str, tmp_path: Path
) -> None:
    """The operator files a digest of his own, signs everything, and only the recount can tell."""
    with copied(server, server_url, template) as url:
        fill(url, 100)
        arguments = ("--to", "2025-12-31", "--database-url", url)
        run("report", "file", "cumulative_headline", *arguments)
        wrong = "0" * 64
        tamper(
            url,
            "UPDATE ledger.facts SET state = convert_to(regexp_replace(convert_from(state, 'UTF8'),"
            f' \'"sha256":"[0-9a-f]+"}},"id"\', \'"sha256":"{wrong}"}},"id"\'), \'UTF8\')'
            " WHERE topic = 'report.published.v1'",
            "UPDATE ledger.facts SET leaf_hash = sha256('\\x00'::bytea || state)",
        )
        with psycopg.connect(url) as conn:
            rows = conn.execute("SELECT state FROM ledger.facts ORDER BY notification_id")
            grown = Grown([leaf for (leaf,) in rows]).frontier
        forged = signed(Checkpoint(ORIGIN, grown.size, grown.root()).text, [KEY]).encode()

        assert f"6: position {grown.size}: The report filed at" in problems(verify(url, forged))


def test_a_range_is_valid_from_the_checkpoint_that_was_held(
    server: psycopg.Connection, server_url: str, template: str, tmp_path: Path
) -> None:
    """It holds the report filed in it, not the one filed before: nothing in it would prove that."""
    with copied(server, server_url, template) as url:
        fill(url, 300)
        arguments = ("--to", "2025-12-31", "--database-url", url)
        run("report", "file", "cluster_table", *arguments)
        project(url)
        (held := tmp_path / "held").write_bytes(note(url))
        run("report", "file", "cumulative_headline", *arguments)
        project(url)
        (upto := tmp_path / "upto").write_bytes(note(url))
        output = tmp_path / "range.tar"
        asked = ("--upto", upto, "--since", held, "--range-only", "--json")
        made = run("export", "--output", output, *asked, "--database-url", url)
        assert made.exit_code == 0, made.output
        assert orjson.loads(made.stdout)["reports"] == ["cumulative_headline@1"]
        found = run("verify", output, "--key", VKEY, "--checkpoint", held)

        assert found.exit_code == 0, found.output
        assert "1 fact in" in found.stdout


# What honest people do raises no alarm


def test_a_rebuild_and_a_migration_raise_no_alarm(filled: str, newest: Path) -> None:
    migrate(filled)
    rebuild(filled)

    assert problems_of(filled, newest) == ""


def test_a_restore_that_holds_all_that_was_signed_raises_no_alarm(
    server: psycopg.Connection, server_url: str, filled: str, newest: Path
) -> None:
    name = str(psycopg.conninfo.conninfo_to_dict(filled)["dbname"])
    with copied(server, server_url, name) as restored:
        assert problems_of(restored, newest) == ""


def problems_of(url: str, checkpoint: Path) -> str:
    found = verify(url, checkpoint.read_bytes())
    return "" if found.valid else problems(found)


# What cannot be asked is said in a sentence


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_without_a_key_nothing_is_verified_and_nothing_failed(
    filled: str, newest: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    output = tmp_path / "bundle.tar"
    run("export", "--output", output, "--upto", newest, "--no-reports", "--database-url", filled)
    found = run("verify", output, *options)

    assert found.exit_code == 2
    assert "NOT VERIFIED. No key was given" in found.stdout
    assert "FAILED" not in found.stdout
    if options:
        told = orjson.loads(found.stdout)
        assert (told["valid"], told["not_shown"]) == (False, [2, 3, 4, 5, 6, 7])


def test_without_a_key_a_changed_file_is_not_valid_all_the_same(
    filled: str, newest: Path, tmp_path: Path
) -> None:
    output = tmp_path / "bundle"
    run("export", "--output", output, "--upto", newest, "--no-reports", "--database-url", filled)
    (output / "readme.txt").write_text("trust me")
    found = run("verify", output)

    assert found.exit_code == 1
    assert "NOT VALID. Step 1, manifest: readme.txt" in found.stdout


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("PRIVATE+KEY+x+00000000+AAAA", "private key"),
        ("-----BEGIN PUBLIC KEY-----", "name+hash+base64"),
        (str(key(9, ORIGIN).verifier), "None of the given keys"),
        (f"{ORIGIN}+00000000+AgAA", "no Ed25519 key"),
        ("", "name+hash+base64"),
    ],
)
def test_a_key_of_another_kind_is_named(
    filled: str, newest: Path, tmp_path: Path, given: str, said: str
) -> None:
    output = tmp_path / "bundle.tar"
    run("export", "--output", output, "--upto", newest, "--no-reports", "--database-url", filled)
    found = run("verify", output, "--key", given)

    assert found.exit_code == 1
    assert said in found.stdout


def test_what_is_no_bundle_ends_with_2_and_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    for name, verdict in (("text", "NOT VALID"), ("nothing", "NOT VERIFIED. There is no")):
        found = run("verify", tmp_path / name, "--key", VKEY)
        assert found.exit_code == 2
        assert verdict in found.output


def test_an_export_beyond_the_ledger_is_refused(filled: str, tmp_path: Path) -> None:
    beyond = signed(Checkpoint(ORIGIN, 10_000, bytes(32)).text, [KEY]).encode()
    (tmp_path / "beyond").write_bytes(beyond)
    output = tmp_path / "bundle.tar"
    made = run(
        "export", "--output", output, "--upto", tmp_path / "beyond", "--database-url", filled
    )

    assert made.exit_code == 1
    assert "restored to an older point" in str(made.exception)
    assert not output.exists()


def test_checkpoints_in_the_wrong_order_are_named_before_anything_is_written(
    filled: str, newest: Path, tmp_path: Path
) -> None:
    (old := tmp_path / "old").write_bytes(at_size(filled, 100))
    asked = ("--since", newest, "--upto", old, "--database-url", filled)
    made = run("export", "--output", tmp_path / "bundle", *asked)

    assert made.exit_code == 1
    assert "--since is the older one" in str(made.exception)
    assert not list(tmp_path.glob("bundle*"))


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM ledger.tile",
        (
            "UPDATE ledger.facts SET state = convert_to(replace(convert_from(state, 'UTF8'),"
            " '\"report\":', '\"raport\":'), 'UTF8') WHERE topic = 'report.published.v1'"
        ),
    ],
)
def test_a_damaged_ledger_is_not_exported_and_the_reason_is_a_sentence(
    server: psycopg.Connection,
    server_url: str,
    filled: str,
    newest: Path,
    tmp_path: Path,
    statement: str,
) -> None:
    name = str(psycopg.conninfo.conninfo_to_dict(filled)["dbname"])
    with copied(server, server_url, name) as damaged:
        tamper(damaged, statement)
        asked = ("--output", tmp_path / "bundle", "--upto", newest, "--database-url", damaged)
        made = run("export", *asked)

    assert made.exit_code == 1
    assert "The bundle cannot be made" in str(made.exception)
    assert not list(tmp_path.glob("bundle*"))


def at_size(url: str, size: int) -> bytes:
    """The checkpoint that was signed when the log had so many facts."""
    with psycopg.connect(url) as conn:
        rows = conn.execute(
            "SELECT state FROM ledger.facts WHERE notification_id <= %s ORDER BY 1", (size,)
        )
        root = Grown([leaf for (leaf,) in rows]).frontier.root()
    return signed(Checkpoint(ORIGIN, size, root).text, [KEY]).encode()


def test_nothing_is_overwritten(filled: str, newest: Path, tmp_path: Path) -> None:
    (output := tmp_path / "bundle.tar").write_text("mine")
    made = run("export", "--output", output, "--upto", newest, "--database-url", filled)

    assert made.exit_code == 1
    assert output.read_text() == "mine"
