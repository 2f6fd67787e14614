"""Visits: requests as the router saw them end."""

from dataclasses import dataclass
from datetime import datetime

from pvdify.model.names import number_of

# HAProxy's first letter: the server (S), its silence (s), what it sent (P), or the router (I, R, D) ended the request.
# C and c are visitors; K is pvdifyd, which counts what it ends.
_BY_OTHERS, _BEFORE_ANSWER, _IN_ANSWER = tuple("SsPIRD"), tuple("QCH"), tuple("DL")
SWITCHING_PROTOCOLS = 101


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One line of the access log.

    ``at`` is when the request ended; ``seconds`` how long it took in all, ``wait`` until the answer began. ``client``
    is the visitor's address, as what stands in front said it. ``routed_to`` is the app that the hostname belongs to,
    empty when it belongs to none. ``target`` is ``APP/vSLOT:SERIAL``, empty when the router answered itself.
    ``ended``: HAProxy's letters for who ended it and when, ``----`` for a usual end.
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
    routed_to: str = ""

    @property
    def app(self) -> str | None:
        """The app that was asked, also where the router answered in its place."""
        return self._parts[0] or self.routed_to or None

    @property
    def is_lost(self) -> bool:
        """Whether its instance failed the visitor: no answer, no valid one, not in time, or one that broke off."""
        return self.is_cut or (bool(self.target) and self.ended[:1] in _BY_OTHERS and self.ended[1:2] in _BEFORE_ANSWER)

    @property
    def is_cut(self) -> bool:
        """Whether its answer had begun and broke off, although the visitor was there. WebSockets end so by design."""
        return self.status != SWITCHING_PROTOCOLS and self.ended[:1] in _BY_OTHERS and self.ended[1:2] in _IN_ANSWER

    @property
    def slot(self) -> int | None:
        """Which slot answered: the number of the release that started it."""
        return int(self._parts[1]) if self._parts[1] else None

    @property
    def instance(self) -> int | None:
        """Which of the slot's web instances answered, from 1."""
        return number_of(int(self._parts[2])) if self._parts[2] else None

    @property
    def _parts(self) -> tuple[str, str, str]:
        key, _, number = self.target.partition(":")
        app, _, slot = key.partition("/v")
        return app, slot, number
