"""The kinds of requests of the load, and how a right answer to each is recognised."""

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.load.connection import Answer

Check = Callable[[bytes, Answer], bool]


def _is_echo(body: bytes, answer: Answer) -> bool:
    return answer.body == body


def _is_something(body: bytes, answer: Answer) -> bool:
    return bool(answer.body)


def _is_stream(body: bytes, answer: Answer) -> bool:
    return answer.body == b"".join(b"line %d\n" % number for number in range(STREAM_LINES))


STREAM_LINES = 10


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One kind of request.

    ``weight`` is its share of the mix; ``is_right`` sees the body sent and the (complete, 2xx) answer.
    """

    name: str
    method: str = "GET"
    path: str = "/"
    body_size: int = 0
    weight: int = 1
    is_right: Check = _is_something

    def body(self) -> bytes:
        """A body that no other request has."""
        if not self.body_size:
            return b""
        seed = hashlib.sha256(random.randbytes(16)).hexdigest().encode()
        return (seed * (self.body_size // len(seed) + 1))[: self.body_size]


# `tests.load.backend` serves these paths; an app under test has to do the same.
GET = Shape(name="get", weight=45)
POST = Shape(name="post", method="POST", path="/echo", body_size=256, weight=45, is_right=_is_echo)
PUT = Shape(name="put", method="PUT", path="/echo", body_size=1000, weight=20, is_right=_is_echo)
BIG_POST = Shape(name="big-post", method="POST", path="/echo", body_size=100_000, weight=2, is_right=_is_echo)
SLOW = Shape(name="slow", path="/slow?ms=200", weight=4)
STREAM = Shape(name="stream", path=f"/stream?lines={STREAM_LINES}&ms=10", weight=4, is_right=_is_stream)
DEFAULT_MIX = (GET, POST, BIG_POST, SLOW, STREAM)
