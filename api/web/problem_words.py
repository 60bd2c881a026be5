"""What every problem's code says in German: one table, filled in with the fields of the case.

English is the problem's own sentence. What a refusal's sentence names in braces, its German one may
name too; a code of the API itself says what is wrong in general, and its findings say where.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from datetime import date
from typing import Final

from api.problems import Problem
from api.web.language import day, money, number
from api.web.words import field, topic
from projections.figures.catalogue import Text

SAID: Final[dict[str, str]] = {
    # what the API itself refuses
    "malformed_json": "Was gesendet wurde, ist kein gültiges JSON.",
    "invalid_parameter": "Eine Angabe in der Adresse ist nicht gültig.",
    "invalid_cursor": "Diese Seite der Liste gehört zu einer anderen Auswahl. Beginnen Sie vorn.",
    "invalid_header": "Ein Kopffeld der Anfrage ist nicht gültig.",
    "malformed_request": "Die Anfrage ist kein gültiges HTTP.",
    "unauthenticated": "Dafür braucht es eine Anmeldung oder einen gültigen Schlüssel.",
    "cross_origin": "Dieses Formular gehört nicht zu Ihrer Sitzung. Laden Sie die Seite neu.",
    "not_found": "Unter dieser Adresse gibt es nichts, oder nichts, was Sie sehen dürfen.",
    "method_not_allowed": "Diese Art der Anfrage gibt es hier nicht.",
    "not_acceptable": "In dieser Form gibt es das hier nicht.",
    "body_too_slow": "Was gesendet wurde, kam zu langsam an.",
    "body_too_large": "Was gesendet wurde, ist zu groß.",
    "batch_too_large": "In einer Sendung stehen zu viele Fakten.",
    "unsupported_media_type": "Diese Art von Inhalt wird hier nicht angenommen.",
    "invalid_body": "Was gesendet wurde, ist nicht das, was hier erwartet wird.",
    "invalid_event": "Das ist kein CloudEvent, wie das Buch es nimmt.",
    "invalid_fact": "Das ist kein gültiger Fakt dieser Art.",
    "unknown_type": "Diese Art von Fakt gibt es nicht.",
    "known_at_in_future": "So weit reicht das Buch noch nicht: Der Stand liegt hinter seinem Ende.",
    "unknown_figure": "Diese Kennzahl gibt es nicht.",
    "unknown_dimension": "Nach diesem Merkmal wird die Kennzahl nicht gegliedert.",
    "unknown_version": "Diese Fassung der Kennzahl gibt es nicht.",
    "unknown_row": "Diese Zeile gibt es in der Tabelle nicht.",
    "unknown_view": "Diese Ansicht gibt es nicht.",
    "unknown_of": "Davon ist die Kennzahl kein Anteil.",
    "too_many_years": "Die Tabelle hätte zu viele Jahre. Wählen Sie einen kürzeren Zeitraum.",
    "too_many_quarters": "Die Tabelle hätte zu viele Quartale. Wählen Sie einen kürzeren Zeitraum.",
    "period_reversed": "Der Zeitraum endet, bevor er beginnt.",
    "period_outside_ledger": "Der Zeitraum endet, bevor etwas geschah, was gezählt wird.",
    "unknown_report": "Diesen Bericht gibt es nicht.",
    "unknown_report_version": "Diese Fassung des Berichts gibt es nicht.",
    "unknown_report_parameter": "Diese Angabe kennt der Bericht nicht.",
    "import_open": "Von {activities} Veranstaltungen des Zeitraums ist die Teilnahmeliste noch"
    " nicht vollständig eingetroffen (erfasste Personen/angekündigte Zeilen): {first}. Buchen Sie"
    " die fehlenden Teilnahmen, heben Sie eine falsche Liste auf, oder legen Sie den Bericht"
    " ausdrücklich trotzdem ab.",
    "reports_not_comparable": "Diese beiden Berichte lassen sich nicht vergleichen.",
    "report_mismatch": "Der neu berechnete Bericht ist nicht der abgelegte.",
    "public_profile": "Die Öffentlichkeit sieht nur ganze Jahre zum neuesten Stand.",
    "rate_limited": "Das waren zu viele Anfragen in kurzer Zeit.",
    "internal": "Die Anfrage ist hier gescheitert. Nennen Sie dem Betrieb: {request_id}.",
    "busy": "Die Warteschlange ist voll. Versuchen Sie es in einem Augenblick noch einmal.",
    "outcome_unknown": "Die Datenbank hat nicht geantwortet. Ob verbucht wurde, zeigen die Fakten.",
    "disk_full": "Der Platte der Datenbank fehlt Platz. Versuchen Sie es später noch einmal.",
    "read_models_behind": "Die Auswertung ist noch nicht so weit.",
    "not_as_signed": "Die Datenbank ist nicht mehr das, was unterschrieben wurde. Der Betrieb muss"
    " nachsehen.",
    "unavailable": "Die Datenbank ist nicht erreichbar.",
    # what a fact names
    "unknown_cluster": "Das Cluster {cluster} ist nicht angelegt.",
    "unknown_organisation": "Die Organisation {organisation_id} ist nicht angelegt.",
    "unknown_activity": "Die Veranstaltung {activity_id} ist nicht angesetzt.",
    "unknown_project": "Das Projekt {project_id} ist nicht beantragt.",
    "already_registered": "{entity} gibt es schon.",
    "unknown_code": "{code} ist kein Code des Verzeichnisses {scheme}.",
    "invalid_identifier": "Die Kennung {identifier} ist falsch gebaut, oder ihre Prüfziffern"
    " stimmen nicht.",
    "date_out_of_range": "{field}: {day} liegt außerhalb der Jahre 1900 bis 2199.",
    "in_the_future": "{field}: {day} liegt in der Zukunft. Heute ist der {today}.",
    "end_before_start": "Der letzte Tag, {last_day}, liegt vor dem ersten, {effective_on}.",
    "position_beyond_head": "Position {position} liegt hinter dem Ende des Buchs, {head}.",
    # clusters and organisations
    "already_closed": "Das Cluster {cluster} ist schon am {closed_on} geschlossen.",
    "cluster_closed": "Das Cluster {cluster} ist ab {closed_on} geschlossen: Dort beginnt nichts"
    " mehr.",
    "after_dissolution": "Die Organisation {organisation_id} ist seit {dissolved_on} aufgelöst:"
    " Danach beginnt nichts mehr.",
    "already_dissolved": "Die Organisation {organisation_id} ist schon am {dissolved_on}"
    " aufgelöst.",
    "already_duplicate": "{organisation_id} gilt schon als Dublette von {of}.",
    "not_a_duplicate": "Die Organisation {organisation_id} gilt nicht als Dublette.",
    "identity_circle": "{organisation_id} und {of} wären über Dubletten und Verschmelzungen im"
    " Kreis dieselbe Organisation.",
    "already_merged": "Die Organisation {organisation_id} ist schon in {into} aufgegangen.",
    # memberships
    "already_a_member": "{organisation_id} ist am {day} schon Mitglied von {cluster};"
    " Mitgliedschaften überschneiden sich nie.",
    "not_a_member": "{organisation_id} ist am {day} nicht Mitglied von {cluster}, oder diese"
    " Mitgliedschaft ist schon beendet.",
    "application_pending": "{organisation_id} hat bei {cluster} schon einen offenen Antrag.",
    "no_application": "{organisation_id} hat bei {cluster} keinen offenen Antrag.",
    "already_suspended": "Die Mitgliedschaft von {organisation_id} in {cluster} ruht schon.",
    "not_suspended": "Die Mitgliedschaft von {organisation_id} in {cluster} ruht nicht.",
    # activities and attendances
    "activity_cancelled": "Die Veranstaltung {activity_id} ist abgesagt.",
    "activity_already_held": "Die Veranstaltung {activity_id} hat schon stattgefunden.",
    "capacity_reached": "Die Veranstaltung {activity_id} hat {capacity} Plätze, und alle sind"
    " vergeben.",
    "not_registered": "{person_ref} ist für die Veranstaltung {activity_id} nicht angemeldet.",
    "already_recorded": "{person_ref} steht für die Veranstaltung {activity_id} schon im Buch.",
    "other_organisation": "{person_ref} steht bei der Veranstaltung {activity_id} für die"
    " Organisation {organisation_id}, nicht für eine andere. Heben Sie das zuerst auf.",
    "person_erased": "{person_ref} ist gelöscht und nimmt keinen neuen Fakt mehr an.",
    "already_sealed": "{person_ref} ist schon hinterlegt.",
    # projects and enrolments
    "grant_exceeds_volume": "Die Zuwendung von {grant_cents} ist höher als das Volumen von"
    " {volume_cents}.",
    "already_approved": "Das Projekt {project_id} ist schon bewilligt.",
    "not_approved": "Das Projekt {project_id} ist am {day} nicht bewilligt.",
    "already_started": "Das Projekt {project_id} hat schon begonnen.",
    "not_started": "Das Projekt {project_id} hat am {day} noch nicht begonnen.",
    "already_ended": "Das Projekt {project_id} ist schon beendet, am {last_day}.",
    "enrolment_outside_project": "Die Beteiligung von {organisation_id} liegt nicht in den Tagen"
    " des Projekts {project_id}.",
    "second_lead": "Das Projekt {project_id} hätte am {day} zwei Konsortialführungen.",
    "already_enrolled": "{organisation_id} ist schon ab {day} am Projekt {project_id} beteiligt.",
    "not_enrolled": "{organisation_id} ist am {day} nicht am Projekt {project_id} beteiligt, oder"
    " diese Beteiligung ist schon beendet.",
    # voids, periods, lists
    "unknown_fact": "Das Buch hat keinen Fakt {target} der Quelle {source}.",
    "not_voidable": "Ein Fakt der Art „{type}“ lässt sich nicht aufheben.",
    "already_voided": "Der Fakt {target} ist schon aufgehoben.",
    "nothing_to_void": "{person_ref} hat bei der Veranstaltung {activity_id} keinen gültigen Fakt.",
    "void_conflict": "Ohne diesen Fakt verletzen andere Fakten eine Regel. Sie müssen mit ihm"
    " aufgehoben werden.",
    "period_already_closed": "Der Zeitraum {period_from} bis {period_to} ist schon abgeschlossen.",
    "edition_already_published": "Die Ausgabe {edition} von {scheme} ist schon veröffentlicht.",
    "fact_too_large": "Der Fakt wäre {bytes} Bytes groß; mehr als 65.535 darf er nicht haben.",
    "stream_too_large": "Auf einmal sind es mehr als {most} Fakten über dasselbe: Senden Sie sie in"
    " mehreren Schritten.",
    # who may, and how often
    "scope_missing": "Dazu fehlt Ihrem Zugang das Recht.",
    "cluster_not_covered": "Ihr Zugang gilt nicht für dieses Cluster.",
    "source_not_covered": "Ihr Zugang darf unter dieser Quelle nichts verbuchen.",
    "version_mismatch": "Inzwischen kam etwas dazu: Der Strom steht bei Version {version}, nicht"
    " bei {expected}.",
    "idempotency_conflict": "Die Kennung {id} der Quelle {source} steht schon bei Position"
    " {position}, mit anderem Inhalt.",
}


def told(problem: Problem) -> Text:
    """What happened, in both languages; in English with the fix where there is one."""
    fixes = (finding.fix for finding in problem.errors if finding.fix)
    return Text(german(problem.code, problem.case), " ".join([problem.detail, *fixes]))


def german(code: str, case: Mapping[str, object]) -> str:
    """The German sentence. What the case does not name stays out as an ellipsis."""
    sentence = SAID[code]
    names = [name for _, name, _, _ in string.Formatter().parse(sentence) if name]
    return sentence.format_map({name: _value(name, case.get(name, "…")) for name in names})


def _value(name: str, value: object) -> str:
    if isinstance(value, date):
        return day(value, "de")
    if isinstance(value, int):
        return (money if name.endswith("_cents") else number)(value, "de")
    text = " ".join(str(value).split())[:200]
    words = {"field": field, "type": topic}.get(name)
    return text if words is None else words(text, "de")
