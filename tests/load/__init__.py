"""A strict load client: no retries, every failure counted with its reason. And a small backend to point it at.

Used by tests, the demonstration and the bench. Apart from ``real_router``, nothing here imports pvdify: the load cannot
share its mistakes.
"""

from tests.load.load import Load
from tests.load.report import Failure, Reason, Report
from tests.load.shapes import DEFAULT_MIX, GET, POST, PUT, SLOW, STREAM, Shape

__all__ = ["DEFAULT_MIX", "GET", "POST", "PUT", "SLOW", "STREAM", "Failure", "Load", "Reason", "Report", "Shape"]
