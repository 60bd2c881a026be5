"""What a fact says, field by field, with whatever it names called by its name and linked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from msgspec import Struct
from psycopg import Connection

from api.intake.words import bare, fields_of
from ledger.domain.facts import FACTS
from projections.views.base import Cut
from projections.views.names import (
    activity_titles,
    cluster_names,
    organisation_names,
    project_titles,
)

_NAMES: Final[Mapping[str, str]] = {
    "cluster": "clusters",
    "clusters": "clusters",
    "organisers": "clusters",
    "organisation_id": "organisations",
    "into": "organisations",
    "activity_id": "activities",
    "project_id": "projects",
}
"""Where the page is of what a field names. `of` names a person or an organisation."""
_LOOK_UP: Final = {
    "organisations": organisation_names,
    "activities": activity_titles,
    "projects": project_titles,
}


class Named(Struct, frozen=True):
    """Something with a page of its own: the page's path, and what it is called."""

    path: str
    name: str


class Said(Struct, frozen=True):
    """One field: its value, or what it names."""

    field: str
    value: Any
    named: tuple[Named, ...] = ()


def said(conn: Connection[Any], cut: Cut, topic: str, data: Mapping[str, Any]) -> list[Said]:
    """A fact's fields in the order they are stored. An id that nobody knows stands for itself."""
    places = {name: place for name in data if (place := _place(name, topic)) is not None}
    wanted: dict[str, set[str]] = {}
    for name, place in places.items():
        wanted.setdefault(place, set()).update(_ids(data[name]))
    names = {place: _called(conn, cut, place, ids) for place, ids in wanted.items()}
    kinds = fields_of(FACTS[topic]) if topic in FACTS else {}
    return [
        Said(
            name,
            _typed(value, kinds.get(name)),
            tuple(
                Named(f"/{places[name]}/{id}", names[places[name]].get(id, id))
                for id in _ids(value)
            )
            if name in places
            else (),
        )
        for name, value in data.items()
    ]


def _place(name: str, topic: str) -> str | None:
    if name == "of" and topic.startswith("organisation."):
        return "organisations"
    return _NAMES.get(name)


def _ids(value: Any) -> Sequence[str]:
    return value if isinstance(value, list) else [] if value is None else [str(value)]


def _called(conn: Connection[Any], cut: Cut, place: str, ids: Iterable[str]) -> dict[str, str]:
    if place == "clusters":
        return cluster_names(conn, cut)
    found = _LOOK_UP[place](conn, cut, map(UUID, ids))
    return {str(id): name for id, name in found.items()}


def _typed(value: Any, kind: Any) -> Any:
    """A day as a day: the stored fact writes it as text."""
    return date.fromisoformat(value) if value and bare(kind) is date else value
