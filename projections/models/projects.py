"""Projects: proposed, approved, running, ended, with their volume and grant."""

from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID

from ledger.domain.project import Project
from ledger.domain.streams import Kind
from projections.models.base import FOREVER, Model, Projected, Table


class ProjectRow(NamedTuple):
    """Days [valid_from, valid_to) in one status on the same terms; money in cents."""

    project_id: UUID
    title: str
    clusters: tuple[str, ...]
    status: str
    volume_cents: int | None
    grant_cents: int | None
    proposed_on: date | None
    approved_on: date | None
    started_on: date | None
    last_day: date | None
    outcome: str | None
    valid_from: date
    valid_to: date


PROJECT = Table(
    ProjectRow,
    name="project",
    key=("project_id",),
    within=("valid_from",),
    ddl="""
-- A project's status and money on a day. The days of its life stand on every row, as then known.
-- The first cluster leads. An ended project stays ended: its last row is open.
CREATE TABLE project (
    project_id   uuid   NOT NULL,
    title        text   COLLATE "C" NOT NULL,
    clusters     text[] COLLATE "C" NOT NULL,
    status       text   COLLATE "C" NOT NULL,
    volume_cents bigint,
    grant_cents  bigint,
    proposed_on  date,
    approved_on  date,
    started_on   date,
    last_day     date,              -- inclusive
    outcome      text   COLLATE "C",
    valid_from   date   NOT NULL,
    valid_to     date   NOT NULL,
    known_from   bigint NOT NULL,
    known_to     bigint NOT NULL,
    CHECK (status IN ('proposed', 'approved', 'running', 'ended')),
    CHECK (valid_from < valid_to), CHECK (known_from < known_to)
);
""",
    extras="""
ALTER TABLE project ADD CONSTRAINT project_one_status_a_day EXCLUDE USING gist (
    project_id WITH =,
    daterange(valid_from, valid_to) WITH &&, int8range(known_from, known_to) WITH &&);
CREATE INDEX project_by_cluster ON project USING gin (clusters);
CREATE INDEX project_by_part_of_title ON project USING gin (ledger.folded(title) gin_trgm_ops);
""",
)


def _status(state: Project, day: date) -> str:
    if state.to_day is not None and state.to_day <= day:
        return "ended"
    if state.started_on is not None and state.started_on <= day:
        return "running"
    if state.approved_on is not None and state.approved_on <= day:
        return "approved"
    return "proposed"


def rows(key: tuple[Any, ...], state: Project) -> Iterator[Projected]:
    """One row a status and terms. Approval may follow the start; of a day's terms the last hold."""
    if not state.exists:
        return
    turns = (state.proposed_on, state.approved_on, state.started_on, state.to_day)
    days = {day for day in turns if day is not None} | {terms.from_day for terms in state.terms}
    for day, until in pairwise([*sorted(days), FOREVER]):
        terms = next((t for t in reversed(state.terms) if t.from_day <= day), None)
        yield Projected(
            PROJECT,
            ProjectRow(
                project_id=key[0],
                title=state.title,
                clusters=state.clusters,
                status=_status(state, day),
                volume_cents=terms.volume_cents if terms else None,
                grant_cents=terms.grant_cents if terms else None,
                proposed_on=state.proposed_on,
                approved_on=state.approved_on,
                started_on=state.started_on,
                last_day=state.last_day,
                outcome=state.outcome,
                valid_from=day,
                valid_to=until,
            ),
        )


MODEL = Model(Kind.project, (PROJECT,), rows)
