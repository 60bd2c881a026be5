"""Short words for the tests of rules: one ledger, facts in, receipts or refusals out."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest

from ledger.domain.commands import Authority, Incoming, Receipt, Refused
from ledger.domain.refusals import REFUSALS, Refusal
from ledger.service import Ledger, incoming

SOURCE = "urn:test:office"
ADMIN = Authority("key:00000000-0000-4000-8000-000000000001", frozenset({"admin"}))


def office(*clusters: str, scopes: tuple[str, ...] = ("organisations:write",)) -> Authority:
    """The key of a cluster app: it records for these clusters."""
    return Authority(
        "key:00000000-0000-4000-8000-000000000002",
        frozenset({*(f"facts:write:{c}" for c in clusters), *scopes}),
        frozenset(clusters),
        frozenset({"*"}),
    )


def fact(type: str, /, *, id: str | None = None, source: str = SOURCE, **data: Any) -> Incoming:
    """A posted fact. `causation`, `correlation` and `expected_version` go to its envelope."""
    envelope = {
        name: data.pop(name)
        for name in ("causation", "correlation", "expected_version")
        if name in data
    }
    return incoming(id or str(uuid4()), source, f"{type}.v1", data, **envelope)


def void(receipt: Receipt, reason: str = "error") -> Incoming:
    """The void of a recorded fact."""
    return fact("fact.voided", target=receipt.id, target_source=receipt.source, reason=reason)


class Given:
    """One ledger, and what the tests need in it. Every id is fresh, so tests can share it."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def record(self, *facts: Incoming, by: Authority = ADMIN) -> list[Receipt]:
        return self.ledger.record(by, facts)

    def post(self, type: str, /, by: Authority = ADMIN, **data: Any) -> Receipt:
        return self.record(fact(type, **data), by=by)[0]

    def void(self, receipt: Receipt, by: Authority = ADMIN) -> Receipt:
        return self.record(void(receipt), by=by)[0]

    def refused(self, code: str, *facts: Incoming, by: Authority = ADMIN) -> Refusal:
        """The batch is refused with this code, and nothing of it is recorded."""
        before = self.ledger.book.head()
        with pytest.raises(Refused) as caught:
            self.record(*facts, by=by)
        assert caught.value.refusal.code == code, str(caught.value)
        assert self.ledger.book.head() == before
        assert REFUSALS[code] is type(caught.value.refusal)
        assert str(caught.value.refusal)
        return caught.value.refusal

    # What a test is not about

    def cluster(self) -> str:
        code = f"c-{uuid4().hex[:12]}"
        self.post("cluster.registered", cluster=code, name="Rail", effective_on="2006-02-01")
        return code

    def organisation(self, **more: Any) -> str:
        who = str(uuid4())
        data = {"name": "Muster GmbH", "kind": "company", "effective_on": "2000-01-01"}
        self.post("organisation.registered", organisation_id=who, **(data | more))
        return who

    def activity(self, *organisers: str, **more: Any) -> str:
        which = str(uuid4())
        data = {"title": "Forum", "kind": "conference", "mode": "onsite"}
        days = {"starts_on": "2024-03-05", "ends_on": "2024-03-05"}
        clusters = list(organisers) or [self.cluster()]
        everything = {**data, **days, "organisers": clusters, **more}
        self.post("activity.scheduled", activity_id=which, **everything)
        return which

    def project(self, *clusters: str, started: str | None = "2020-01-01") -> str:
        which = str(uuid4())
        self.post(
            "project.proposed",
            project_id=which,
            title="Light wings",
            clusters=list(clusters) or [self.cluster()],
            effective_on="2019-06-01",
        )
        if started:
            self.post("project.started", project_id=which, effective_on=started)
        return which


def in_the_way(refusal: Refusal) -> set[str]:
    """The ids of the facts that a refusal names."""
    named: Any = refusal.case["in_the_way"]
    return {one["id"] for one in named}


def tomorrow() -> str:
    return (date.today() + timedelta(days=2)).isoformat()  # noqa: DTZ011  # two days ahead anywhere
