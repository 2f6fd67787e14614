"""Code shared by the API and the dashboard, tested through the API."""

from tests.unit.api.conftest import api

__all__ = ["api"]
