"""Pages are tested against the same running service as the API."""

from tests.api.conftest import programme, shared_service

__all__ = ["programme", "shared_service"]
