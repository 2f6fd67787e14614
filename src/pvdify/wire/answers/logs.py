"""What one gets back of what instances wrote, the router saw, and people did."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A request as the router saw it end. ``app`` is null when the router answered itself.

    ``release``: the one that started the instance; ``wait``: seconds until the answer began, ``seconds``: in all.
    ``ended``: HAProxy's letters for who ended it and when.
    """

    at: datetime
    request_id: str
    client: str
    protocol: str
    method: str
    host: str
    path: str
    status: int
    seconds: float
    wait: float
    bytes_in: int
    bytes_out: int
    app: str | None
    release: int | None
    instance: int | None
    retries: int
    ended: str
    agent: str


@dataclass(frozen=True, kw_only=True)
class Event:
    """Who did what, when."""

    id: int
    at: datetime
    actor: str
    action: str
    app: str | None
    release: int | None
    text: str
    address: str = ""


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """A line that an instance wrote; ``stream`` is ``stdout`` or ``stderr``, or ``pvdify`` for a line about it."""

    at: datetime
    process: str
    number: int
    release: int
    stream: str
    text: str
