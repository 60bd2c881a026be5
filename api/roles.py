"""What people may do: the roles an identity provider asserts, and the scopes each amounts to."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct

from ledger.domain.commands import ADMIN, Authority
from ledger.domain.vocabulary import ClusterCode

OFFICE: Final = "office:"
"""A cluster office's role names its cluster: `office:rail`."""
SOURCE: Final = "//clusterledger/"
"""What people record on the pages has a source of their role: `//clusterledger/office/rail`."""


class Role(Struct, frozen=True):
    """What a role amounts to. `writes`: it records, under a source of its own."""

    scopes: tuple[str, ...]
    writes: bool = False


ROLES: Final[Mapping[str, Role]] = {
    "ministry": Role(("figures:read", "reports:file"), writes=True),
    "auditor": Role(("figures:read", "trail:read")),
    "office:<cluster>": Role(("figures:read", "trail:read", "organisations:write"), writes=True),
    "operator": Role((ADMIN,), writes=True),
}
"""Every role. An office has `facts:write:<cluster>` too, and reads what concerns its clusters."""


def is_role(text: str) -> bool:
    """Whether a text names a role."""
    if not text.startswith(OFFICE):
        return text in ROLES and "<" not in text
    try:
        msgspec.convert(text.removeprefix(OFFICE), ClusterCode)
    except msgspec.ValidationError:
        return False
    return True


def authority(user_id: UUID, roles: Iterable[str]) -> Authority:
    """What a person with these roles may do: all that one of them may.

    An office reads what concerns its clusters alone, whatever other roles there are, `operator`
    apart: a role that limits is not undone by one that was forgotten.
    """
    held = sorted(roles)
    clusters = frozenset(role.removeprefix(OFFICE) for role in held if role.startswith(OFFICE))
    kinds = [ROLES["office:<cluster>" if role.startswith(OFFICE) else role] for role in held]
    scopes = {scope for kind in kinds for scope in kind.scopes}
    sources = (
        role.replace(":", "/") for role, kind in zip(held, kinds, strict=True) if kind.writes
    )
    return Authority(
        f"user:{user_id}",
        frozenset(scopes | {f"facts:write:{cluster}" for cluster in clusters}),
        clusters,
        frozenset(SOURCE + source for source in sources),
    )


def roles_of(claims: Mapping[str, Any], claim: str, named: Mapping[str, str]) -> tuple[str, ...]:
    """The roles that a token asserts, sorted; what names none is left out.

    `claim` is the claim's own name, or a path with dots into nested ones (`realm_access.roles`).
    `named` turns the provider's values into roles; empty: they are roles already.
    """
    value: Any = claims.get(claim)
    if value is None:
        value = claims
        for name in claim.split("."):
            value = value.get(name) if isinstance(value, dict) else None
    values = value if isinstance(value, list) else [value]
    texts = [text for text in values if isinstance(text, str)]
    found = (named.get(text, "") if named else text for text in texts)
    return tuple(sorted({role for role in found if is_role(role)}))
