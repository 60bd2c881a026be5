"""A report as XLSX, read back by a reader that shares nothing with its writer."""

import io
import zipfile
from datetime import date

from python_calamine import CalamineWorkbook

from projections.reports.model import Cell, Column, Report
from projections.reports.outputs import render
from tests.outputs.examples import example


def book(report: Report) -> CalamineWorkbook:
    return CalamineWorkbook.from_filelike(io.BytesIO(render(report, "xlsx", "de")))


def read(cell: object, column: Column, empty: str) -> Cell:
    """A cell as the report has it."""
    if cell == "":
        return None
    if column.kind == "cents" and isinstance(cell, float):
        return round(cell * 100)
    if isinstance(cell, float):
        return int(cell)
    if isinstance(cell, date):
        return cell.isoformat()
    return None if cell == empty and column.kind != "text" else str(cell)


def test_every_sheet_holds_its_table() -> None:
    report = example()
    found = book(report)
    assert found.sheet_names == ["Herkunft", *(f"Tabelle {n}" for n in range(1, 7))]
    for number, table in enumerate(report.tables, 1):
        rows = found.get_sheet_by_name(f"Tabelle {number}").to_python(skip_empty_area=False)
        assert rows[0][0] == table.title.de
        assert rows[1][0] == "Stand: Position 480.123"
        start = rows.index(
            [f"{c.title.de} (Euro)" if c.kind == "cents" else c.title.de for c in table.columns]
        )
        wanted = list(table.rows)
        if table.adjustment:
            wanted.append(("Bereinigung um Gemeinsames", *table.adjustment[1:]))
        if table.total:
            wanted.append(("Insgesamt", *table.total[1:]))
        told = [
            tuple(read(cell, column, "x") for cell, column in zip(row, table.columns, strict=True))
            for row in rows[start + 1 :]
        ]
        assert told == wanted


def test_a_withheld_cell_is_a_point_and_a_barred_one_an_x() -> None:
    rows = book(example(public=True)).get_sheet_by_name("Tabelle 2").to_python()
    withheld = next(row for row in rows if row[0] == "2013")
    total = rows[-1]
    assert (withheld[1], total[3]) == (".", "x")


def test_the_first_sheet_holds_manifest_and_method() -> None:
    report = example()
    rows = book(report).get_sheet_by_name("Herkunft").to_python()
    told = {str(row[0]): str(row[1]) for row in rows}
    assert told["SHA-256 dieses Berichts"] == report.digest
    assert told["Verzeichnis"] == "ledger.example/bavaria"
    assert "Mitgliedstag" in told["Bedeutung"] or any("Mitgliedstag" in str(row) for row in rows)
    assert told["members@99"] == "Der Wortlaut dieser Fassung liegt hier nicht vor."


def test_there_is_no_formula_in_it() -> None:
    with zipfile.ZipFile(io.BytesIO(render(example(), "xlsx", "de"))) as parts:
        sheets = [parts.read(name) for name in parts.namelist() if "worksheets/" in name]
    assert len(sheets) == 7
    assert any(b"=HYPERLINK" in sheet for sheet in sheets)
    assert not any(b"<f>" in sheet or b"<hyperlink" in sheet for sheet in sheets)
