"""Visits: requests in the router's access log."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pvdify.model.names import number_of

# HAProxy's first letter says what ended the request: the server (S), its silence (s), its answer (P), or the router (I,
# R, D). C and c are visitors; K is pvdifyd.
_BY_OTHERS, _BEFORE_ANSWER, _IN_ANSWER = tuple("SsPIRD"), tuple("QCH"), tuple("DL")
SWITCHING_PROTOCOLS = 101


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One line of the access log.

    ``at`` is when the request ended; ``seconds`` its duration, ``wait`` the time until the answer began. ``client`` is
    the visitor's address, as reported by the proxies in front. ``routed_to`` is the app that the hostname belongs to,
    empty if none. ``target`` is ``APP/vSLOT:SERIAL``, empty if the router itself answered. ``ended``: HAProxy's letters
    for who ended the request and when, ``----`` for a normal end.
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
        """The requested app, even if the router answered in its place."""
        return self._parts[0] or self.routed_to or None

    @property
    def is_lost(self) -> bool:
        """Whether the instance failed: no answer, an invalid one, a timeout, or an answer that broke off."""
        return self.is_cut or (bool(self.target) and self.ended[:1] in _BY_OTHERS and self.ended[1:2] in _BEFORE_ANSWER)

    @property
    def is_cut(self) -> bool:
        """Whether the answer began and broke off, not because of the visitor. WebSockets end like this normally."""
        return self.status != SWITCHING_PROTOCOLS and self.ended[:1] in _BY_OTHERS and self.ended[1:2] in _IN_ANSWER

    @property
    def is_ended(self) -> bool:
        """Whether pvdifyd ended the request, as it does at the end of ``drain``."""
        return self.ended[:1] == "K"

    @property
    def slot(self) -> int | None:
        """The slot that answered: the number of the release that started it."""
        return int(self._parts[1]) if self._parts[1] else None

    @property
    def instance(self) -> int | None:
        """The number of the slot's web instance that answered, from 1."""
        return number_of(int(self._parts[2])) if self._parts[2] else None

    @property
    def _parts(self) -> tuple[str, str, str]:
        key, _, number = self.target.partition(":")
        app, _, slot = key.partition("/v")
        return app, slot, number


@dataclass(frozen=True, kw_only=True)
class CutVisits:
    """Answers of an app that broke off (``Visit.is_cut``), and requests to one slot that pvdifyd ended."""

    broken_off: int
    ended: int


def count_cut(visits: Iterable[Visit], app: str, slot: int) -> CutVisits:
    """Count the visits of an app that did not end normally; ``slot``: where those that pvdifyd ended count."""
    mine = [visit for visit in visits if visit.app == app and (visit.is_cut or visit.is_ended)]
    return CutVisits(
        broken_off=sum(visit.is_cut for visit in mine),
        ended=sum(visit.is_ended and visit.slot == slot for visit in mine),
    )
