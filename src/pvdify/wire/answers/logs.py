"""Response types about log lines of instances, requests at the router, and events."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A request as the router logged it at its end. ``app``: null if the router itself answered.

    ``release``: the release that started the instance. ``wait``: seconds until the answer began; ``seconds``: in all.
    ``ended``: HAProxy's termination state.
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
    """An event: an action, with its actor and time."""

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
    """A line that an instance wrote.

    ``stream``: ``stdout``, ``stderr``, or ``pvdify`` for a line that pvdify adds about the instance.
    """

    at: datetime
    process: str
    number: int
    release: int
    stream: str
    text: str
