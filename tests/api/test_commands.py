"""The command line from an empty database on: one ledger for all tests, in the file's order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import psycopg
import pytest
from psycopg import sql
from typer.testing import CliRunner, Result

from api.cli.main import app
from api.cli.place import MigrationsPending
from api.cli.terminal import CommandError
from api.demonstration import programme
from ledger.store.book import Book, NoLedger, OtherOrigin
from tests.conftest import _drop, _with_database

ROOT = Path(__file__).resolve().parents[2]
SCALE = "0.005"
LINE = re.compile(
    r"demo: facts=(\d+) seconds=[\d.]+ facts_per_s=(\d+)"
    r" companies=(\d+) activities=(\d+) participations=(\d+) projects=(\d+)"
)


@pytest.fixture(scope="module")
def url(server: psycopg.Connection, server_url: str) -> Iterator[str]:
    """A database that no migration has touched; later tests find what earlier ones left."""
    name = f"test_{uuid4().hex[:12]}"
    server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    try:
        yield _with_database(server_url, name)
    finally:
        _drop(server, name)


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, f"--database-url={url}"])


def told(url: str, *arguments: str) -> Any:
    done = run(url, *arguments, "--json")
    assert done.exit_code == 0, done.exception
    return orjson.loads(done.stdout.splitlines()[-1])


def demo(url: str) -> tuple[re.Match[str], str]:
    """The line that ends its loading, and everything it said. A process: it tunes its own."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "api.cli.main", "demo", "--no-serve"),
            *(f"--scale={SCALE}", f"--database-url={url}"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"CLUSTERLEDGER_LOG_LEVEL": "error"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = LINE.search(done.stdout)
    assert found is not None, done.stdout
    return found, done.stdout


def test_a_database_without_migrations_says_which_command_helps(url: str) -> None:
    done = run(url, "status")
    assert isinstance(done.exception, MigrationsPending)
    assert "clusterledger migrate" in str(done.exception)


def test_migrations_are_applied_once(url: str) -> None:
    assert "0001_roles_and_schema.sql" in told(url, "migrate")["applied"]
    assert told(url, "migrate")["applied"] == []
    assert isinstance(run(url, "status").exception, NoLedger)


def test_a_ledger_is_created_under_its_name_for_ever(url: str) -> None:
    made = told(url, "init", "--origin=commands.example/2026")
    assert made == {"origin": "commands.example/2026", "applied": []}
    assert told(url, "init", "--origin=commands.example/2026") == made
    assert isinstance(run(url, "init", "--origin=other.example/2026").exception, OtherOrigin)


def test_migrate_and_init_ask_for_a_database() -> None:
    done = CliRunner().invoke(app, ["migrate"])
    assert isinstance(done.exception, CommandError)
    assert "--database-url" in str(done.exception)


@pytest.fixture(scope="module")
def loaded(url: str) -> tuple[re.Match[str], str]:
    """The demonstration's first run."""
    return demo(url)


def test_the_demonstration_ends_with_what_it_recorded(
    url: str, loaded: tuple[re.Match[str], str]
) -> None:
    line, said = loaded
    status = told(url, "status")
    assert int(line[1]) == status["position"] > 1_000
    assert int(line[2]) > 0
    assert all(int(line[n]) > 0 for n in range(3, 7))
    assert "were there before" not in said


def test_the_demonstration_once_more_records_nothing_and_says_so(url: str) -> None:
    before = told(url, "status")["position"]
    line, said = demo(url)
    assert (int(line[1]), int(line[2])) == (0, 0)
    assert f"{before} facts of the programme were there before" in said
    assert told(url, "status")["position"] == before


def test_the_headline_of_the_demonstration_is_the_ledgers(
    url: str, loaded: tuple[re.Match[str], str]
) -> None:
    last_day = programme(float(SCALE), 1).expected().end
    shown = told(url, "figures", "show", "activities", f"--to={last_day}")
    assert shown["value"] == int(loaded[0][4])


def test_status_tells_how_far_everything_is(url: str) -> None:
    status = told(url, "status")
    assert status["origin"] == "commands.example/2026"
    assert status["read_models"] == status["position"]
    assert (status["lag_facts"], status["alarm"]) == (0, None)


def test_the_read_models_are_built_anew_without_a_difference(url: str) -> None:
    position = told(url, "status")["position"]
    rebuilt = told(url, "rebuild")
    assert (rebuilt["position"], rebuilt["differences"]) == (position, [])


def test_a_check_finds_nothing_wrong_and_says_what_is(url: str) -> None:
    assert told(url, "check")["findings"] == []
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(
            "UPDATE models.organisation SET name = 'Wrong' WHERE name IN"
            " (SELECT min(name) FROM models.organisation)"
        )
    done = run(url, "check", "--json")
    assert done.exit_code == 1
    assert "organisation" in str(orjson.loads(done.stdout)["findings"])
    assert run(url, "rebuild", "--accept").exit_code == 0
    assert told(url, "check")["findings"] == []


def test_a_key_is_shown_once_listed_and_revoked(url: str) -> None:
    made = told(
        url,
        "keys",
        "create",
        "--label=Rail app",
        "--cluster=rail",
        "--scope=trail:read",
        "--source=//rail.example/app",
        "--expires=2031-01-01",
    )
    (listed,) = (k for k in told(url, "keys", "list") if k["key_id"] == made["key_id"])
    assert listed["clusters"] == ["rail"]
    assert listed["expires_at"].startswith("2031-01-01")
    assert made["key"] not in str(told(url, "keys", "list"))
    assert told(url, "keys", "revoke", made["key_id"]) == {"revoked": made["key_id"]}
    again = run(url, "keys", "revoke", made["key_id"])
    assert isinstance(again.exception, CommandError)


def test_a_scope_that_is_none_is_refused(url: str) -> None:
    done = run(url, "keys", "create", "--label=x", "--scope=everything")
    assert isinstance(done.exception, CommandError)
    assert "facts:write:<cluster>" in str(done.exception)


def test_all_facts_of_the_demonstration_have_the_command_line_as_actor(url: str) -> None:
    (key,) = (k for k in told(url, "keys", "list") if k["label"] == "command line")
    book = Book(url)
    leaves = book.leaves(0, 1_000)
    book.close()
    assert all(f'"actor":"key:{key["key_id"]}"'.encode() in leaf for leaf in leaves)
