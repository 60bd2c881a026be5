"""`clusterledger figures list` and `show`: the catalogue, and figures on the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner, Result

from api.cli.main import app
from api.cli.terminal import CommandError
from projections.figures.catalogue import CATALOGUE
from tests.conftest import FreshDatabase
from tests.figures.history import History, history


@pytest.fixture(scope="module")
def past(fresh_database: FreshDatabase) -> Iterator[History]:
    with fresh_database() as url, history(url) as told:
        told.cluster("rail", "food")
        told.company("acme", "bolt")
        told.member("acme", "rail", "2019-05-01")
        told.activity("forum", "rail", "food", on="2020-02-03")
        told.came("forum", ["ann", "ben"], "bolt")
        told.project_all()
        yield told


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["figures", *map(str, arguments)])


def show(past: History, *arguments: object) -> Result:
    return run("show", *arguments, "--database-url", past.url)


def test_the_list_names_every_figure_in_force_with_what_it_is_counted_by() -> None:
    listed = json.loads(run("list", "--json").stdout)
    assert [one["figure"] for one in listed] == [one.name for one in CATALOGUE.values()]
    (share,) = (one for one in listed if one["figure"].startswith("sme_share@"))
    assert share["of"] == ["members", "involved", "participations"]
    assert "cluster" in share["by"]


def test_a_figure_is_shown_in_its_canonical_bytes(past: History) -> None:
    done = show(past, "participations", "--by", "cluster", "--to", "2020-12-31", "--json")
    assert done.exit_code == 0, done.output
    assert done.stdout.encode() == past.figure("participations", by="cluster").canonical() + b"\n"


def test_people_see_what_a_figure_counts_on_a_day(past: History) -> None:
    done = show(past, "members", "--as-of", "2020-12-31")
    digest = past.figure("members").digest
    assert done.stdout == f"figure: members@2\nvalue: 1\nsha256: {digest}\n"


def test_a_share_is_of_what_is_asked_for_in_an_older_state(past: History) -> None:
    asked = ("sme_share", "--of", "involved", "--to", "2020-12-31", "--json")
    assert json.loads(show(past, *asked).stdout)["parameters"] == {"of": "involved"}
    earlier = show(past, "activities@1", "--known-at", 1, "--json")
    assert json.loads(earlier.stdout)["value"] == 0


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (("membres",), "There is no figure membres. Allowed: "),
        (("members@7",), "Figure members has no version 7. Allowed: 1, 2"),
        (("activities", "--by", "colour"), "cluster, year, quarter"),
        (("sme_share", "--of", "shoes"), "members, involved, participations"),
        (("members", "--cluster", "boats"), "No cluster boats is known"),
        (("members", "--known-at", "99999"), "The read models' last position is "),
        (("members", "--to", "1999-12-31"), "Allowed: 2006-01-01 to "),
        (("members", "--as-of", "2020-01-01", "--to", "2020-12-31"), "--as-of is one day"),
    ],
)
def test_what_is_not_shown_is_told_with_what_is_allowed(
    past: History, wrong: tuple[str, ...], told: str
) -> None:
    done = show(past, *wrong)
    assert isinstance(done.exception, CommandError)
    assert told in str(done.exception)


def test_the_facts_behind_a_figure_are_listed_page_by_page(past: History) -> None:
    asked = ("participations", "--to", "2020-12-31", "--limit", "1", "--database-url", past.url)
    first = json.loads(run("facts", *asked, "--json").stdout)
    assert {fact["type"] for fact in first["items"]} <= set(CATALOGUE["participations"].facts)
    then = run("facts", *asked, "--cursor", first["next"])
    assert then.exit_code == 0, then.output
    assert f"position: {first['items'][0]['position']}\n" not in then.stdout
    assert "There is more: --cursor " in then.stdout


def test_what_almost_counted_is_listed_with_its_rule(past: History) -> None:
    past.activity("planned", "rail", on="2020-03-03", held=False)
    past.project_all()
    asked = ("activities", "--to", "2020-12-31", "--database-url", past.url)
    found = json.loads(run("almost", *asked, "--json").stdout)
    assert found["items"]
    told = run("almost", *asked)
    assert f"rule: {found['items'][0]['rule']}\n" in told.stdout


def test_facts_of_a_period_before_the_ledger_are_refused(past: History) -> None:
    asked = ("participations", "--to", "1990-12-31", "--database-url", past.url)
    for command in ("facts", "almost"):
        assert isinstance(run(command, *asked).exception, CommandError)
