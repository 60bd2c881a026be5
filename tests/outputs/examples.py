"""Reports as outputs meet them: made by hand, so that every number is known."""

from datetime import date

from projections.figures.catalogue import EVERY, Text
from projections.reports.model import Chart, Column, Report, Span, Table, Used

LONG_WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
"""80 characters without a space."""
MARKUP = '#strong[Fett] *Müller* _&_ `Söhne` $x^2$ <br> @ref \\ "KG" // {{=1+1}}'
LONG_NAME = "Bayerisches Netzwerk für Wertschöpfungskettenübergreifende Technologien e. V. X1"


def text(both: str) -> Text:
    """The same words in both languages, told apart."""
    return Text(de=both, en=f"{both} (en)")


def _clusters(chart: Chart | None = "bar") -> Table:
    names = (LONG_WORD, MARKUP, LONG_NAME, '=HYPERLINK("x")', "Größte Brauerei & Söhne")
    rows = tuple(
        (f"{name}", 1000 * number, 480_123 * number, 123_456_789_01 * number, None)
        for number, name in enumerate(names, 1)
    )
    return Table(
        id="clusters",
        title=text("Nach Clustern"),
        columns=(
            Column(id="cluster", title=text("Cluster"), kind="key"),
            _figure("companies_involved"),
            _figure("participations"),
            Column(id="grant", title=text("Bewilligte Zuwendungen"), kind="cents"),
            Column(id="note", title=text("Anmerkung"), kind="text"),
        ),
        rows=(*rows, ("Minus", -1234, 0, -5, None)),
        adjustment=(None, -1, 0, -10, None),
        total=(None, 13_766, 7_201_845, 185_185_183_510, None),
        note=text("Wer in mehreren Clustern beteiligt ist, zählt für das Programm einmal."),
        chart=chart,
    )


def _figure(figure: str) -> Column:
    return Column(
        id=figure, title=EVERY[f"{figure}@1"].title, kind="count", definition=f"{figure}@1"
    )


def _years() -> Table:
    return Table(
        id="years",
        title=text("Nach Jahren"),
        columns=(
            Column(id="year", title=text("Jahr"), kind="key"),
            _figure("companies_involved"),
            _figure("activities"),
            Column(id="last", title=text("Letzter Tag"), kind="day"),
            Column(id="position", title=text("Position"), kind="position"),
        ),
        rows=tuple(
            (
                str(year),
                None if year == 2013 else (year - 2011) ** 3,
                year % 7,
                f"{year}-12-31",
                year,
            )
            for year in range(2012, 2025)
        ),
        total=(None, 2_500, 39, None, None),
        chart="line",
    )


def _wide(columns: int) -> Table:
    return Table(
        id=f"wide{columns}",
        title=text(f"Breite Tabelle mit {columns} Spalten"),
        columns=(
            Column(id="region", title=text("Regierungsbezirk"), kind="key"),
            *(
                Column(id=f"c{n}", title=text(f"Teilnahmebescheinigungen {n}"), kind="count")
                for n in range(columns)
            ),
        ),
        rows=tuple((f"Region {n}", *(n * 10**6 + c for c in range(columns))) for n in range(60)),
    )


def _texts() -> Table:
    return Table(
        id="late",
        title=text("Späte Fakten"),
        columns=(
            Column(id="position", title=text("Position"), kind="position"),
            *(
                Column(id=name, title=text(name), kind="text")
                for name in ("type", "actor", "source", "reason", "organisation")
            ),
        ),
        rows=tuple(
            (
                480_000 + n,
                "attendance.recorded.v1",
                "key:01890a5d-ac96-774b-bcce-b302099a8057",
                "https://cluster.example/apps/teilnahmen",
                "wrong_headcount",
                (LONG_WORD, MARKUP, "中文公司 \u202e\x07 GmbH", "ASCII")[n % 4],
            )
            for n in range(8)
        ),
    )


def _stack() -> Table:
    return Table(
        id="kinds",
        title=text("Nach Arten"),
        columns=(
            Column(id="year", title=text("Jahr"), kind="key"),
            *(
                Column(id=kind, title=text(kind), kind="count")
                for kind in ("company", "university", "chamber", "other")
            ),
        ),
        rows=tuple((str(2020 + n), 100 + n * 10, 20, 7 - n, 2) for n in range(5)),
        chart="stacked",
    )


def example(*, public: bool = False, tables: tuple[Table, ...] | None = None) -> Report:
    """A report with one of everything."""
    return Report(
        report="period@1",
        title=text("Bericht über einen Zeitraum"),
        meaning=text("Die Kennzahlen des Programms in einem Zeitraum, wie sie bekannt waren."),
        origin="ledger.example/bavaria",
        period=Span(from_=date(2012, 1, 1), to=date(2024, 12, 31)),
        known_at=480_123,
        parameters={"profile": "public" if public else "full", "cluster": ""},
        definitions=(
            *(
                Used(f"{name}@1", EVERY[f"{name}@1"].sha256)
                for name in ("companies_involved", "participations", "activities")
            ),
            Used("members@99", "0" * 64),
        ),
        tables=tables or (_clusters(), _years(), _stack(), _wide(9), _wide(24), _texts()),
    )
