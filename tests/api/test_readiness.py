"""Whether requests should be sent here."""

from __future__ import annotations

import psycopg

from projections import schema
from tests.api.running import Service


def readiness(service: Service) -> tuple[str, bool]:
    answer = service.public().get("/readyz")
    assert answer.status == 200
    told = answer.json()
    return told["status"], told["read_models"]["outdated"]


def test_read_models_of_other_code_degrade_readiness_at_once(database_url: str) -> None:
    schema.ensure(database_url)
    with Service(database_url, runner=False) as service:
        assert readiness(service) == ("ready", False)
        with psycopg.connect(database_url, autocommit=True) as conn:
            conn.execute("UPDATE models.meta SET fingerprint = 'newer'")
        assert readiness(service) == ("degraded", True)


def test_a_ledger_without_read_models_yet_is_ready(database_url: str) -> None:
    with Service(database_url, runner=False) as service:
        assert readiness(service) == ("ready", False)
