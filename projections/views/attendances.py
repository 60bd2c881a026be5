"""Attendances: who signed up for an activity, and who came. Persons are random references."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from msgspec import Struct
from psycopg import Connection
from psycopg.rows import class_row

from projections.views.base import Cut, View, known


class AttendanceItem(Struct, frozen=True):
    """One person at one activity, as known; it belongs to the activity's day."""

    activity_id: UUID
    person_ref: UUID
    organisation_id: UUID | None
    """Whom the person came for."""
    registered: bool
    recorded: bool
    """Whether the person took part."""


VIEW: Final = View(
    name="attendance",
    item=AttendanceItem,
    core=f"""
        SELECT own.activity_id, own.person_ref, own.organisation_id, own.registered, own.recorded
        FROM models.attendance own
        WHERE {known("own")}""",  # noqa: S608 - constants
    order={"activity_id": UUID, "person_ref": UUID},
    conditions={
        "activity_id": "activity_id = %(activity_id)s",
        "organisation_id": "organisation_id = %(organisation_id)s",
        "person_ref": "person_ref = %(person_ref)s",
    },
    covered=f"""EXISTS (SELECT 1 FROM models.activity a
        WHERE a.activity_id = core.activity_id AND {known("a")}
            AND a.organisers && %(clusters)s::text[])""",  # noqa: S608 - constants
    place=lambda item: (item.activity_id, item.person_ref),
)


class Attended(Struct, frozen=True):
    """An activity to which persons came for an organisation."""

    activity_id: UUID
    title: str
    day: date
    """On which it was held, or is to begin."""
    persons: int


def attended(
    conn: Connection[Any],
    cut: Cut,
    organisation_id: UUID,
    *,
    clusters: Sequence[str] | None,
    limit: int,
) -> list[Attended]:
    """The latest activities that somebody was recorded at for this record, up to the day."""
    with conn.cursor(row_factory=class_row(Attended)) as curs:
        return curs.execute(
            f"""SELECT own.activity_id, own.title, coalesce(own.held_on, own.starts_on) AS day,
                count(*) AS persons
            FROM models.attendance a
            JOIN models.activity own ON own.activity_id = a.activity_id AND {known("own")}
            WHERE a.organisation_id = %(organisation_id)s AND a.recorded AND {known("a")}
                AND coalesce(own.held_on, own.starts_on) <= %(as_of)s
                AND (%(clusters)s::text[] IS NULL OR own.organisers && %(clusters)s)
            GROUP BY own.activity_id, own.title, coalesce(own.held_on, own.starts_on)
            ORDER BY day DESC, own.activity_id LIMIT %(limit)s""",  # noqa: S608 - constants
            {
                **cut._asdict(),
                "organisation_id": organisation_id,
                "clusters": None if clusters is None else list(clusters),
                "limit": limit,
            },
            prepare=False,
        ).fetchall()


class ByOrganisation(Struct, frozen=True):
    """How many persons were recorded at an activity for one organisation; None: for none."""

    organisation_id: UUID | None
    name: str | None
    persons: int


def by_organisation(
    conn: Connection[Any], cut: Cut, activity_id: UUID, *, limit: int
) -> list[ByOrganisation]:
    """The named of one activity by the record they came for, the largest first."""
    with conn.cursor(row_factory=class_row(ByOrganisation)) as curs:
        return curs.execute(
            f"""SELECT counted.organisation_id, counted.persons,
                (SELECT o.name FROM models.organisation o
                    WHERE o.organisation_id = counted.organisation_id AND {known("o")}
                    ORDER BY o.valid_from <= %(as_of)s DESC, o.valid_from DESC LIMIT 1) AS name
            FROM (SELECT a.organisation_id, count(*) AS persons FROM models.attendance a
                WHERE a.activity_id = %(activity_id)s AND a.recorded AND {known("a")}
                GROUP BY a.organisation_id
                ORDER BY persons DESC, a.organisation_id LIMIT %(limit)s) AS counted
            ORDER BY counted.persons DESC, counted.organisation_id""",  # noqa: S608 - constants
            {**cut._asdict(), "activity_id": activity_id, "limit": limit},
            prepare=False,
        ).fetchall()
