"""Methods of a port that carry no text of an app's programs, and are passed on as they are.

A redacted port names each of its methods: those that it scrubs it defines, the others it takes from here. It derives
from the protocol of the port, so that a method which is neither keeps it from being made (mypy: "Cannot instantiate
abstract class").
"""

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def unchanged(method: Callable[Concatenate[Any, P], R]) -> Callable[Concatenate[Any, P], R]:
    """Return a method that calls the one of this name of the port behind, ``_port``."""
    name = method.__name__

    def call(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        answer: R = getattr(self._port, name)(*args, **kwargs)
        return answer

    return call
