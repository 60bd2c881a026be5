"""A report as CSV: what a program reads back is what the report holds."""

import csv
import io
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.figures.catalogue import Text
from projections.reports.model import Column, Report, Table
from projections.reports.outputs import render
from projections.reports.outputs.csv_text import defused
from tests.outputs.examples import MARKUP, example


def lines(report: Report, form: Any = "csv", language: Any = "de") -> list[dict[str, str]]:
    raw = render(report, form, language)
    mark, delimiter = ("\ufeff", ";") if form == "csv-de" else ("", ",")
    read = raw.decode()
    assert read.startswith(mark + "table")
    return list(
        csv.DictReader(io.StringIO(read.removeprefix(mark), newline=""), delimiter=delimiter)
    )


def test_every_cell_is_a_line_with_its_keys() -> None:
    report = example()
    found = lines(report)
    for table in report.tables:
        rows = [*((str(n), row) for n, row in enumerate(table.rows, 1))]
        rows += [("adjustment", table.adjustment)] if table.adjustment else []
        rows += [("total", table.total)] if table.total else []
        told = {(line["row"], line["column"]): line for line in found if line["table"] == table.id}
        assert len(told) == sum(c.kind != "key" for c in table.columns) * len(rows)
        for name, row in rows:
            keys = {
                f"key_{c.id}": "" if cell is None else defused(str(cell))
                for c, cell in zip(table.columns, row, strict=True)
                if c.kind == "key"
            }
            for column, cell in zip(table.columns, row, strict=True):
                if column.kind == "key":
                    continue
                line = told[name, column.id]
                assert keys.items() <= line.items()
                assert line["value"] == (str(cell) if isinstance(cell, int) else "")
                assert line["text"] == (defused(cell) if isinstance(cell, str) else "")
                assert line["status"] == ("none" if cell is None else "")


def test_the_manifest_is_a_table_of_its_own() -> None:
    report = example()
    told = {line["column"]: line["text"] for line in lines(report) if line["table"] == "manifest"}
    assert told["sha256"] == report.digest
    assert told["known_at"] == "480123"
    assert told["period"] == "2012-01-01/2024-12-31"
    assert told["definitions.members@99"] == "0" * 64


def test_the_german_dialect_has_a_mark_semicolons_and_euros() -> None:
    report = example()
    grants = [line["value"] for line in lines(report, "csv-de") if line["column"] == "grant"]
    assert grants[0] == "123456789,01"
    assert grants[-2:] == ["-0,10", "1851851835,10"]
    assert render(report, "csv-de", "de").count(b"\n") == render(report, "csv-de", "de").count(
        b"\r\n"
    )


def test_the_value_column_is_numeric_to_a_program_that_guesses(tmp_path: Any) -> None:
    file = tmp_path / "report.csv"
    file.write_bytes(render(example(), "csv", "en"))
    rows = duckdb.sql(
        f"SELECT typeof(value), sum(value) FROM '{file}' WHERE \"column\" = 'participations' "
        "AND \"row\" NOT IN ('adjustment', 'total') GROUP BY ALL"
    )
    assert rows.fetchall() == [("BIGINT", 480_123 * 15)]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
@pytest.mark.parametrize("form", ["csv", "csv-de"])
def test_no_text_is_taken_for_a_formula(start: str, form: Any) -> None:
    evil = f"{start}cmd|' /C calc'!A0"
    both = Text(de=evil, en=evil)
    table = Table(
        id="t",
        title=both,
        columns=(
            Column(id="k", title=both, kind="key"),
            Column(id="t", title=both, kind="text"),
            Column(id="n", title=both, kind="count"),
        ),
        rows=((evil, evil, -5),),
    )
    report = example(tables=(table,))
    for line in lines(report, form):
        for name, cell in line.items():
            if name != "value":
                assert not cell.startswith(start)
    assert [line["value"] for line in lines(report, form) if line["column"] == "n"] == ["-5"]


@given(st.text(max_size=30))
def test_any_text_comes_back_as_it_was(name: str) -> None:
    both = Text(de="x", en="x")
    table = Table(
        id="t", title=both, columns=(Column(id="c", title=both, kind="text"),), rows=((name,),)
    )
    (line,) = [line for line in lines(example(tables=(table,))) if line["table"] == "t"]
    assert line["text"] == defused(name)


def test_markup_and_quotes_are_kept() -> None:
    assert MARKUP in {line["key_cluster"] for line in lines(example())}
