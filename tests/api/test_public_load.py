"""What the public asks for keeps nobody with a key waiting, and fills no memory."""

from __future__ import annotations

from threading import Event, Semaphore
from typing import Any

import pytest

from api import kept_figures
from api.kept_figures import PUBLIC_AT_ONCE
from api.state import READERS, STATE
from tests.api.programme import Programme
from tests.api.running import WAIT_S

FIGURE = "/v1/figures/organisations_involved"


class Held:
    """Readings that wait until they are let go; `begun` counts them."""

    def __init__(self) -> None:
        self.started = 0
        self.begun = Semaphore(0)
        self.go = Event()

    def wait(self, *_: Any) -> int:
        self.started += 1
        self.begun.release()
        assert self.go.wait(WAIT_S)
        return 0


def test_a_key_is_looked_up_beside_slow_readings(programme: Programme) -> None:
    service, held = programme.service, Held()
    state = service.app_runner.app[STATE]
    slow = [service.service_loop.start(state.read(held.wait)) for _ in range(READERS * 2)]
    try:
        assert service.client("admin").get("/v1/figures").status == 200
        assert not any(reading.done() for reading in slow), "the control: they still wait"
    finally:
        held.go.set()
        for reading in slow:
            reading.result(WAIT_S)


def test_the_public_leaves_readers_free(
    programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, held = programme.service, Held()
    computed = kept_figures._computed

    def slowly(*given: Any) -> Any:
        held.wait()
        return computed(*given)

    monkeypatch.setattr(kept_figures, "_computed", slowly)
    public = service.public()
    assert PUBLIC_AT_ONCE < READERS
    years = range(2015, 2015 + READERS + 2)
    asked = [
        service.client_loop.start(
            service.ask("GET", FIGURE, params={"from": f"{year}-01-01", "to": f"{year}-12-31"})
        )
        for year in years
    ]
    try:
        assert all(held.begun.acquire(timeout=WAIT_S) for _ in range(PUBLIC_AT_ONCE))
        assert programme.list("clusters"), "somebody with a key reads on"
        assert held.started == PUBLIC_AT_ONCE
    finally:
        held.go.set()
        assert {answer.result(WAIT_S).status for answer in asked} == {200}
    assert public.get(FIGURE).status == 200
