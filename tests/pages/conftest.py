"""Pages are tested against the same running service as the API."""

from tests.api.conftest import programme, service, shared_service

__all__ = ["programme", "service", "shared_service"]
