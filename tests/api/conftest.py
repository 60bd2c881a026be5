"""A service that runs: fresh for one test, or shared by the tests of a module that only read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.programme import Programme
from tests.api.running import Client, Service
from tests.conftest import FreshDatabase


@pytest.fixture
def service(database_url: str) -> Iterator[Service]:
    """A service of the test's own on an empty ledger, its runner following."""
    with Service(database_url) as running:
        yield running


@pytest.fixture
def admin(service: Service) -> Client:
    """May do everything."""
    return service.client("admin")


@pytest.fixture
def auditor(service: Service) -> Client:
    """May read the trail of every cluster; writes nothing."""
    return service.client("trail:read", "figures:read")


@pytest.fixture
def biotech_app(service: Service) -> Client:
    """A cluster app: records for the cluster `biotech`, and reads what concerns it."""
    return service.client("trail:read", "organisations:write", clusters=["biotech"])


@pytest.fixture(scope="module")
def shared_service(fresh_database: FreshDatabase) -> Iterator[Service]:
    """One service for all tests of a module: they may add facts, and rely on no count of them."""
    with fresh_database() as url, Service(url) as running:
        yield running


@pytest.fixture(scope="module")
def programme(shared_service: Service) -> Programme:
    """A small programme, recorded once a module; its tests only read."""
    return Programme(shared_service)
