"""Pages are tested against the same running service as the API."""

from tests.api.conftest import shared_service

__all__ = ["shared_service"]
