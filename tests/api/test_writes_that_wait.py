"""Writes that rest on a version, that find no room, or whose outcome nobody knows; what /readyz
says of read models that stand still; readers while the read models are built anew."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from ledger.store import writer
from projections.folding import Unfoldable
from projections.progress import raise_alarm
from projections.rebuild import rebuild
from tests.api.running import ONE, WAIT_S, Answer, Client, Service

CLUSTER = {"cluster": "bio", "name": "Bio", "effective_on": "2008-01-01"}
RENAMED = {"cluster": "bio", "name": "Biotech", "effective_on": "2012-01-01"}


def posted(client: Client, event: dict[str, Any], **headers: str) -> Answer:
    return client.ask("POST", "/v1/facts", headers={"Content-Type": ONE, **headers}, body=event)


@pytest.fixture
def registered(service: Service, admin: Client) -> Client:
    """The cluster's stream is at version 1."""
    admin.post(("cluster.registered.v1", CLUSTER))
    return admin


def renaming(service: Service, **more: Any) -> dict[str, Any]:
    return service.event("cluster.renamed.v1", RENAMED) | more


def test_a_write_that_expects_an_older_version_is_refused(registered: Client) -> None:
    event = renaming(registered.service)
    stale = posted(registered, event, **{"If-Match": '"0"'})
    assert (stale.status, stale.code) == (412, "version_mismatch")
    assert posted(registered, event, **{"If-Match": '"1"'}).headers["ETag"] == '"2"'


def test_an_event_may_name_the_version_it_expects(registered: Client) -> None:
    service = registered.service
    stale = posted(registered, renaming(service, expectedversion=2))
    assert (stale.status, stale.code) == (412, "version_mismatch")
    assert posted(registered, renaming(service, expectedversion=1)).status == 201


def test_a_full_queue_says_busy_and_when_to_come_again(
    service: Service, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "QUEUE_FACTS_MAX", 1)
    headers = {"Content-Type": ONE, "Authorization": f"Bearer {admin.key}"}
    assert admin.get("/v1/figures").status == 200  # the key is known
    with psycopg.connect(service.url) as conn:
        conn.execute("SELECT position FROM ledger.head FOR UPDATE")
        waiting = [
            service.client_loop.start(
                service.ask(
                    "POST",
                    "/v1/facts",
                    headers=headers,
                    json=service.event("cluster.registered.v1", CLUSTER | {"cluster": f"c-{n}"}),
                )
            )
            for n in range(4)
        ]
        busy = next(a for f in waiting if (a := _done(f)) is not None)
        conn.rollback()
    assert (busy.status, busy.code) == (503, "busy")
    assert int(busy.headers["Retry-After"]) >= 1
    statuses = sorted(future.result(WAIT_S).status for future in waiting)
    assert statuses[0] == 201, "the control: what was queued is recorded"
    assert statuses[-1] == 503


def _done(future: Any) -> Answer | None:
    try:
        found: Answer = future.result(1)
    except TimeoutError:
        return None
    return found


def test_a_write_whose_outcome_is_unknown_says_so_and_is_found_by_a_retry(
    service: Service, admin: Client
) -> None:
    event = service.event("cluster.registered.v1", CLUSTER)
    with psycopg.connect(service.url, autocommit=True) as conn:
        conn.execute("ALTER TABLE ledger.mention RENAME TO hidden")
        lost = posted(admin, event)
        conn.execute("ALTER TABLE ledger.hidden RENAME TO mention")
    assert (lost.status, lost.code) == (503, "outcome_unknown")
    assert lost.headers["Retry-After"] == "1"
    assert [posted(admin, event).status for _ in range(2)] == [201, 200]


def test_read_models_that_stand_still_degrade_readiness_and_quote_no_fact_in_public(
    service: Service, admin: Client
) -> None:
    with psycopg.connect(service.url, autocommit=True) as conn:
        raise_alarm(conn, Unfoldable(1, "cluster.registered.v1", "KeyError: 'Bio'"))
    public, known = service.public().get("/readyz").json(), admin.get("/readyz").json()
    assert public["status"] == known["status"] == "degraded"
    assert public["alarm"]["position"] == 1
    assert "Bio" not in str(public)
    assert known["alarm"]["error"] == "KeyError: 'Bio'"


def test_the_service_answers_while_the_read_models_are_built_anew(registered: Client) -> None:
    registered.read("/v1/clusters")
    answered: list[int] = []

    def ask(*_: int) -> None:
        answered.append(registered.get("/v1/clusters").status)
        answered.append(posted(registered, renaming(registered.service)).status)

    rebuild(registered.service.url, ask)
    assert set(answered) <= {200, 201, 422}
    assert 200 in answered
    assert registered.read("/v1/clusters")["items"]
