"""The law of every kind of stream, in one table."""

from typing import Any, Final

from ledger.domain import activity, attendance, cluster, membership, organisation, others, project
from ledger.domain.history import Law
from ledger.domain.streams import Kind

LAWS: Final[dict[Kind, Law[Any]]] = {
    Kind.cluster: cluster.LAW,
    Kind.organisation: organisation.LAW,
    Kind.membership: membership.LAW,
    Kind.activity: activity.LAW,
    Kind.attendance: attendance.LAW,
    Kind.project: project.LAW,
    Kind.enrolment: project.ENROLMENT_LAW,
    Kind.person: others.PERSON_LAW,
    Kind.period: others.FILED_LAW,
    Kind.report: others.FILED_LAW,
    Kind.code_list: others.FILED_LAW,
    Kind.log: others.FILED_LAW,
}
