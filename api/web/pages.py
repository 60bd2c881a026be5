"""Data in, HTML out. No request, no database, no clock: whoever calls brings them.

The pages need nothing but what lies in STATIC_DIR, served under STATIC_URL, and work under a
content security policy without inline styles or scripts.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

import jinja2
import msgspec
from markupsafe import Markup

from api.web import charts
from api.web.charts import Bar
from api.web.overview import Figure, Overview, Text
from api.web.texts import TEXTS, WITHHELD, Language, Texts, day, moment, number

STATIC_DIR = Path(__file__).parent / "static"
"""The folder whose files the pages ask for."""

STATIC_URL = "/static"
"""Where STATIC_DIR has to be served."""

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
"""The policy every page here is tested under. KERN's icons and Swagger UI need data: images."""

FIGURES_URL = "/v1/figures"


class FigureView(msgspec.Struct, frozen=True, kw_only=True):
    """A figure as the template shows it, with its two charts."""

    id: str
    definition: str
    title: str
    sentence: str
    unit: str
    value: str
    url: str
    years: tuple[tuple[str, str | None], ...]
    clusters: tuple[tuple[str, str | None], ...]
    years_title: str
    clusters_title: str
    year_chart: Markup
    cluster_chart: Markup
    years_withheld: bool
    clusters_withheld: bool
    years_add_up: bool
    joint_adjustment: str


def render_overview(overview: Overview, language: Language) -> str:
    """The first page: headline figures, by year and by cluster, and how far the ledger is."""
    texts = TEXTS[language]
    figures = tuple(_figure_view(figure, overview, texts) for figure in overview.headline)
    return (
        _environment()
        .get_template("overview.html")
        .render(
            t=texts,
            overview=overview,
            figures=figures,
            state=_state(overview, texts),
            lag=_lag(overview, texts),
            period=_in_period(texts.period, overview, texts),
            citation=_in_period(texts.citation, overview, texts),
            sign=WITHHELD,
            figures_url=FIGURES_URL,
            asset=asset,
        )
    )


def render_docs(language: Language = "en", *, openapi_url: str = "/openapi.json") -> str:
    """The API's documentation: Swagger UI on the document at `openapi_url`."""
    template = _environment().get_template("docs.html")
    return template.render(t=TEXTS[language], openapi_url=openapi_url, asset=asset)


class ProblemCode(msgspec.Struct, frozen=True):
    """A problem's code as documented; `sentence` has placeholders in braces, or is empty."""

    code: str
    status: int
    title: str
    sentence: str


def render_problems(codes: tuple[ProblemCode, ...], language: Language = "en") -> str:
    """All codes of problems, each with an anchor that a problem's `type` leads to."""
    template = _environment().get_template("problems.html")
    return template.render(t=TEXTS[language], codes=codes, asset=asset)


@cache
def asset(name: str) -> str:
    """The URL of a static file, with a digest so that a browser may keep it for ever.

    Raises FileNotFoundError when there is no such file: a broken link is a broken build.
    """
    digest = sha256((STATIC_DIR / name).read_bytes()).hexdigest()[:12]
    return f"{STATIC_URL}/{name}?v={digest}"


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _figure_view(figure: Figure, overview: Overview, texts: Texts) -> FigureView:
    title = _say(figure.title, texts)
    years = tuple(Bar(str(cell.year), cell.value) for cell in figure.by_year)
    clusters = tuple(Bar(_say(cell.name, texts), cell.value) for cell in figure.by_cluster)
    years_withheld = any(bar.value is None for bar in years)
    clusters_withheld = any(bar.value is None for bar in clusters)
    years_title = _chart_title(texts.chart_of_years, title, overview)
    clusters_title = _chart_title(texts.chart_of_clusters, title, overview)
    return FigureView(
        id=figure.id,
        definition=figure.definition,
        title=title,
        sentence=_say(figure.sentence, texts),
        unit=_say(figure.unit, texts),
        value=number(figure.value, texts),
        url=f"{FIGURES_URL}/{figure.id}",
        years=_cells(years, texts),
        clusters=_cells(clusters, texts),
        years_title=years_title,
        clusters_title=clusters_title,
        year_chart=charts.column_chart(
            years,
            chart_id=f"{figure.id}-years",
            title=years_title,
            description=_description(years_withheld, texts),
            texts=texts,
        ),
        cluster_chart=charts.bar_chart(
            clusters,
            chart_id=f"{figure.id}-clusters",
            title=clusters_title,
            description=_description(clusters_withheld, texts),
            texts=texts,
        ),
        years_withheld=years_withheld,
        clusters_withheld=clusters_withheld,
        years_add_up=figure.years_add_up,
        joint_adjustment=number(figure.joint_adjustment, texts),
    )


def _cells(bars: tuple[Bar, ...], texts: Texts) -> tuple[tuple[str, str | None], ...]:
    return tuple(
        (bar.label, None if bar.value is None else number(bar.value, texts)) for bar in bars
    )


def _say(text: Text, texts: Texts) -> str:
    return text.de if texts.language == "de" else text.en


def _description(withheld: bool, texts: Texts) -> str:
    return f"{texts.same_as_table} {texts.withheld_in_chart}" if withheld else texts.same_as_table


def _chart_title(pattern: str, title: str, overview: Overview) -> str:
    assert overview.period is not None, "figures are shown for a period only"
    first, last = overview.period.from_day.year, overview.period.to_day.year
    return pattern.format(title=title, first=first, last=last)


def _state(overview: Overview, texts: Texts) -> str | None:
    """Stand: Position n, Zeit. None for an empty ledger, which has neither."""
    if overview.recorded_at is None:
        return None
    return texts.state.format(
        position=number(overview.position, texts), moment=moment(overview.recorded_at, texts)
    )


def _lag(overview: Overview, texts: Texts) -> str:
    if overview.facts_behind == 0:
        return texts.up_to_date
    return texts.behind.format(
        behind=number(overview.facts_behind, texts),
        head=number(overview.position + overview.facts_behind, texts),
    )


def _in_period(pattern: str, overview: Overview, texts: Texts) -> str | None:
    """A sentence about the period, None without one."""
    if overview.period is None or overview.recorded_at is None:
        return None
    return pattern.format(
        origin=overview.origin,
        heading=texts.heading,
        from_day=day(overview.period.from_day, texts),
        to_day=day(overview.period.to_day, texts),
        position=overview.position,
        moment=moment(overview.recorded_at, texts),
    )
