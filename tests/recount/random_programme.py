"""A small programme, told by chance: every type of fact, each held to the ledger's own rules."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st

from ledger.domain.commands import Refused
from ledger.service import Ledger, incoming
from tests.figures.history import OFFICE, SOURCE, uid

CLUSTERS: Final = ("rail", "food", "wood")
KINDS: Final = ("company", "company", "university", "research_institute", "chamber", "company")
SIZES: Final = ("micro", "sme", "large", "medium")
NUTS3: Final = ("DE211", "DE212", "DE271", "AT130")
MODES: Final = ("onsite", "online", "hybrid")
ACTIVITY_KINDS: Final = ("conference", "training", "webinar")
FIRST: Final = date(2020, 1, 1)
STEP: Final = timedelta(days=23)
STEPS: Final = 32
"""Two years: few enough days that much happens on the same one."""
SHA256: Final = "ab" * 32


class Drawn(NamedTuple):
    """What happens, to which of the few things there are, and when."""

    what: str
    one: int
    two: int
    step: int
    count: int
    flag: bool


def day(step: int) -> str:
    """One of the days that this programme knows."""
    return (FIRST + step * STEP).isoformat()


def day_before(step: int) -> str:
    """So that an end meets a beginning."""
    return (FIRST + step * STEP - timedelta(days=1)).isoformat()


class Names:
    """The data of a drawn fact: ids by their short names, the same ones over and over."""

    def __init__(self, drawn: Drawn) -> None:
        self.d = drawn
        self.who = {"organisation_id": uid(f"org {drawn.one % 6}")}
        self.other = uid(f"org {drawn.two % 6}")
        self.on = {"effective_on": day(drawn.step)}
        self.until = {"last_day": day_before(drawn.step)}
        self.cluster = {"cluster": CLUSTERS[drawn.two % 3]}
        self.activity = {"activity_id": uid(f"activity {drawn.one % 4}")}
        self.person = {"person_ref": uid(f"person {drawn.two % 5}")}
        self.project = {"project_id": uid(f"project {drawn.one % 3}")}
        self.part = {"project_id": uid(f"project {drawn.two % 3}"), **self.who}
        self.sent = {"organisation_id": uid(f"org {drawn.count % 6}")} if drawn.flag else {}
        self.home = {"nuts3": NUTS3[drawn.count % 4]}
        self.terms = {"volume_cents": 900 + drawn.count, "grant_cents": 10 * drawn.count}


def _cluster(n: Names) -> dict[str, Any]:
    return {
        "cluster.registered": {"cluster": "sea", "name": "Sea", **n.on},
        "cluster.renamed": {**n.cluster, "name": f"New {n.d.count}", **n.on},
        "cluster.closed": {**n.cluster, **n.on},
    }


def _organisation(n: Names) -> dict[str, Any]:
    scheme, codes = (("size_class", SIZES), ("kind", KINDS), ("spatial", ("rural", "urban")))[
        n.d.count % 3
    ]
    spatial = {"spatial": ("rural", "urban")[n.d.two % 2]} if n.d.flag else {}
    return {
        "organisation.registered": {
            "organisation_id": uid("org 6"), "name": "Seventh", "kind": "other", **n.on,
        },
        "organisation.renamed": {**n.who, "name": f"Named {n.d.count}", **n.on},
        "organisation.identified": {**n.who, "identifiers": [f"hrb:München {n.d.count + 1}"]},
        "organisation.relocated": {**n.who, **n.home, **spatial, **n.on},
        "organisation.reclassified": {
            **n.who, "scheme": scheme, "code": codes[n.d.two % len(codes)], **n.on,
        },
        "organisation.marked_duplicate": {**n.who, "of": n.other, "reason": "same"},
        "organisation.duplicate_reverted": {**n.who, "reason": "two"},
        "organisation.merged": {**n.who, "into": n.other, **n.on},
        "organisation.split": {**n.who, "into": [n.other], **n.on},
        "organisation.dissolved": {**n.who, **n.on},
    }  # fmt: skip


def _membership(n: Names) -> dict[str, Any]:
    key = {**n.who, **n.cluster}
    return {
        "membership.applied": {**key, **n.on},
        "membership.application_closed": {**key, **n.on, "outcome": "declined"},
        "membership.admitted": {**key, **n.on},
        "membership.category_changed": {**key, **n.on, "category": f"c{n.d.count}"},
        "membership.suspended": {**key, **n.on},
        "membership.reinstated": {**key, **n.on},
        "membership.ended": {**key, **n.until, "cause": "merged" if n.d.flag else "resigned"},
    }


def _activity(n: Names) -> dict[str, Any]:
    days = {"starts_on": day(n.d.step), "ends_on": day(n.d.step)}
    attended = {**n.activity, **n.person}
    return {
        "activity.scheduled": {
            "activity_id": uid("activity 4"), "title": "Fifth", "kind": "fair", "mode": "online",
            "organisers": [CLUSTERS[n.d.two % 3]], **days,
        },
        "activity.rescheduled": {**n.activity, **days},
        "activity.changed": {
            **n.activity, "organisers": [CLUSTERS[n.d.two % 3], CLUSTERS[n.d.count % 3]], **n.home,
        },
        "activity.held": {**n.activity, "held_on": day(n.d.step)},
        "activity.cancelled": n.activity,
        "headcount.recorded": {
            **n.activity, "count": n.d.count, "scope": "total" if n.d.flag else "unlisted",
        },
        "attendance_list.imported": {
            **n.activity, "sha256": SHA256, "rows": n.d.count, "complete": n.d.flag,
        },
        "attendance.registered": {**attended, **n.sent},
        "attendance.withdrawn": attended,
        "attendance.recorded": {**attended, **n.sent},
        "attendance.voided": {**attended, "reason": "wrong"},
    }  # fmt: skip


def _project(n: Names) -> dict[str, Any]:
    return {
        "project.proposed": {
            "project_id": uid("project 3"), "title": "Fourth", "clusters": ["food"], **n.on,
        },
        "project.approved": {**n.project, **n.terms, **n.on},
        "project.grant_changed": {**n.project, **n.terms, **n.on},
        "project.started": {**n.project, **n.on},
        "project.ended": {**n.project, **n.until, "outcome": "completed"},
        "enrolment.started": {**n.part, "role": "lead" if n.d.flag else "partner", **n.on},
        "enrolment.ended": {**n.part, **n.until},
    }  # fmt: skip


def _other(n: Names) -> dict[str, Any]:
    other = uid(f"person {n.d.one % 5}")
    filed = {"period_from": "2020-01-01", "period_to": day(n.d.step), "known_at": n.d.count}
    return {
        "person.sealed": {**n.person, "pdc": SHA256},
        "person.marked_duplicate": {**n.person, "of": other},
        "person.erased": {**n.person, "legal_basis": "art-17"},
        "period.closed": {**filed, "definitions": ["members@1"], "digests": [SHA256]},
        "report.published": {
            **filed, "report": "annual@1", "parameters": {}, "sha256": SHA256,
            "definitions": [{"definition": "members@1", "sha256": SHA256}],
        },
        "code_list.published": {"scheme": "nuts", "edition": f"{n.d.count}", "sha256": SHA256},
        "log.key_changed": {"key_name": "log", "key": f"k{n.d.count}", "action": "added"},
    }  # fmt: skip


TELLERS: Final = (_cluster, _organisation, _membership, _activity, _project, _other)
_ANY: Final = Names(Drawn("", 0, 0, 0, 0, flag=False))
WHATS: Final = {what: teller for teller in TELLERS for what in teller(_ANY)}
"""Every type of fact but the void, and who knows its data."""
OFTEN: Final = (
    "membership.admitted", "membership.ended", "attendance.recorded", "attendance.registered",
    "enrolment.started", "activity.held", "headcount.recorded", "project.approved",
    "organisation.marked_duplicate", "organisation.merged", "fact.voided",
)  # fmt: skip
"""What most of a programme is made of, and what makes counting hard."""

HAPPENINGS: Final = st.lists(
    st.builds(
        Drawn,
        what=st.sampled_from((*WHATS, *OFTEN * 6)),
        one=st.integers(0, 5),
        two=st.integers(0, 5),
        step=st.integers(0, STEPS),
        count=st.integers(0, 9),
        flag=st.booleans(),
    ),
    min_size=25,
    max_size=70,
)


class Teller:
    """Posts to a ledger what its rules allow; the id of the fact at position n is `f<n>`."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.head = 0

    def post(self, type: str, **data: Any) -> None:
        """Record one fact. Raises Refused."""
        (receipt,) = self.ledger.record(
            OFFICE, [incoming(f"f{self.head + 1}", SOURCE, f"{type}.v1", data)]
        )
        self.head = max(self.head, receipt.position)  # a repetition has the first one's

    def tell(self, happenings: list[Drawn]) -> None:
        """Found the programme, then let happen what may."""
        self._found()
        for drawn in happenings:
            try:
                if drawn.what == "fact.voided":
                    target = 1 + (drawn.one * 100 + drawn.two * 17 + drawn.step) % self.head
                    self.post("fact.voided", target=f"f{target}", reason="wrong")
                else:
                    self.post(drawn.what, **WHATS[drawn.what](Names(drawn))[drawn.what])
            except Refused:
                continue

    def _found(self) -> None:
        """Things there are from the beginning: clusters, organisations, plans."""
        for code in CLUSTERS:
            self.post("cluster.registered", cluster=code, name=code.title(), effective_on=day(0))
        for n, kind in enumerate(KINDS):
            known = {"nuts3": NUTS3[n % 4], "spatial": ("rural", "urban")[n % 2]} if n % 3 else {}
            size = {"size_class": SIZES[n % 4]} if n % 2 else {}
            self.post(
                "organisation.registered", organisation_id=uid(f"org {n}"), name=f"Org {n}",
                kind=kind, effective_on=day(n), **known, **size,
            )  # fmt: skip
        for n in range(4):
            self.post(
                "activity.scheduled", activity_id=uid(f"activity {n}"), title=f"Day {n}",
                kind=ACTIVITY_KINDS[n % 3], mode=MODES[n % 3], starts_on=day(n), ends_on=day(n),
                organisers=[CLUSTERS[n % 3], *([CLUSTERS[n // 2]] if n > 1 else [])],
            )  # fmt: skip
            self.post("activity.held", activity_id=uid(f"activity {n}"), held_on=day(5 * n + 1))
        for n in range(3):
            key = {"project_id": uid(f"project {n}")}
            joint = [CLUSTERS[n], CLUSTERS[(n + 1) % 3]] if n else ["rail"]
            self.post("project.proposed", **key, title=f"P{n}", clusters=joint, effective_on=day(n))
            self.post("project.started", **key, effective_on=day(4 * n))
