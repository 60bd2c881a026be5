"""A service that runs: fresh for one test, or shared by the tests of a module that only read."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from tests.api.programme import Programme
from tests.api.running import Client, Service
from tests.conftest import _drop, _with_database


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
def module_database_url(
    server: psycopg.Connection, server_url: str, template: str
) -> Iterator[str]:
    """A migrated database for all tests of a module."""
    name = f"test_{uuid4().hex[:12]}"
    made = sql.SQL("CREATE DATABASE {0} TEMPLATE {1}")
    server.execute(made.format(sql.Identifier(name), sql.Identifier(template)))
    granted = sql.SQL("GRANT CREATE ON DATABASE {} TO clusterledger_projector")
    server.execute(granted.format(sql.Identifier(name)))
    try:
        yield _with_database(server_url, name)
    finally:
        _drop(server, name)


@pytest.fixture(scope="module")
def shared_service(module_database_url: str) -> Iterator[Service]:
    """One service for all tests of a module: they may add facts, and rely on no count of them."""
    with Service(module_database_url) as running:
        yield running


@pytest.fixture(scope="module")
def programme(shared_service: Service) -> Programme:
    """A small programme, recorded once a module; its tests only read."""
    return Programme(shared_service)
