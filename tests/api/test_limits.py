"""Rate limits: a budget for each key, another for each address without one."""

from __future__ import annotations

import time

from api.settings import Settings
from tests.api.running import Answer, Client, Service

PER_S = 5


def asked(client: Client, times: int) -> list[Answer]:
    return [client.get("/v1/clusters") for _ in range(times)]


def test_a_key_that_asks_too_much_is_told_when_to_come_again_and_hinders_nobody(
    database_url: str,
) -> None:
    settings = Settings(rate_limit=PER_S, public_rate_limit=PER_S)
    with Service(database_url, settings) as service:
        hasty, other = service.client("trail:read"), service.client("trail:read")
        answers = asked(hasty, 6 * PER_S)
        assert {answer.status for answer in answers} == {200, 429}
        refused = answers[-1]
        assert (refused.code, refused.headers["Retry-After"]) == ("rate_limited", "1")
        assert {answer.status for answer in asked(other, 2 * PER_S)} == {200}
        assert service.public().get("/livez").status == 200
        time.sleep(int(refused.headers["Retry-After"]))
        assert hasty.get("/v1/clusters").status == 200
