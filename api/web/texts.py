"""The words of the pages in German and English, and how each language writes numbers and times.

One class with two instances: a text that is missing in one language does not pass the type check.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

Language = Literal["de", "en"]

WITHHELD = "•"
"""Stands where a value is withheld. Never 0, which is a value."""

BERLIN = ZoneInfo("Europe/Berlin")


class Texts(msgspec.Struct, frozen=True, kw_only=True):
    """Every text of the pages in one language. Placeholders are str.format's."""

    language: Language
    other_language: str
    other_language_name: str
    home: str
    other_home: str
    thousands: str
    months: tuple[str, ...]
    zones: dict[str, str]
    moment: str
    day: str
    skip_to_content: str
    page_title: str
    heading: str
    lede: str
    period: str
    state: str
    up_to_date: str
    behind: str
    headline: str
    definition_of: str
    by_year: str
    by_cluster: str
    year: str
    cluster: str
    as_table: str
    chart_of_years: str
    chart_of_clusters: str
    same_as_table: str
    withheld_in_chart: str
    withheld_value: str
    years_do_not_add_up: str
    joint_adjustment: str
    total: str
    how_to_read: str
    about_withheld: str
    about_joint: str
    about_state: str
    cite: str
    citation: str
    empty_heading: str
    empty_text: str
    empty_demo: str
    empty_post: str
    empty_then: str
    no_year_heading: str
    no_year_text: str
    command: str
    machine_readable: str
    api_documentation: str
    figure_list: str
    docs_title: str
    docs_without_script: str
    problems_title: str
    problems_lede: str


GERMAN = Texts(
    language="de",
    other_language="en",
    other_language_name="English",
    home="/",
    other_home="/en",
    thousands=".",
    months=(
        *("Januar", "Februar", "März", "April", "Mai", "Juni"),
        *("Juli", "August", "September", "Oktober", "November", "Dezember"),
    ),
    zones={"CET": "MEZ", "CEST": "MESZ"},
    moment="{day}, {time} Uhr ({zone})",
    day="{day}. {month} {year}",
    skip_to_content="Zum Inhalt springen",
    page_title="Das Clusterprogramm in Zahlen",
    heading="Das Clusterprogramm in Zahlen",
    lede="Jede Zahl nennt ihre Definition, ihren Zeitraum und den Stand des Buches, aus dem sie "
    "berechnet ist. Wer will, kann sie nachrechnen.",
    period="Zeitraum: {from_day} bis {to_day}, nur volle Jahre, kumuliert seit Programmbeginn",
    state="Stand: Position {position}, {moment}",
    up_to_date="Alle verbuchten Fakten sind eingerechnet.",
    behind="Die Auswertung liegt {behind} Fakten hinter dem Buch zurück, "
    "das bis Position {head} reicht.",
    headline="Überblick",
    definition_of="Definition {definition}",
    by_year="Nach Jahren",
    by_cluster="Nach Clustern",
    year="Jahr",
    cluster="Cluster",
    as_table="Als Tabelle",
    chart_of_years="{title} nach Jahren, {first} bis {last}",
    chart_of_clusters="{title} nach Clustern, {first} bis {last}",
    same_as_table="Dieselben Werte stehen in der Tabelle darunter.",
    withheld_in_chart="Mit • bezeichnete Werte sind zum Schutz vor Rückschlüssen nicht angegeben.",
    withheld_value="nicht angegeben",
    years_do_not_add_up="Die Jahreswerte ergeben zusammen mehr als den Gesamtwert: Wer in mehreren "
    "Jahren beteiligt war, zählt in jedem davon, insgesamt aber nur einmal.",
    joint_adjustment="Ausgleich für gemeinsam Gezähltes",
    total="Insgesamt",
    how_to_read="Wie diese Zahlen zu lesen sind",
    about_withheld="• steht für einen Wert, der nicht angegeben wird: Werte unter 3 könnten "
    "einzelne Beteiligte erkennen lassen. Damit sie sich auch nicht aus der Gesamtzahl berechnen "
    "lassen, fehlt dann mindestens ein weiterer Wert. Eine 0 ist eine echte Null. Gesamtzahlen "
    "sind exakt.",
    about_joint="Was mehreren Clustern gemeinsam ist, zählt in jedem von ihnen, im Programm aber "
    "nur einmal. Der Ausgleich führt von der Summe der Cluster auf die Gesamtzahl zurück.",
    about_state="Das Buch nimmt Fakten nur hinzu und ändert nie einen. Ein Stand bezeichnet "
    "deshalb für immer dieselben Fakten, und dieselbe Definition ergibt mit ihnen dieselbe Zahl.",
    cite="So zitieren Sie diese Seite",
    citation="{origin}: {heading}, {from_day} bis {to_day}. Position {position}, {moment}.",
    empty_heading="Das Buch ist noch leer",
    empty_text="Es ist noch kein Fakt verbucht. Zwei Wege, das zu ändern:",
    empty_demo="Die Vorführung laden: ein erfundenes Programm in voller Größe.",
    empty_post="Einen ersten Fakt senden: zuerst einen Schlüssel anlegen, dann ein Cluster melden.",
    empty_then="Danach diese Seite neu laden.",
    no_year_heading="Noch kein volles Jahr",
    no_year_text="Diese Seite zeigt nur volle Kalenderjahre. Bis das erste vorüber ist, stehen die "
    "verbuchten Fakten über die Schnittstelle bereit.",
    command="Befehl",
    machine_readable="Maschinenlesbar",
    api_documentation="Schnittstelle (OpenAPI)",
    figure_list="Alle Definitionen (JSON)",
    docs_title="Schnittstelle",
    docs_without_script="Diese Ansicht braucht JavaScript. Die Beschreibung selbst liegt hier:",
    problems_title="Fehlercodes",
    problems_lede="Jede Fehlerantwort ist ein Problem nach RFC 9457. Ihr Code steht hier, mit dem "
    "HTTP-Status; der Satz nennt in Klammern, was die Antwort selbst ausschreibt.",
)

ENGLISH = Texts(
    language="en",
    other_language="de",
    other_language_name="Deutsch",
    home="/en",
    other_home="/",
    thousands=",",
    months=(
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
    zones={"CET": "CET", "CEST": "CEST"},
    moment="{day}, {time} ({zone})",
    day="{day} {month} {year}",
    skip_to_content="Skip to content",
    page_title="The cluster programme in figures",
    heading="The cluster programme in figures",
    lede="Every figure names its definition, its period and the state of the book it was computed "
    "from. Anyone can recompute it.",
    period="Period: {from_day} to {to_day}, whole years only, cumulative since the programme began",
    state="As of: position {position}, {moment}",
    up_to_date="All recorded facts are included.",
    behind="The figures are {behind} facts behind the book, which reaches position {head}.",
    headline="At a glance",
    definition_of="Definition {definition}",
    by_year="By year",
    by_cluster="By cluster",
    year="Year",
    cluster="Cluster",
    as_table="As a table",
    chart_of_years="{title} by year, {first} to {last}",
    chart_of_clusters="{title} by cluster, {first} to {last}",
    same_as_table="The table below has the same values.",
    withheld_in_chart="Values marked • are withheld so that nobody can be recognised in them.",
    withheld_value="withheld",
    years_do_not_add_up="The yearly values add up to more than the total: whoever was involved in "
    "several years counts in each of them, but only once overall.",
    joint_adjustment="Adjustment for what is counted jointly",
    total="Total",
    how_to_read="How to read these figures",
    about_withheld="• stands for a value that is withheld: values below 3 might let single "
    "participants be recognised. At least one more value is then withheld, so that the small one "
    "cannot be computed from the total. A 0 is a true zero. Totals are exact.",
    about_joint="What several clusters have in common counts in each of them, but only once for "
    "the programme. The adjustment leads from the sum of the clusters back to the total.",
    about_state="The book only ever adds facts and never changes one. A state therefore denotes "
    "the same facts for ever, and the same definition yields the same figure from them.",
    cite="How to cite this page",
    citation="{origin}: {heading}, {from_day} to {to_day}. Position {position}, {moment}.",
    empty_heading="The book is still empty",
    empty_text="No fact has been recorded yet. Two ways to change that:",
    empty_demo="Load the demonstration: an invented programme at full size.",
    empty_post="Send a first fact: create a key, then register a cluster.",
    empty_then="Then reload this page.",
    no_year_heading="No complete year yet",
    no_year_text="This page shows whole calendar years only. Until the first is over, the recorded "
    "facts are available through the API.",
    command="Command",
    machine_readable="Machine-readable",
    api_documentation="API (OpenAPI)",
    figure_list="All definitions (JSON)",
    docs_title="API",
    docs_without_script="This view needs JavaScript. The description itself is here:",
    problems_title="Problem codes",
    problems_lede="Every error is a problem as of RFC 9457. Its code is listed here with the HTTP "
    "status; in braces stands what an answer spells out.",
)

TEXTS: dict[Language, Texts] = {"de": GERMAN, "en": ENGLISH}


def number(value: int, texts: Texts) -> str:
    """1234567 as 1.234.567 or 1,234,567; a negative one with the minus sign, not a hyphen."""
    digits = f"{abs(value):,}".replace(",", texts.thousands)
    return f"\N{MINUS SIGN}{digits}" if value < 0 else digits


def day(value: date, texts: Texts) -> str:
    """A calendar date in words, like 31. Dezember 2024."""
    return texts.day.format(day=value.day, month=texts.months[value.month - 1], year=value.year)


def moment(value: datetime, texts: Texts) -> str:
    """An instant as local time in Berlin with its zone. Raises ValueError when it has no zone."""
    if value.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    local = value.astimezone(BERLIN)
    zone = local.tzname() or ""
    return texts.moment.format(
        day=day(local.date(), texts), time=f"{local:%H:%M}", zone=texts.zones.get(zone, zone)
    )
