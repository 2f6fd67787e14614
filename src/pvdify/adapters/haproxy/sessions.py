"""Parsing of ``show sess all``: the requests in progress to given targets. No I/O."""

import re
from collections.abc import Collection, Iterator

from pvdify.model.endpoint import Endpoint

_FIRST_LINE = re.compile(r"(?P<id>0x[0-9a-f]+): \[")
_TRANSACTION = re.compile(r"\btxn=0x[0-9a-f]+ .*\bstatus=(?P<status>-?\d+)")
SWITCHED = 101
_SERVER = re.compile(r"\s+server=\S+ \(id=\d+\) addr=(?P<host>\S+):(?P<port>\d+)$")


def to_targets(answer: str, targets: Collection[Endpoint]) -> tuple[str, ...]:
    """Return the ids of the sessions with a connection to one of these endpoints.

    A request that was sent again has two sessions; only the session that is connected to the instance is returned.
    """
    return tuple(session for session, at, _ in _sessions(answer) if at in targets)


def upgraded(answer: str, targets: Collection[Endpoint]) -> tuple[str, ...]:
    """Return the ids of the sessions to these endpoints that were switched to another protocol, such as WebSocket."""
    return tuple(session for session, at, status in _sessions(answer) if at in targets and status == SWITCHED)


def _sessions(answer: str) -> Iterator[tuple[str, Endpoint, int]]:
    """Yield id, endpoint and status of the answer (0: none yet) of each session that is connected to an app."""
    session, status = "", 0
    for line in answer.splitlines():
        if first := _FIRST_LINE.match(line):
            session, status = first["id"], 0
        elif transaction := _TRANSACTION.search(line):
            status = int(transaction["status"])
        if session and (server := _SERVER.match(line)):
            yield session, Endpoint(server["host"].strip("[]"), int(server["port"])), status
            session = ""
