"""A problem as a page: what happened, in the reader's language, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from api.problems import Problem
from api.web.frame import Frame, Viewer, render
from api.web.language import Language
from api.web.problem_words import told
from projections.figures.catalogue import Text

_ADVICE: Final[dict[int, tuple[Text, Text]]] = {
    400: (
        Text("Diese Anfrage ist nicht lesbar", "This request cannot be read"),
        Text("Prüfen Sie die Angaben in der Adresse.", "Check what the address says."),
    ),
    401: (
        Text("Bitte melden Sie sich an", "Please sign in"),
        Text("Diese Seite braucht eine Anmeldung.", "This page needs you to sign in."),
    ),
    403: (
        Text("Das dürfen Sie hier nicht", "You may not do this"),
        Text(
            "Ihrem Schlüssel fehlt dieses Recht. Wer ihn ausgegeben hat, kann helfen.",
            "Your key lacks this right. Whoever gave it out can help.",
        ),
    ),
    404: (
        Text("Das gibt es hier nicht", "There is no such thing"),
        Text(
            "Vielleicht gab es das an diesem Tag oder Stand noch nicht, oder der Link ist falsch.",
            "Perhaps it was not there on that day or at that position, or the link is wrong.",
        ),
    ),
    429: (
        Text("Zu viele Anfragen", "Too many requests"),
        Text("Warten Sie einen Augenblick.", "Wait a moment."),
    ),
    500: (
        Text("Hier ist etwas schiefgegangen", "Something went wrong here"),
        Text("Bitte melden Sie das dem Betrieb.", "Please tell the operator."),
    ),
    503: (
        Text("Im Augenblick nicht erreichbar", "Not available at the moment"),
        Text("Laden Sie die Seite gleich noch einmal.", "Reload the page in a moment."),
    ),
}
_OTHER: Final = (
    Text("Das geht so nicht", "This cannot be done"),
    Text("Prüfen Sie die Angaben.", "Check what you entered."),
)


def problem_page(
    problem: Problem,
    language: Language,
    viewer: Viewer,
    path: str,
    query: Mapping[str, str],
    *,
    is_form: bool,
) -> str:
    """The page of a problem, in the place it was met at: `path` is without language, `query` what
    was asked. What it names came from the reader and is shown as text.

    A time that is itself the problem is not carried on. A form has no page in another language.
    """
    title, advice = _ADVICE.get(problem.status, _OTHER)
    wrong = {finding.pointer for finding in problem.errors}
    if problem.code == "known_at_in_future":
        wrong.add("known_at")
    frame = Frame(
        language=language,
        path=path,
        query={name: value for name, value in query.items() if name not in wrong},
        title=title,
        viewer=viewer,
        standing=None,
        json=False,
        is_translated=not is_form,
    )
    content = {
        "problem": problem,
        "told": told(problem),
        "advice": advice,
        "wrong": [
            (finding.pointer.rpartition("/")[2], finding.value or query.get(finding.pointer))
            for finding in problem.errors
            if finding.pointer
        ],
    }
    return render("problem.html", frame, content)
