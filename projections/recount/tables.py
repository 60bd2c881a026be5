"""The tables that the figures' SQL asks, in DuckDB: the same names and columns as the read models.

`known_from` and `known_to` follow the columns shown here.
"""

from __future__ import annotations

from typing import Final

TABLES: Final[dict[str, dict[str, str]]] = {
    "cluster": {"cluster": "VARCHAR", "name": "VARCHAR", "valid_from": "DATE", "valid_to": "DATE"},
    "organisation": {
        "organisation_id": "UUID",
        "name": "VARCHAR",
        "kind": "VARCHAR",
        "nuts3": "VARCHAR",
        "ags": "VARCHAR",
        "spatial": "VARCHAR",
        "size_class": "VARCHAR",
        "nace": "VARCHAR",
        "identifiers": "VARCHAR[]",
        "dissolved_on": "DATE",
        "valid_from": "DATE",
        "valid_to": "DATE",
    },
    "identity_edge": {
        "organisation_id": "UUID",
        "target": "UUID",
        "relation": "VARCHAR",
        "valid_from": "DATE",
    },
    "organisation_split": {"organisation_id": "UUID", "heir": "UUID", "valid_from": "DATE"},
    "membership": {
        "organisation_id": "UUID",
        "cluster": "VARCHAR",
        "status": "VARCHAR",
        "category": "VARCHAR",
        "spell_from": "DATE",
        "cause": "VARCHAR",
        "valid_from": "DATE",
        "valid_to": "DATE",
    },
    "application": {
        "organisation_id": "UUID",
        "cluster": "VARCHAR",
        "outcome": "VARCHAR",
        "valid_from": "DATE",
        "valid_to": "DATE",
    },
    "activity": {
        "activity_id": "UUID",
        "title": "VARCHAR",
        "kind": "VARCHAR",
        "mode": "VARCHAR",
        "organisers": "VARCHAR[]",
        "starts_on": "DATE",
        "ends_on": "DATE",
        "nuts3": "VARCHAR",
        "capacity": "BIGINT",
        "held_on": "DATE",
        "cancelled": "BOOLEAN",
        "total": "BIGINT",
        "unlisted": "BIGINT",
        "listed": "BOOLEAN",
        "complete": "BOOLEAN",
        "announced": "BIGINT",
    },
    "attendance": {
        "activity_id": "UUID",
        "person_ref": "UUID",
        "organisation_id": "UUID",
        "registered": "BOOLEAN",
        "recorded": "BOOLEAN",
    },
    "project": {
        "project_id": "UUID",
        "title": "VARCHAR",
        "clusters": "VARCHAR[]",
        "status": "VARCHAR",
        "volume_cents": "BIGINT",
        "grant_cents": "BIGINT",
        "proposed_on": "DATE",
        "approved_on": "DATE",
        "started_on": "DATE",
        "last_day": "DATE",
        "outcome": "VARCHAR",
        "valid_from": "DATE",
        "valid_to": "DATE",
    },
    "enrolment": {
        "project_id": "UUID",
        "organisation_id": "UUID",
        "role": "VARCHAR",
        "valid_from": "DATE",
        "valid_to": "DATE",
    },
    "person_edge": {"person_ref": "UUID", "target": "UUID"},
}
"""Columns and their types by table."""


def columns(table: str) -> dict[str, str]:
    """All columns of a table with their types."""
    return {**TABLES[table], "known_from": "BIGINT", "known_to": "BIGINT"}
