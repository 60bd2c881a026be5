"""Pages are tested against the same running service as the API."""

from tests.api.conftest import module_database_url, programme, service, shared_service

__all__ = ["module_database_url", "programme", "service", "shared_service"]
