"""The read models, one file each: tables, how they are filled, how they are asked."""

from typing import Final

from ledger.domain.streams import Kind
from projections.models import (
    activities,
    attendances,
    clusters,
    enrolments,
    memberships,
    organisations,
    persons,
    projects,
)
from projections.models.base import Model, Table
from projections.models.trail import TRAIL

MODELS: Final[dict[Kind, Model]] = {
    module.MODEL.kind: module.MODEL
    for module in (
        clusters,
        organisations,
        memberships,
        activities,
        attendances,
        persons,
        projects,
        enrolments,
    )
}
"""By the kind of stream that feeds it. Other kinds feed the trail alone."""

TABLES: Final[tuple[Table, ...]] = (
    *(table for model in MODELS.values() for table in model.tables),
    TRAIL,
)
"""Every table in the order of their making."""
