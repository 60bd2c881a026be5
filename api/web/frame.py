"""What every page stands in: language, the two times, who looks, navigation, and how links go on.

Data in, HTML out. No database and no clock: the handler brings both. Pages work under a content
security policy without inline styles or scripts, and everything but live updates and proofs works
without JavaScript.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Hashable, Mapping
from datetime import date, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import jinja2
from markupsafe import Markup
from msgspec import Struct

from api.web import language as words
from api.web import words as codes
from api.web.assets import asset
from api.web.language import LANGUAGES, NAMES, Language, said
from projections.figures.catalogue import Text

TEMPLATES: Final = Path(__file__).parent / "templates"
Kept = dict[Hashable, Markup]
"""A part of a page as it was drawn last, by its variants; empty at first."""
VARIANTS_MOST: Final = 4
"""In how many ways a part of a page is kept: languages, rights, times that links carry on."""


class Viewer(Struct, frozen=True):
    """Who looks: `label` is the key's own name, `role` what its scopes amount to."""

    role: Text
    scopes: frozenset[str]
    clusters: frozenset[str]
    label: str | None = None
    csrf: str = ""

    @property
    def signed_in(self) -> bool:
        """Whether a session stands behind the page."""
        return self.label is not None

    def may(self, scope: str) -> bool:
        """Whether a link to what needs the scope is worth showing."""
        return scope in self.scopes or "admin" in self.scopes or scope == "public"


class Standing(Struct, frozen=True):
    """The two times a page answers at, and how far the book is.

    `known_at` is the position everything on the page is cut at, recorded at `recorded_at` (None:
    position 0). `chosen_day` and `chosen_position` are None where the reader left them open.
    `marks` are positions over the whole book, in order, with the instants they were recorded at.
    """

    as_of: date
    known_at: int
    recorded_at: datetime | None
    head: int
    marks: tuple[tuple[int, datetime], ...] = ()
    chosen_day: str | None = None
    chosen_position: str | None = None


class Place(Struct, frozen=True):
    """One entry of the navigation."""

    path: str
    title: Text
    scope: str = "public"


NAVIGATION: Final = (
    Place("", Text("Überblick", "Overview")),
    Place("/clusters", Text("Cluster", "Clusters"), "trail:read"),
    Place("/organisations", Text("Organisationen", "Organisations"), "trail:read"),
    Place("/activities", Text("Veranstaltungen", "Activities"), "trail:read"),
    Place("/projects", Text("Projekte", "Projects"), "trail:read"),
    Place("/search", Text("Suche", "Search"), "trail:read"),
    Place("/trail", Text("Fakten", "Trail"), "trail:read"),
    Place("/reports", Text("Berichte", "Reports")),
    Place("/method", Text("Methode", "Method")),
    Place("/operations", Text("Betrieb", "Operations"), "admin"),
)

LEGAL: Final = (
    ("/accessibility", Text("Barrierefreiheit", "Accessibility")),
    ("/privacy", Text("Datenschutz", "Data protection")),
    ("/imprint", Text("Impressum", "Imprint")),
)


class Frame(Struct, frozen=True, kw_only=True):
    """Everything around a page's own content. `path` is without language and suffix."""

    language: Language
    path: str
    query: Mapping[str, str]
    title: Text
    viewer: Viewer
    standing: Standing | None
    csv: bool = False
    json: bool = True
    is_translated: bool = True
    """Whether the same address answers in the other languages."""

    def link(self, path: str, **parameters: object) -> str:
        """A page's URL in this language that keeps the reader's two times."""
        kept = {name: value for name in ("as_of", "known_at") if (value := self.query.get(name))}
        return _url(f"/{self.language}{path}", kept | parameters)

    @property
    def variant(self) -> Hashable:
        """All that drawn tables depend on besides what they show."""
        times = (self.query.get(name) for name in ("as_of", "known_at"))
        return (self.language, self.viewer.may("figures:read"), *times)

    def here(self, **changes: object) -> str:
        """This page with other parameters; None leaves one out. A cursor never survives."""
        kept = {name: value for name, value in self.query.items() if name != "cursor"}
        return _url(f"/{self.language}{self.path}", kept | changes)

    @property
    def signing_in(self) -> str:
        """Where one signs in, to come back here."""
        leads_back = self.is_translated and not self.path.startswith("/sign-in")
        following = self.other(self.language) if leads_back else None
        return _url(f"/{self.language}/sign-in", {"next": following})

    def other(self, language: Language) -> str:
        """This page in another language."""
        return _url(f"/{language}{self.path}", dict(self.query))

    def form(self, form: str) -> str:
        """This page's data in another form: json is the page itself, csv the whole list."""
        kept = {n: v for n, v in self.query.items() if form == "json" or n != "cursor"}
        return _url(f"/{self.language}{self.path or '/overview'}.{form}", kept)

    def is_here(self, place: Place) -> bool:
        """Whether the place, or one behind it, is being shown."""
        if not place.path:
            return not self.path
        return self.path == place.path or self.path.startswith(place.path + "/")


def render(template: str, frame: Frame, content: Mapping[str, Any]) -> str:
    """A page in its frame. Names in `content` are the template's own."""
    language = frame.language
    return (
        _environment()
        .get_template(template)
        .render(
            content,
            frame=frame,
            lang=language,
            viewer=frame.viewer,
            standing=frame.standing,
            link=frame.link,
            here=frame.here,
            places=tuple(place for place in NAVIGATION if frame.viewer.may(place.scope)),
            legal=LEGAL,
            others=tuple(
                (one, NAMES[one]) for one in LANGUAGES if frame.is_translated and one != language
            ),
            say=lambda de, en: de if language == "de" else en,
            text=partial(said, language=language),
            number=partial(words.number, language=language),
            money=partial(words.money, language=language),
            share=partial(words.share, language=language),
            day=partial(words.day, language=language),
            moment=partial(words.moment, language=language),
            instant=lambda text: words.moment(datetime.fromisoformat(text), language),
            word=partial(codes.word, language=language),
            field=partial(codes.field, language=language),
            topic=partial(codes.topic, language=language),
            shown=partial(codes.shown, language=language),
        )
    )


def _once(kept: Kept, key: Hashable, draw: Callable[[], Markup]) -> Markup:
    """What a macro draws: drawn once for a key and kept in what the page's content has for it."""
    if key not in kept:
        if len(kept) >= VARIANTS_MOST:
            kept.clear()
        kept[key] = draw()
    return kept[key]


def _url(path: str, parameters: Mapping[str, object]) -> str:
    given = {name: str(value) for name, value in parameters.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = asset
    environment.globals["once"] = _once
    environment.filters["decoded"] = lambda text: base64.b64decode(text).decode()
    return environment
