"""Codes of the vocabulary, fact types and fields in the words of the people who read the pages."""

from __future__ import annotations

from datetime import date
from typing import Final

from api.web.language import Language, day, money, number, said
from projections.figures.catalogue import Text
from projections.regions import NUTS3

CODES: Final[dict[str, Text]] = {
    # kinds of organisations
    "company": Text("Unternehmen", "Company"),
    "university": Text("Hochschule", "University"),
    "research_institute": Text("Forschungseinrichtung", "Research institute"),
    "chamber": Text("Kammer", "Chamber"),
    "association": Text("Verband", "Association"),
    "public_body": Text("Öffentliche Stelle", "Public body"),
    "other": Text("Sonstige", "Other"),
    # size classes
    "micro": Text("Kleinstunternehmen", "Micro"),
    "small": Text("klein", "Small"),
    "medium": Text("mittel", "Medium"),
    "large": Text("groß", "Large"),
    "sme": Text("KMU (genaue Klasse unbekannt)", "SME (exact class unknown)"),
    # where it lies
    "rural": Text("ländlich", "Rural"),
    "urban": Text("städtisch", "Urban"),
    # memberships
    "member": Text("Mitglied", "Member"),
    "suspended": Text("ruhend", "Suspended"),
    "applied": Text("Antrag gestellt", "Applied"),
    "declined": Text("abgelehnt", "Declined"),
    "withdrawn": Text("zurückgezogen", "Withdrawn"),
    "resigned": Text("Austritt", "Resigned"),
    "expelled": Text("Ausschluss", "Expelled"),
    "lapsed": Text("erloschen", "Lapsed"),
    "dissolved": Text("aufgelöst", "Dissolved"),
    "merged": Text("aufgegangen in einer anderen", "Merged"),
    # activities
    "conference": Text("Tagung", "Conference"),
    "working_group": Text("Arbeitskreis", "Working group"),
    "fair": Text("Messe", "Fair"),
    "training": Text("Schulung", "Training"),
    "delegation": Text("Delegationsreise", "Delegation"),
    "matchmaking": Text("Kooperationsbörse", "Matchmaking"),
    "webinar": Text("Webinar", "Webinar"),
    "onsite": Text("vor Ort", "On site"),
    "online": Text("online", "Online"),
    "hybrid": Text("hybrid", "Hybrid"),
    "planned": Text("geplant", "Planned"),
    "held": Text("durchgeführt", "Held"),
    "cancelled": Text("abgesagt", "Cancelled"),
    # projects
    "proposed": Text("beantragt", "Proposed"),
    "approved": Text("bewilligt", "Approved"),
    "running": Text("laufend", "Running"),
    "ended": Text("beendet", "Ended"),
    "completed": Text("abgeschlossen", "Completed"),
    "aborted": Text("abgebrochen", "Aborted"),
    "lead": Text("Konsortialführung", "Lead"),
    "partner": Text("Partner", "Partner"),
    # what a head-count counts, what is published, what became of a log's key
    "total": Text("alle", "All"),
    "unlisted": Text("zusätzlich zu den Genannten", "Besides those listed"),
    "kind": Text("Art", "Kind"),
    "size_class": Text("Größenklasse", "Size class"),
    "nace": Text("Wirtschaftszweig (NACE)", "Economic activity (NACE)"),
    "spatial": Text("Raum", "Area"),
    "added": Text("hinzugekommen", "Added"),
    "retired": Text("zurückgezogen", "Retired"),
    # kinds of what a search finds
    "cluster": Text("Cluster", "Cluster"),
    "organisation": Text("Organisation", "Organisation"),
    "activity": Text("Veranstaltung", "Activity"),
    "project": Text("Projekt", "Project"),
    "unknown": Text("unbekannt", "Unknown"),
}

FIELDS: Final[dict[str, Text]] = {
    "name": Text("Name", "Name"),
    "kind": Text("Art", "Kind"),
    "nuts3": Text("NUTS-3-Region", "NUTS 3 region"),
    "ags": Text("Gemeindeschlüssel", "Municipality key"),
    "spatial": Text("Raum", "Area"),
    "size_class": Text("Größenklasse", "Size class"),
    "nace": Text("Wirtschaftszweig (NACE)", "Economic activity (NACE)"),
    "identifiers": Text("Kennungen", "Identifiers"),
    "duplicate_of": Text("Dublette von", "Duplicate of"),
    "merged_into": Text("aufgegangen in", "Merged into"),
    "merged_on": Text("aufgegangen am", "Merged on"),
    "split_into": Text("aufgeteilt in", "Split into"),
    "split_on": Text("aufgeteilt am", "Split on"),
    "dissolved_on": Text("aufgelöst am", "Dissolved on"),
    "closed_on": Text("geschlossen am", "Closed on"),
    "status": Text("Status", "Status"),
    "category": Text("Kategorie", "Category"),
    "outcomes": Text("Ausgang der Anträge", "Outcomes of applications"),
    "causes": Text("Gründe der Enden", "Causes of ends"),
    "title": Text("Titel", "Title"),
    "mode": Text("Form", "Mode"),
    "organisers": Text("Veranstalter", "Organisers"),
    "starts_on": Text("beginnt am", "Starts on"),
    "ends_on": Text("endet am", "Ends on"),
    "capacity": Text("Plätze", "Capacity"),
    "held_on": Text("durchgeführt am", "Held on"),
    "cancelled": Text("abgesagt", "Cancelled"),
    "total": Text("Kopfzahl gesamt", "Head-count, total"),
    "unlisted": Text("Kopfzahl zusätzlich", "Head-count, unlisted"),
    "complete": Text("vollständige Liste", "Complete list"),
    "registered": Text("angemeldet", "Registered"),
    "recorded": Text("teilgenommen", "Took part"),
    "organisation_id": Text("Organisation", "Organisation"),
    "clusters": Text("Cluster", "Clusters"),
    "proposed_on": Text("beantragt am", "Proposed on"),
    "approved_on": Text("bewilligt am", "Approved on"),
    "started_on": Text("begonnen am", "Started on"),
    "last_day": Text("letzter Tag", "Last day"),
    "outcome": Text("Ausgang", "Outcome"),
    "volume_cents": Text("Volumen", "Volume"),
    "grant_cents": Text("Zuwendung", "Grant"),
    "role": Text("Rolle", "Role"),
    # fields that only facts have
    "effective_on": Text("gültig ab", "Effective on"),
    "cluster": Text("Cluster", "Cluster"),
    "activity_id": Text("Veranstaltung", "Activity"),
    "project_id": Text("Projekt", "Project"),
    "person_ref": Text("Person (zufällige Kennung)", "Person (random reference)"),
    "note_ref": Text("Aktenzeichen", "File reference"),
    "reason": Text("Grund", "Reason"),
    "cause": Text("Grund des Endes", "Cause of the end"),
    "of": Text("Dublette von", "Duplicate of"),
    "into": Text("geht auf in", "Into"),
    "count": Text("Anzahl", "Count"),
    "scope": Text("Was gezählt ist", "What is counted"),
    "rows": Text("Zeilen", "Rows"),
    "scheme": Text("Verzeichnis", "Scheme"),
    "code": Text("Code", "Code"),
    "edition": Text("Ausgabe", "Edition"),
    "basis": Text("Grundlage", "Basis"),
    "legal_basis": Text("Rechtsgrundlage", "Legal basis"),
    "pdc": Text("Siegel", "Seal"),
    "target": Text("Kennung des aufgehobenen Fakts", "Id of the voided fact"),
    "target_source": Text("Quelle des aufgehobenen Fakts", "Source of the voided fact"),
    "period_from": Text("Zeitraum ab", "Period from"),
    "period_to": Text("Zeitraum bis", "Period to"),
    "as_of": Text("Gültig am", "Valid on"),
    "from": Text("von", "From"),
    "to": Text("bis", "To"),
    "type": Text("Art", "Type"),
    "entity": Text("Kennung", "Id"),
    "known_at": Text("Bekannt bei Position", "Known at position"),
    "definitions": Text("Definitionen", "Definitions"),
    "digests": Text("Prüfsummen", "Digests"),
    "sha256": Text("Prüfsumme (SHA-256)", "Digest (SHA-256)"),
    "report": Text("Bericht", "Report"),
    "parameters": Text("Angaben", "Parameters"),
    "key_name": Text("Name des Schlüssels", "Name of the key"),
    "key": Text("Schlüssel", "Key"),
    "action": Text("Vorgang", "Action"),
}

TOPICS: Final[dict[str, Text]] = {
    "cluster.registered": Text("Cluster angelegt", "Cluster registered"),
    "cluster.renamed": Text("Cluster umbenannt", "Cluster renamed"),
    "cluster.closed": Text("Cluster geschlossen", "Cluster closed"),
    "organisation.registered": Text("Organisation angelegt", "Organisation registered"),
    "organisation.renamed": Text("Organisation umbenannt", "Organisation renamed"),
    "organisation.identified": Text("Kennung ergänzt", "Identifier added"),
    "organisation.relocated": Text("Sitz verlegt", "Relocated"),
    "organisation.reclassified": Text("neu eingestuft", "Reclassified"),
    "organisation.marked_duplicate": Text("als Dublette erkannt", "Marked as a duplicate"),
    "organisation.duplicate_reverted": Text("doch keine Dublette", "Duplicate reverted"),
    "organisation.merged": Text("in einer anderen aufgegangen", "Merged into another"),
    "organisation.split": Text("aufgeteilt", "Split"),
    "organisation.dissolved": Text("aufgelöst", "Dissolved"),
    "membership.applied": Text("Aufnahme beantragt", "Membership applied for"),
    "membership.application_closed": Text("Antrag erledigt", "Application closed"),
    "membership.admitted": Text("als Mitglied aufgenommen", "Admitted as a member"),
    "membership.category_changed": Text("Mitgliedskategorie geändert", "Category changed"),
    "membership.suspended": Text("Mitgliedschaft ruht", "Membership suspended"),
    "membership.reinstated": Text("Mitgliedschaft lebt wieder auf", "Membership reinstated"),
    "membership.ended": Text("Mitgliedschaft beendet", "Membership ended"),
    "activity.scheduled": Text("Veranstaltung angesetzt", "Activity scheduled"),
    "activity.rescheduled": Text("Veranstaltung verlegt", "Activity rescheduled"),
    "activity.changed": Text("Veranstaltung geändert", "Activity changed"),
    "activity.held": Text("Veranstaltung durchgeführt", "Activity held"),
    "activity.cancelled": Text("Veranstaltung abgesagt", "Activity cancelled"),
    "attendance.registered": Text("Anmeldung", "Registration"),
    "attendance.withdrawn": Text("Anmeldung zurückgenommen", "Registration withdrawn"),
    "attendance.recorded": Text("Teilnahme", "Attendance"),
    "attendance.voided": Text("Teilnahme aufgehoben", "Attendance voided"),
    "headcount.recorded": Text("Kopfzahl gemeldet", "Head-count recorded"),
    "attendance_list.imported": Text("Teilnahmeliste eingelesen", "Attendance list imported"),
    "project.proposed": Text("Projekt beantragt", "Project proposed"),
    "project.approved": Text("Projekt bewilligt", "Project approved"),
    "project.grant_changed": Text("Zuwendung geändert", "Grant changed"),
    "project.started": Text("Projekt begonnen", "Project started"),
    "project.ended": Text("Projekt beendet", "Project ended"),
    "enrolment.started": Text("Projektbeteiligung begonnen", "Enrolment started"),
    "enrolment.ended": Text("Projektbeteiligung beendet", "Enrolment ended"),
    "person.sealed": Text("Person hinterlegt", "Person sealed"),
    "person.marked_duplicate": Text("Person doppelt", "Person marked as a duplicate"),
    "person.erased": Text("Person gelöscht", "Person erased"),
    "fact.voided": Text("Fakt aufgehoben", "Fact voided"),
    "period.closed": Text("Zeitraum abgeschlossen", "Period closed"),
    "report.published": Text("Bericht abgelegt", "Report filed"),
    "log.key_changed": Text("Schlüssel des Protokolls gewechselt", "Log key changed"),
    "code_list.published": Text("Codeliste veröffentlicht", "Code list published"),
}


def word(code: str, language: Language) -> str:
    """A code in words; one that is not in the table is shown as it is."""
    return said(CODES[code], language) if code in CODES else code


def field(name: str, language: Language) -> str:
    """A field's name in words."""
    return said(FIELDS[name], language) if name in FIELDS else name


def topic(name: str, language: Language) -> str:
    """A fact type, like `membership.ended.v1`, in words."""
    stem = name.rpartition(".v")[0]
    return said(TOPICS[stem], language) if stem in TOPICS else name


_CODED: Final = frozenset(
    {"kind", "spatial", "size_class", "status", "mode", "outcome", "outcomes", "cause", "causes"}
    | {"role", "scope", "scheme", "action"}
)
"""Fields whose values are codes of the vocabulary."""


def shown(name: str, value: object, language: Language) -> str:
    """A field's value as text, by what it is: a day, money, a code, a list."""
    if isinstance(value, dict):
        value = [f"{key}: {shown(key, one, language)}" for key, one in value.items()]
    match value:
        case None | () | "":
            return "–"
        case bool():
            return said(Text("ja", "yes") if value else Text("nein", "no"), language)
        case int():
            return (money if name.endswith("_cents") else number)(value, language)
        case date():
            return day(value, language)
        case tuple() | list():
            return ", ".join(shown(name, one, language) for one in value)
    text = str(value)
    if name == "nuts3" and text in NUTS3:
        text = f"{NUTS3[text]} ({text})"
    return word(text, language) if name in _CODED else text
