"""`clusterledger report`: the same filings without HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from api.cli.main import app
from api.cli.terminal import CommandError
from projections.reports.filing import filing_at, made_again
from projections.reports.outputs import FORMATS, Format, render
from tests.figures.history import History, history
from tests.reports.programme import joint_programme

FORM: dict[str, Format] = {name: name for name in FORMATS}
YEAR = ("--from", "2018-01-01", "--to", "2018-12-31")


@pytest.fixture
def past(database_url: str) -> Iterator[History]:
    """A small programme, its read models at the head."""
    with history(database_url) as past:
        past.cluster("rail", "food", "wood")
        joint_programme(past)
        past.project_all()
        yield past


def report(past: History, *words: str, code: int = 0) -> Any:
    """What a command prints, its read models following."""
    done = CliRunner().invoke(app, ["report", *words, "--database-url", past.url])
    if isinstance(done.exception, CommandError):
        raise done.exception
    assert done.exit_code == code, (done.output, done.exception)
    past.project_all()
    return json.loads(done.stdout)


def test_a_report_is_filed_shown_and_made_again(past: History) -> None:
    made = report(past, "file", "complete", *YEAR, "--json")
    listed = report(past, "list", "--json")
    assert [one["position"] for one in listed] == [made["position"]]
    assert report(past, "show", str(made["position"]))["known_at"] == made["known_at"]
    (again,) = report(past, "recompute", "--json")
    assert (again["result"], again["sha256"]) == ("same", made["sha256"])


def test_a_report_over_an_open_import_is_filed_on_purpose_only(past: History) -> None:
    past.listed("fair", complete=True, rows=4)
    past.project_all()
    with pytest.raises(CommandError, match=r"3/4 fair.* add the parameter open_imports=accepted"):
        report(past, "file", "complete", *YEAR)
    made = report(past, "file", "complete", *YEAR, "--parameter", "open_imports=accepted", "--json")
    (again,) = report(past, "recompute", "--json")
    assert (again["result"], again["position"]) == ("same", made["position"])


def test_filing_the_same_again_files_nothing_twice(past: History) -> None:
    first = report(past, "file", "complete", *YEAR, "--json")
    known_at = str(first["known_at"])
    again = report(past, "file", "complete", *YEAR, "--known-at", known_at, "--json")
    assert (again["position"], again["duplicate"]) == (first["position"], True)


def test_what_came_out_otherwise_ends_with_1(past: History) -> None:
    made = report(past, "file", "complete", *YEAR, "--json")
    with psycopg.connect(past.url, autocommit=True) as conn:
        conn.execute("UPDATE models.activity SET total = 77 WHERE total IS NOT NULL")
    (found,) = report(past, "recompute", "--json", code=1)
    assert found["position"] == made["position"]
    assert made["sha256"] in found["result"]


def test_a_closed_period_and_the_restatement_after_it(past: History) -> None:
    closing = report(past, "close", *YEAR, "--json")["position"]
    made = report(past, "file", "complete", *YEAR, "--json")
    past.posted = made["position"]
    late = past.headcount("talk", 9, "unlisted")
    past.project_all()
    found = report(past, "diff", str(made["position"]), "--json")
    assert [(line["position"], line["late"]) for line in found["facts"]] == [(late, [closing])]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("file", "nothing", *YEAR), "cumulative_headline"),
        (("file", "complete", "--from", "2019-01-01", "--to", "2018-01-01"), "before it begins"),
        (("file", "complete", *YEAR, "--known-at", "999"), "between 0 and"),
        (("file", "complete", "--to", "2005-12-31"), "Allowed: 2006-01-01 to "),
        (("close", "--from", "2005-01-01", "--to", "2005-12-31"), "Allowed: 2006-01-01 to "),
        (("file", "cumulative_headline", *YEAR, "--parameter", "cluster=x"), "food, rail, wood"),
        (("show", "1"), "No report was filed"),
        (("diff", "1", "then"), "neither"),
    ],
)
def test_a_bad_command_says_what_is_allowed(past: History, words: Any, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        report(past, *words)


@pytest.mark.parametrize(
    ("form", "begins"), [("csv", b"table,"), ("csv-de", b"\xef\xbb\xbf"), ("xlsx", b"PK")]
)
def test_a_filed_report_is_drawn_into_a_file(
    past: History, tmp_path: Path, form: str, begins: bytes
) -> None:
    made = report(past, "file", "cumulative_headline", *YEAR, "--json")
    drawn = tmp_path / "report"
    words = ("show", str(made["position"]), "--format", form, "--lang", "en", "--output", drawn)
    done = CliRunner().invoke(app, ["report", *map(str, words), "--database-url", past.url])
    assert done.exit_code == 0, done.exception
    found = filing_at(past.conn, made["position"], upto=made["position"])
    assert found is not None
    assert drawn.read_bytes() == render(made_again(past.engine, found), FORM[form], "en")
    assert drawn.read_bytes().startswith(begins)


def test_a_format_there_is_not_is_refused_with_those_there_are(past: History) -> None:
    with pytest.raises(CommandError, match=r"Allowed: json, csv, csv-de, xlsx, pdf"):
        report(past, "show", "1", "--format", "docx")
    with pytest.raises(CommandError, match=r"Allowed: de, en"):
        report(past, "show", "1", "--format", "csv", "--lang", "fr")


def test_a_restatement_is_drawn_like_a_report(past: History) -> None:
    made = report(past, "file", "cumulative_headline", *YEAR, "--json")
    past.headcount("talk", 70, "unlisted")
    past.project_all()
    drawn = report(past, "diff", str(made["position"]), "--format", "json")
    assert drawn["report"] == "restatement@1"
    assert drawn["parameters"]["before"] == str(made["position"])
