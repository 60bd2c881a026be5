"""Roles: what a provider's claims amount to."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from api.roles import authority, roles_of

SOMEONE = UUID(int=7)


@pytest.mark.parametrize(
    ("claims", "claim", "named", "roles"),
    [
        ({"roles": ["auditor", "ministry"]}, "roles", {}, ("auditor", "ministry")),
        ({"roles": "operator"}, "roles", {}, ("operator",)),
        ({"realm_access": {"roles": ["office:rail"]}}, "realm_access.roles", {}, ("office:rail",)),
        ({"https://x.example/roles": ["auditor"]}, "https://x.example/roles", {}, ("auditor",)),
        ({"groups": ["7f-3a", "x"]}, "groups", {"7f-3a": "auditor"}, ("auditor",)),
        ({"groups": ["operator"]}, "groups", {"7f-3a": "auditor"}, ()),
        ({"roles": ["office:<cluster>", "office:", "Operator", 1, None]}, "roles", {}, ()),
        ({"roles": {"auditor": True}}, "roles", {}, ()),
        ({}, "a.b.c", {}, ()),
    ],
)
def test_a_claim_is_read_as_roles(
    claims: dict[str, Any], claim: str, named: dict[str, str], roles: tuple[str, ...]
) -> None:
    assert roles_of(claims, claim, named) == roles


def test_an_office_may_record_for_its_clusters_alone() -> None:
    held = authority(SOMEONE, ("office:bio", "office:rail"))
    assert held.actor == f"user:{SOMEONE}"
    assert held.clusters == {"bio", "rail"}
    assert held.has("facts:write:bio")
    assert not held.has("facts:write:ict")
    assert held.sources == {"//clusterledger/office/bio", "//clusterledger/office/rail"}


def test_an_auditor_writes_nothing() -> None:
    held = authority(SOMEONE, ("auditor",))
    assert held.scopes == {"figures:read", "trail:read"}
    assert not held.sources


def test_an_office_stays_limited_whatever_else_it_holds() -> None:
    assert authority(SOMEONE, ("auditor", "office:rail")).clusters == {"rail"}
