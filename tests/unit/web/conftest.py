"""What the API and the dashboard share is tried through the API."""

from tests.unit.api.conftest import api

__all__ = ["api"]
