"""Visits: requests as the router saw them end."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One line of the access log.

    ``at`` is when the request ended; ``seconds`` how long it took in all, ``wait`` until the answer began. ``client``
    is the visitor's address, as what stands in front said it. ``target`` is ``APP/vSLOT:NUMBER``, empty when the router
    answered itself. ``ended``: HAProxy's letters for who ended it and when, ``----`` for a usual end.
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
    target: str
    retries: int
    ended: str
    agent: str

    @property
    def app(self) -> str | None:
        """Which app it went to."""
        return self._parts[0] or None

    @property
    def slot(self) -> int | None:
        """Which slot answered: the number of the release that started it."""
        return int(self._parts[1]) if self._parts[1] else None

    @property
    def instance(self) -> int | None:
        """Which of the slot's web instances answered, from 1."""
        return int(self._parts[2]) if self._parts[2] else None

    @property
    def _parts(self) -> tuple[str, str, str]:
        key, _, number = self.target.partition(":")
        app, _, slot = key.partition("/v")
        return app, slot, number
