"""Diagnosis of why a release cannot be reached at its public address."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum


class Obstacle(Enum):
    """Why a request to the public address got no answer."""

    NO_NAME = "no-name"
    NO_CONNECTION = "no-connection"
    NO_TLS = "no-tls"
    TIMEOUT = "timeout"


@dataclass(frozen=True, kw_only=True)
class PublicAnswer:
    """The answer from the public address, or the obstacle. ``text``: the error message for the obstacle."""

    obstacle: Obstacle | None = None
    text: str = ""
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Why a release cannot be reached from outside, and the next step."""

    what: str
    next: str


def cause_of(
    hostname: str, answer: PublicAnswer, expected: bytes, explain: Callable[[str, PublicAnswer], Cause | None]
) -> Cause | None:
    """Return None if the router answered with the live release, else the cause of the failure.

    ``explain``: the edge's explanation of answers that it knows; see ``ports.edge.Edge``.
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
            next="a new DNS record takes a while to spread; `pvdify server edge` shows whether it was made",
        )
    if answer.obstacle is Obstacle.NO_TLS:
        return Cause(
            what=f"TLS: no valid certificate for {hostname} was presented ({answer.text})",
            next="check which certificate the proxy in front of the router presents",
        )
    how = "did not answer in time" if answer.obstacle is Obstacle.TIMEOUT else f"takes no connection ({answer.text})"
    return Cause(
        what=f"the proxy or router at {hostname} {how}",
        next="check that it runs, and that this machine reaches the internet",
    )


def _with_another_answer(hostname: str, answer: PublicAnswer) -> Cause:
    if answer.status == 200:
        return Cause(
            what=f"{hostname} is not answered by this server's live release",
            next="check its DNS record, and the proxy in front of the router",
        )
    return Cause(
        what=f"{hostname} is answered with {answer.status}, and not by this server's router",
        next="check its DNS record, and the proxy in front of the router; `pvdify server edge` shows the edge",
    )
