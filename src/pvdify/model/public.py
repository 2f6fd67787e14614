"""Why a release is not seen at its public address, judged by the answer there."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum


class Obstacle(Enum):
    """Why there was no answer at all."""

    NO_NAME = "no-name"
    NO_CONNECTION = "no-connection"
    NO_TLS = "no-tls"
    TIMEOUT = "timeout"


@dataclass(frozen=True, kw_only=True)
class PublicAnswer:
    """What came back, or the obstacle; ``text`` is the obstacle in the words of who met it."""

    obstacle: Obstacle | None = None
    text: str = ""
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Why a release cannot be seen from outside, and what to do."""

    what: str
    next: str


def cause_of(
    hostname: str, answer: PublicAnswer, expected: bytes, explain: Callable[[str, PublicAnswer], Cause | None]
) -> Cause | None:
    """Return None if the router itself answered, with the release that is live; else what stood in the way.

    ``explain``: the words of the edge for an answer that it knows, see ``ports.edge.Edge``.
    """
    if answer.obstacle is None and answer.status == 200 and answer.content.strip() == expected:
        return None
    if (known := explain(hostname, answer)) is not None:
        return known
    return _with_another_answer(hostname, answer) if answer.obstacle is None else _without_answer(hostname, answer)


def _without_answer(hostname: str, answer: PublicAnswer) -> Cause:
    if answer.obstacle is Obstacle.NO_NAME:
        return Cause(
            what=f"DNS: {hostname} is not known ({answer.text})",
            next="a new name takes a while to be known; `pvdify server edge` shows whether its record was made",
        )
    if answer.obstacle is Obstacle.NO_TLS:
        return Cause(
            what=f"TLS: the certificate is not for {hostname} ({answer.text})",
            next="see which certificate is presented by what stands in front of the router",
        )
    how = "did not answer in time" if answer.obstacle is Obstacle.TIMEOUT else f"takes no connection ({answer.text})"
    return Cause(
        what=f"what stands in front of {hostname} {how}",
        next="see whether it runs, and whether this machine reaches the internet",
    )


def _with_another_answer(hostname: str, answer: PublicAnswer) -> Cause:
    if answer.status == 200:
        return Cause(
            what=f"{hostname} is not answered by this server's live release",
            next="see where its DNS leads, and what stands in front of the router",
        )
    return Cause(
        what=f"{hostname} is answered with {answer.status}, and not by this server's router",
        next="see where its DNS leads, and what stands in front of the router; `pvdify server edge` shows the edge",
    )
