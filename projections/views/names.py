"""What ids are called on a day: for lists that name others."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from psycopg import Connection

from projections.views.base import Cut, known


def organisation_names(conn: Connection[Any], cut: Cut, ids: Iterable[UUID]) -> dict[UUID, str]:
    """The name of the day; before and after its days the nearest one that is known."""
    rows = conn.execute(
        f"""SELECT DISTINCT ON (organisation_id) organisation_id, name FROM models.organisation o
        WHERE organisation_id = ANY(%(ids)s) AND {known("o")} AND name IS NOT NULL
        ORDER BY organisation_id, valid_from <= %(as_of)s DESC,
            CASE WHEN valid_from <= %(as_of)s THEN %(as_of)s - valid_from
                ELSE valid_from - %(as_of)s END""",  # noqa: S608 - constants
        {**cut._asdict(), "ids": list(ids)},
    )
    return dict(rows.fetchall())


def cluster_names(conn: Connection[Any], cut: Cut) -> dict[str, str]:
    """All clusters ever known at the position, by code; the latest name up to the day."""
    rows = conn.execute(
        f"""SELECT DISTINCT ON (cluster) cluster, name FROM models.cluster c
        WHERE {known("c")} ORDER BY cluster, valid_from <= %(as_of)s DESC, valid_from DESC""",  # noqa: S608 - constants
        cut._asdict(),
    )
    return dict(rows.fetchall())


def project_titles(conn: Connection[Any], cut: Cut, ids: Iterable[UUID]) -> dict[UUID, str]:
    """Titles never change, but are known from a position on."""
    rows = conn.execute(
        f"""SELECT DISTINCT project_id, title FROM models.project p
        WHERE project_id = ANY(%(ids)s) AND {known("p")}""",  # noqa: S608 - constants
        {**cut._asdict(), "ids": list(ids)},
    )
    return dict(rows.fetchall())


def activity_titles(conn: Connection[Any], cut: Cut, ids: Iterable[UUID]) -> dict[UUID, str]:
    """The titles known at the position."""
    rows = conn.execute(
        f"""SELECT activity_id, title FROM models.activity a
        WHERE activity_id = ANY(%(ids)s) AND {known("a")}""",  # noqa: S608 - constants
        {**cut._asdict(), "ids": list(ids)},
    )
    return dict(rows.fetchall())
