"""The pages of the API's own documentation: Swagger UI from local files, the codes of problems."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from api.web.frame import Frame, Viewer, render
from projections.figures.catalogue import Text

_ANYBODY: Final = Viewer(Text("Öffentlichkeit", "Public"), frozenset(), frozenset())


class ProblemCode(Struct, frozen=True):
    """A problem's code as documented; `sentence` has placeholders in braces, or is empty."""

    code: str
    status: int
    title: str
    sentence: str


def render_docs(openapi_url: str) -> str:
    """Swagger UI on the document at `openapi_url`."""
    return render("docs.html", _frame(Text("Schnittstelle", "API")), {"openapi_url": openapi_url})


def render_problems(codes: tuple[ProblemCode, ...]) -> str:
    """All codes of problems, each with an anchor that a problem's `type` leads to."""
    return render("problems.html", _frame(Text("Fehlercodes", "Problem codes")), {"codes": codes})


def _frame(title: Text) -> Frame:
    """Machines and their makers read English."""
    return Frame(
        language="en",
        path="",
        query={},
        title=title,
        viewer=_ANYBODY,
        standing=None,
        json=False,
    )
