"""One fact of every type, as it was posted on the day its golden file was written.

`python -m tests.golden.samples` writes the files that are missing, and never touches one that is
there: a stored fact is read for ever.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from ledger.domain.history import Entry
from ledger.domain.streams import namespace, stream_of
from ledger.store import codec

FOLDER: Final = Path(__file__).parent / "facts"
SPACE: Final = namespace("golden.example/2026")
DAY: Final = "2024-12-31"

_A = "0a3f1c52-9d0e-4a6e-8a7b-1c2d3e4f5a6b"
_B = "7b1e9f04-2c3d-4e5f-9a8b-6c7d8e9f0a1b"
_HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_PAIR = {"organisation_id": _A, "cluster": "bahn"}
_THERE = {"activity_id": _A, "person_ref": _B}
_TERMS = {"volume_cents": 250_000_00, "grant_cents": 125_000_00}
_PERIOD = {"period_from": "2024-01-01", "period_to": DAY, "known_at": 41}

SAMPLES: Final[dict[str, dict[str, Any]]] = {
    "cluster.registered.v1": {
        "cluster": "bahn",
        "name": "Bahntechnik Bayern",
        "effective_on": DAY,
        "note_ref": f"sha256:{_HASH}",
    },
    "cluster.renamed.v1": {"cluster": "bahn", "name": "Bahn", "effective_on": DAY},
    "cluster.closed.v1": {"cluster": "bahn", "effective_on": DAY},
    "organisation.registered.v1": {
        "organisation_id": _A,
        "name": 'Müller & Söhne "Faser" GmbH \u2028\U0001f684',
        "kind": "company",
        "effective_on": DAY,
        "nuts3": "DE212",
        "ags": "09162000",
        "spatial": "urban",
        "size_class": "sme",
        "nace": "C28.1",
        "identifiers": ["vat:DE136695976", "hrb:München 12345"],
    },
    "organisation.renamed.v1": {"organisation_id": _A, "name": "Faser AG", "effective_on": DAY},
    "organisation.identified.v1": {
        "organisation_id": _A,
        "identifiers": ["lei:529900T8BM49AURSDO55"],
    },
    "organisation.relocated.v1": {
        "organisation_id": _A,
        "nuts3": "DE271",
        "effective_on": DAY,
        "ags": "09761000",
        "spatial": "rural",
    },
    "organisation.reclassified.v1": {
        "organisation_id": _A,
        "scheme": "size_class",
        "code": "large",
        "effective_on": DAY,
        "edition": "2003/361",
        "basis": "annual-accounts",
    },
    "organisation.marked_duplicate.v1": {"organisation_id": _A, "of": _B, "reason": "same-vat"},
    "organisation.duplicate_reverted.v1": {"organisation_id": _A, "reason": "two-sites"},
    "organisation.merged.v1": {"organisation_id": _A, "into": _B, "effective_on": DAY},
    "organisation.split.v1": {"organisation_id": _A, "into": [_B], "effective_on": DAY},
    "organisation.dissolved.v1": {"organisation_id": _A, "effective_on": DAY},
    "membership.applied.v1": {**_PAIR, "effective_on": DAY},
    "membership.application_closed.v1": {**_PAIR, "effective_on": DAY, "outcome": "declined"},
    "membership.admitted.v1": {**_PAIR, "effective_on": DAY, "category": "gold-2"},
    "membership.category_changed.v1": {**_PAIR, "effective_on": DAY, "category": "silver"},
    "membership.suspended.v1": {**_PAIR, "effective_on": DAY},
    "membership.reinstated.v1": {**_PAIR, "effective_on": DAY},
    "membership.ended.v1": {**_PAIR, "last_day": DAY, "cause": "resigned"},
    "activity.scheduled.v1": {
        "activity_id": _A,
        "title": "Forum Leichtbau",
        "kind": "working_group",
        "mode": "hybrid",
        "organisers": ["bahn", "carbon"],
        "starts_on": "2024-12-30",
        "ends_on": DAY,
        "nuts3": "DE212",
        "capacity": 120,
    },
    "activity.rescheduled.v1": {"activity_id": _A, "starts_on": DAY, "ends_on": DAY},
    "activity.changed.v1": {"activity_id": _A, "title": "Forum", "organisers": ["bahn"]},
    "activity.held.v1": {"activity_id": _A, "held_on": DAY},
    "activity.cancelled.v1": {"activity_id": _A, "reason": "weather"},
    "attendance.registered.v1": {**_THERE, "organisation_id": _A},
    "attendance.withdrawn.v1": _THERE,
    "attendance.recorded.v1": {**_THERE, "organisation_id": _A},
    "attendance.voided.v1": {**_THERE, "reason": "wrong-list"},
    "headcount.recorded.v1": {"activity_id": _A, "count": 0, "scope": "unlisted"},
    "attendance_list.imported.v1": {
        "activity_id": _A,
        "sha256": _HASH,
        "rows": 57,
        "complete": True,
    },
    "project.proposed.v1": {
        "project_id": _A,
        "title": "Leise Güterwagen",
        "clusters": ["bahn"],
        "effective_on": DAY,
    },
    "project.approved.v1": {"project_id": _A, **_TERMS, "effective_on": DAY},
    "project.grant_changed.v1": {"project_id": _A, **_TERMS, "effective_on": DAY},
    "project.started.v1": {"project_id": _A, "effective_on": DAY},
    "project.ended.v1": {"project_id": _A, "last_day": DAY, "outcome": "aborted"},
    "enrolment.started.v1": {
        "project_id": _A,
        "organisation_id": _B,
        "role": "lead",
        "effective_on": DAY,
    },
    "enrolment.ended.v1": {"project_id": _A, "organisation_id": _B, "last_day": DAY},
    "person.sealed.v1": {"person_ref": _B, "pdc": _HASH},
    "person.marked_duplicate.v1": {"person_ref": _B, "of": _A},
    "person.erased.v1": {"person_ref": _B, "legal_basis": "gdpr-17-1-b"},
    "fact.voided.v1": {"target": "list-7/3", "target_source": "urn:app", "reason": "typo"},
    "period.closed.v1": {**_PERIOD, "definitions": ["members@1"], "digests": [_HASH]},
    "report.published.v1": {
        "report": "annual@1",
        **_PERIOD,
        "parameters": {"cluster": "bahn"},
        "definitions": [{"definition": "members@1", "sha256": _HASH}],
        "sha256": _HASH,
    },
    "log.key_changed.v1": {"key_name": "log.example", "key": "1a2b+QUJD", "action": "added"},
    "code_list.published.v1": {"scheme": "nuts", "edition": "2024", "sha256": _HASH},
}


def stored(topic: str) -> bytes:
    """The leaf a sample was stored as: the 42nd fact, with every part of the envelope."""
    fact, data = codec.decode_fact(topic, json.dumps(SAMPLES[topic]).encode())
    stream = UUID(_B) if topic == "fact.voided.v1" else stream_of(SPACE, fact)[1]
    entry = Entry(
        42,
        3,
        stream,
        "urn:app",
        "list-7/4",
        f"key:{_A}",
        "2026-11-22T10:00:00.000001Z",
        fact,
        "list-7/3",
        "flow-9",
    )
    return codec.leaf(entry, data)


def write_missing() -> list[str]:
    """Write the files that are not there yet; their topics."""
    missing = [topic for topic in SAMPLES if not (FOLDER / f"{topic}.json").exists()]
    for topic in missing:
        leaf = stored(topic)
        content = {"leaf": leaf.decode(), "sha256": sha256(leaf).hexdigest()}
        text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
        (FOLDER / f"{topic}.json").write_text(text, "utf-8")
    return missing


if __name__ == "__main__":
    print("\n".join(write_missing()))
