"""`clusterledger figures`: from a file alone, and beside PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.cli.main import app
from api.cli.terminal import CommandError
from ledger.store.book import Book
from projections.figures.catalogue import CATALOGUE
from tests.figures.history import ORIGIN, History, history
from tests.projections.book_writer import tamper


@pytest.fixture
def past(database_url: str) -> Iterator[History]:
    with history(database_url) as told:
        told.cluster("rail", "food")
        told.company("acme", "bolt")
        told.member("acme", "rail", "2019-05-01")
        told.activity("forum", "rail", "food", on="2020-02-03")
        told.came("forum", ["ann", "ben"], "bolt")
        told.headcount("forum", 5, "total")
        told.project_all()
        yield told


@pytest.fixture
def facts(past: History, tmp_path: Path) -> Path:
    """An export, in a folder whose name is no pattern."""
    file = tmp_path / "facts[1]*.ndjson"
    with closing(Book(past.url)) as book:
        file.write_bytes(b"".join(leaf + b"\n" for leaf in book.leaves(0, 1000)))
    return file


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["figures", *map(str, arguments)])


def test_all_figures_come_from_a_file_of_facts_alone(facts: Path) -> None:
    done = run("recompute", facts, "--origin", ORIGIN, "--to", "2020-12-31", "--json")
    assert done.exit_code == 0, done.output
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["definition"] for one in found] == [one.name for one in CATALOGUE.values()]
    values = {one["definition"]: one.get("value") for one in found}
    assert values["participations@2"] == 5
    assert values["companies_involved@3"] == 2


def test_a_recomputed_figure_has_the_bytes_that_postgresql_gives(
    past: History, facts: Path
) -> None:
    asked = ("--figure", "participations", "--by", "cluster", "--to", "2020-12-31")
    done = run("recompute", facts, "--origin", ORIGIN, *asked, "--json")
    figure = past.figure("participations", by="cluster")
    assert done.stdout.encode() == figure.canonical() + b"\n"


def test_people_read_value_table_and_digest(past: History, facts: Path) -> None:
    asked = ("--figure", "activities", "--by", "cluster", "--to", "2020-12-31")
    done = run("recompute", facts, "--origin", ORIGIN, *asked)
    digest = past.figure("activities", by="cluster").digest
    assert done.stdout == (
        f"figure: activities@2\nvalue: 1\nfood: 1\nrail: 1\nsha256: {digest}\n\n"
    )


def test_as_known_earlier_is_asked_of_the_same_file(past: History, facts: Path) -> None:
    asked = ("--figure", "participations", "--known-at", past.head - 1, "--json")
    done = run("recompute", facts, "--origin", ORIGIN, *asked)
    assert json.loads(done.stdout)["value"] == 2


def saved(facts: Path, **otherwise: object) -> Path:
    """As `curl -H 'Accept: application/x-ndjson' …/v1/facts` saves it, with its last line."""
    lines = facts.read_bytes()
    said = {"position": lines.count(b"\n"), "count": lines.count(b"\n")}
    last = said | {"sha256": sha256(lines).hexdigest()} | otherwise
    file = facts.with_name("trail.ndjson")
    file.write_bytes(lines + json.dumps(last).encode() + b"\n")
    return file


def test_a_trail_is_recomputed_as_it_was_saved(facts: Path) -> None:
    asked = ("--origin", ORIGIN, "--figure", "participations", "--json")
    done = run("recompute", saved(facts), *asked)
    assert done.exit_code == 0, done.exception
    assert done.stdout == run("recompute", facts, *asked).stdout


@pytest.mark.parametrize("otherwise", [{"sha256": "ab" * 32}, {"count": 3}])
def test_a_trail_that_is_not_what_its_last_line_says_is_refused(
    facts: Path, otherwise: dict[str, object]
) -> None:
    done = run("recompute", saved(facts, **otherwise), "--origin", ORIGIN)
    assert isinstance(done.exception, CommandError)
    assert "the last line names" in str(done.exception)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (("--figure", "membres"), "There is no figure membres. Allowed: "),
        (("--figure", "activities", "--by", "colour"), "cluster, year, quarter"),
        (("--known-at", "999"), "The file's last position is "),
        (("--origin", "other.example/2026"), "not of the ledger other"),
    ],
)
def test_what_cannot_be_recomputed_is_told_with_what_is_allowed(
    facts: Path, wrong: tuple[str, ...], told: str
) -> None:
    done = run("recompute", facts, "--origin", ORIGIN, *wrong)
    assert isinstance(done.exception, CommandError)
    assert told in str(done.exception)


def test_both_engines_are_asked_each_definition_in_every_period_at_every_position(
    past: History,
) -> None:
    asked = ("--figure", "members", "--figure", "activities@1", "--positions", 3, "--periods", 1)
    done = run("compare", "--database-url", past.url, *asked, "--json")
    found = json.loads(done.stdout)
    assert done.exit_code == 0, done.output
    assert (found["definitions"], found["positions"]) == (2, 3)
    assert found["comparisons"] == 2 * 2 * 3 * found["periods"]
    assert found["tables_of_facts"] == 0
    assert (found["differences"], found["first_difference"]) == (0, None)


def test_control_a_changed_row_is_a_difference_with_an_exit_code(past: History) -> None:
    tamper(past.url, "UPDATE models.activity SET total = 6")
    asked = ("--figure", "participations", "--positions", 1, "--periods", 0, "--json")
    done = run("compare", "--database-url", past.url, *asked)
    found = json.loads(done.stdout)
    assert done.exit_code == 1
    assert found["differences"] > 0
    assert found["first_difference"].startswith("participations@2, start..")


def test_the_ledger_is_compared_with_an_exported_file(past: History, facts: Path) -> None:
    asked = ("--figure", "participations", "--positions", 1, "--periods", 0, "--json")
    done = run("compare", facts, "--database-url", past.url, *asked)
    assert json.loads(done.stdout)["differences"] == 0
