"""Requests in progress, as ``show sess all`` lists them: which of them go to given targets. Pure."""

import re
from collections.abc import Collection, Iterator

from pvdify.model.endpoint import Endpoint

_FIRST_LINE = re.compile(r"(?P<id>0x[0-9a-f]+): \[")
_TRANSACTION = re.compile(r"\btxn=0x[0-9a-f]+ .*\bstatus=(?P<status>-?\d+)")
SWITCHED = 101
_SERVER = re.compile(r"\s+server=\S+ \(id=\d+\) addr=(?P<host>\S+):(?P<port>\d+)$")


def to_targets(answer: str, targets: Collection[Endpoint]) -> tuple[str, ...]:
    """Return the ids of the sessions whose connection to an app leads to one of these endpoints.

    A request that came to an instance by a second try is found once: by the session that has the connection to it.
    """
    return tuple(session for session, at, _ in _sessions(answer) if at in targets)


def upgraded(answer: str, targets: Collection[Endpoint]) -> tuple[str, ...]:
    """Return the ids of those sessions that the app has switched to another protocol, such as WebSocket."""
    return tuple(session for session, at, status in _sessions(answer) if at in targets and status == SWITCHED)


def _sessions(answer: str) -> Iterator[tuple[str, Endpoint, int]]:
    """Each session with a connection to an app: its id, the endpoint, and the status of the answer (0: none)."""
    session, status = "", 0
    for line in answer.splitlines():
        if first := _FIRST_LINE.match(line):
            session, status = first["id"], 0
        elif transaction := _TRANSACTION.search(line):
            status = int(transaction["status"])
        if session and (server := _SERVER.match(line)):
            yield session, Endpoint(server["host"].strip("[]"), int(server["port"])), status
            session = ""
