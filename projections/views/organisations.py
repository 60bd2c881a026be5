"""Organisations on a day: their profile, and which organisation each of them is."""

from datetime import date
from typing import Final
from uuid import UUID

from msgspec import Struct, field

from projections.views.base import View, known, part_of


class OrganisationItem(Struct, frozen=True):
    """An organisation with its profile of the day. What is null is not known."""

    organisation_id: UUID
    name: str | None
    kind: str | None
    nuts3: str | None
    ags: str | None
    spatial: str | None
    size_class: str | None
    nace: str | None
    identifiers: tuple[str, ...]
    valid_from: date
    """Since when it has this profile."""
    valid_to: date | None
    """From which day on it has it no more; null: not known to end."""
    dissolved_on: date | None
    is_: UUID = field(name="is")
    """The organisation that counts for it on the day: itself, the one it duplicates, its heir."""
    duplicate_of: UUID | None
    merged_into: UUID | None
    merged_on: date | None
    """From which day on it is one with `merged_into`."""
    split_into: tuple[UUID, ...]
    split_on: date | None


def _edge(relation: str) -> str:
    return f"""LEFT JOIN models.identity_edge {relation}
            ON {relation}.organisation_id = page.organisation_id
            AND {relation}.relation = '{relation}' AND {known(relation)}"""


VIEW: Final = View(
    name="organisation",
    item=OrganisationItem,
    core=f"""
        SELECT own.organisation_id, own.name, own.kind, own.nuts3, own.ags, own.spatial,
            own.size_class, own.nace, own.identifiers, own.valid_from,
            nullif(own.valid_to, 'infinity') AS valid_to, own.dissolved_on,
            coalesce(own.name, '') AS sorted_by
        FROM models.organisation own
        WHERE {known("own")} AND own.valid_from <= %(as_of)s AND %(as_of)s < own.valid_to""",  # noqa: S608 - constants
    order={"sorted_by": str, "organisation_id": UUID},
    conditions={
        "kind": "kind = %(kind)s",
        "nuts3": "starts_with(nuts3, %(nuts3)s)",
        "size_class": "size_class = %(size_class)s",
        "spatial": "spatial = %(spatial)s",
        "identifier": "%(identifier)s = ANY(identifiers)",
        "q": part_of("name"),
        "cluster": f"""EXISTS (SELECT 1 FROM models.membership m
            WHERE m.organisation_id = core.organisation_id AND m.cluster = %(cluster)s
                AND {known("m")} AND m.valid_from <= %(as_of)s AND %(as_of)s < m.valid_to)""",  # noqa: S608 - constants
    },
    place=lambda item: (item.name or "", item.organisation_id),
    # The edge a record follows: as a duplicate, else by a merger that acts on the day. No circle.
    shown=f""",
        step AS (
            SELECT organisation_id, organisation_id AS is_, 0 AS steps FROM page
            UNION ALL
            SELECT step.organisation_id, edge.target, step.steps + 1
            FROM step
            CROSS JOIN LATERAL (
                SELECT e.target, e.relation, e.valid_from FROM models.identity_edge e
                WHERE e.organisation_id = step.is_ AND {known("e")}
                ORDER BY e.relation LIMIT 1
            ) AS edge
            WHERE edge.valid_from <= %(as_of)s
        ),
        root AS (
            SELECT DISTINCT ON (organisation_id) organisation_id, is_
            FROM step ORDER BY organisation_id, steps DESC
        )
        SELECT page.organisation_id, page.name, page.kind, page.nuts3, page.ags, page.spatial,
            page.size_class, page.nace, page.identifiers, page.valid_from, page.valid_to,
            page.dissolved_on, root.is_, duplicate.target AS duplicate_of,
            merger.target AS merged_into, merger.valid_from AS merged_on,
            coalesce(split.heirs, '{{}}') AS split_into, split.day AS split_on
        FROM page
        JOIN root USING (organisation_id)
        {_edge("duplicate")}
        {_edge("merger")}
        LEFT JOIN LATERAL (
            SELECT array_agg(s.heir ORDER BY s.heir) AS heirs, min(s.valid_from) AS day
            FROM models.organisation_split s
            WHERE s.organisation_id = page.organisation_id AND {known("s")}
        ) AS split ON true""",  # noqa: S608 - constants
)
