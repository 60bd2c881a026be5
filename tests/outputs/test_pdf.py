"""A report as PDF: what it says, and what a reading program finds in it."""

import io
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import typst
from pypdf import PdfReader
from pypdf.generic import ArrayObject, DictionaryObject

from projections.reports.model import Report
from projections.reports.outputs import render
from projections.reports.outputs.pdf_pages import _PRINTED, printable
from tests.outputs.examples import LONG_NAME, LONG_WORD, MARKUP, example


def read(report: Report, language: Any = "de") -> PdfReader:
    return PdfReader(io.BytesIO(render(report, "pdf", language)))


def words_of(document: PdfReader) -> str:
    """All text without white space and hyphens, so that it does not matter where lines break."""
    text = "".join(page.extract_text() for page in document.pages)
    return "".join(c for c in text if not c.isspace() and c not in "-\u00ad\u2010")


def squeezed(text: str) -> str:
    return "".join(c for c in text if not c.isspace() and c not in "-\u00ad")


def elements(node: Any) -> Iterator[DictionaryObject]:
    """Every structure element, in reading order."""
    node = node.get_object()
    if isinstance(node, ArrayObject):
        for child in node:
            yield from elements(child)
    elif isinstance(node, DictionaryObject):
        if "/S" in node:
            yield node
        if "/K" in node:
            yield from elements(node["/K"])


@pytest.fixture(scope="module")
def german() -> PdfReader:
    return read(example(public=True))


@pytest.fixture(scope="module")
def said(german: PdfReader) -> str:
    return words_of(german)


def test_it_says_which_standards_it_follows(german: PdfReader) -> None:
    stated = german.trailer["/Root"]["/Metadata"].get_object().get_data().decode()
    assert "<pdfaid:part>2</pdfaid:part>" in stated
    assert "<pdfaid:conformance>A</pdfaid:conformance>" in stated
    assert "<pdfuaid:part>1</pdfuaid:part>" in stated


@pytest.mark.parametrize(("language", "title"), [("de", "Zeitraum"), ("en", "Zeitraum (en)")])
def test_it_is_tagged_and_names_title_and_language(language: str, title: str) -> None:
    document = read(example(), language)
    root = document.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"] == True  # noqa: E712 - pypdf's own boolean
    assert root["/Lang"] == language
    assert root["/ViewerPreferences"]["/DisplayDocTitle"] == True  # noqa: E712 - pypdf's own boolean
    assert document.metadata is not None
    assert document.metadata.title == f"Bericht über einen {title}"
    assert document.metadata.creation_date is not None
    assert document.metadata.creation_date.date().isoformat() == "2024-12-31"


def test_tables_have_header_cells_and_charts_say_what_they_show(german: PdfReader) -> None:
    found = list(elements(german.trailer["/Root"]["/StructTreeRoot"]["/K"]))
    tags = Counter(str(element["/S"]) for element in found)
    assert tags["/Table"] >= 6
    assert tags["/TH"] >= 30
    figures = [element for element in found if element["/S"] == "/Figure"]
    assert len(figures) == 3 + 2 + 1
    assert all(len(str(figure["/Alt"])) > 20 for figure in figures)
    assert "Höchster Wert: 2.400.615" in str([figure["/Alt"] for figure in figures])


def test_a_header_stands_on_every_page_of_a_long_table(german: PdfReader) -> None:
    pages = [squeezed(page.extract_text()) for page in german.pages]
    rows = [page for page in pages if "Region4" in page or "Region59" in page]
    assert len(rows) > 2
    assert all("Regierungsbezirk" in page for page in rows)


def test_names_with_markup_and_long_ones_are_shown_as_they_are(said: str) -> None:
    for name in (LONG_WORD, MARKUP, LONG_NAME):
        assert squeezed(name) in said


def test_no_text_lies_outside_its_page(german: PdfReader) -> None:
    for page in german.pages:
        outside: list[str] = []

        def visit(
            text: str, cm: list[float], tm: list[float], _font: Any, size: float,
            page: Any = page, outside: list[str] = outside,
        ) -> None:  # fmt: skip
            x = tm[4] * cm[0] + tm[5] * cm[2] + cm[4]
            if text.strip() and not 30 < x < float(page.mediabox.width) - 60:
                outside.append(text)

        page.extract_text(visitor_text=visit)
        assert outside == []


def test_it_prints_position_digest_citation_and_definitions(said: str) -> None:
    report = example(public=True)
    assert squeezed("Stand: Position 480.123") in said
    assert report.digest in said
    assert squeezed("Verschiedene Unternehmen mit mindestens einem Mitgliedstag") in said
    assert squeezed("Öffentliche Fassung: kleine Werte sind unterdrückt.") in said
    assert squeezed("Seite 1 von") in said


def test_numbers_are_written_as_the_language_writes_them(said: str) -> None:
    assert "1.851.851.835,10" in said
    assert "1,851,851,835.10" in words_of(read(example(), "en"))


def test_characters_without_a_glyph_are_spelled_out_and_invisible_ones_left_out(said: str) -> None:
    assert printable("中\u202e\x07 GmbH\nO\u0308") == "[U+4E2D] GmbH Ö"
    assert "[U+4E2D][U+6587]" in said
    assert squeezed("Schriftzeichen, die in den eingebetteten") in said
    plain = words_of(read(example(tables=example().tables[1:3])))
    assert squeezed("Schriftzeichen, die in den eingebetteten") not in plain


def test_every_character_that_is_printed_has_a_glyph() -> None:
    """The compiler refuses one that has none."""
    text = " ".join(chr(c) for first, last in _PRINTED for c in range(first, last + 1))
    source = '#set document(title: "x")\n#set text(font: "Libertinus Serif")\n#sys.inputs.data'

    def compiled(data: str) -> bytes:
        return typst.compile(
            source.encode(),
            format="pdf",
            sys_inputs={"data": data},
            pdf_standards=["a-2a", "ua-1"],
            ignore_system_fonts=True,
            timestamp=0,
        )

    assert compiled(printable(text))
    with pytest.raises(typst.TypstError, match="could not be displayed"):
        compiled("中")


def test_a_report_without_rows_says_so() -> None:
    empty = tuple(
        type(table)(id=table.id, title=table.title, columns=table.columns, rows=(), chart="bar")
        for table in example().tables
    )
    assert squeezed("Für diesen Zeitraum gibt es keine Zeilen.") in words_of(
        read(example(tables=empty))
    )
