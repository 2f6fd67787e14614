"""Passes on methods of a port that have no output of an app's programs.

A redacted port defines each method that it redacts, and lists all others as ``unchanged``. It derives from the
protocol of the port, so a forgotten method is a type error (mypy: "Cannot instantiate abstract class").
"""

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def unchanged(method: Callable[Concatenate[Any, P], R]) -> Callable[Concatenate[Any, P], R]:
    """Return a method that calls the method of the same name of ``self._port``."""
    name = method.__name__

    def call(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        answer: R = getattr(self._port, name)(*args, **kwargs)
        return answer

    return call
