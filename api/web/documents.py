"""The pages of the API's own documentation: Swagger UI from local files, the codes of problems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from api.web.frame import Frame, Viewer, render
from api.web.language import Language
from api.web.problem_words import SAID
from projections.figures.catalogue import Text

DOCS: Final = "/docs"
PROBLEMS: Final = "/docs/problems"


class ProblemCode(Struct, frozen=True):
    """A problem's code as documented; `sentence` has placeholders in braces, or is empty."""

    code: str
    status: int
    title: str
    sentence: str


class Reader(Struct, frozen=True):
    """Who reads, in which language, and the two times that links carry on."""

    language: Language
    viewer: Viewer
    query: Mapping[str, str]


def render_docs(reader: Reader, openapi_url: str) -> str:
    """Swagger UI on the document at `openapi_url`."""
    frame = _frame(reader, DOCS, Text("Schnittstelle", "API"))
    return render("docs.html", frame, {"openapi_url": openapi_url})


def render_problems(reader: Reader, codes: tuple[ProblemCode, ...]) -> str:
    """All codes of problems, each with an anchor that a problem's `type` leads to."""
    frame = _frame(reader, PROBLEMS, Text("Fehlercodes", "Problem codes"))
    return render("problems.html", frame, {"codes": codes, "german": SAID})


def _frame(reader: Reader, path: str, title: Text) -> Frame:
    return Frame(
        language=reader.language,
        path=path,
        query=reader.query,
        title=title,
        viewer=reader.viewer,
        standing=None,
        json=False,
    )
