"""HTTP requests over TCP, TLS or a unix socket, each on its own connection.

A command sends one to three requests. Keeping connections would save little, and the server may close a kept connection
while a request is being sent.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pvdify import __version__
from pvdify.client.target import Target

if TYPE_CHECKING:
    import http.client

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0
# The server sends a keep-alive more often than this.
SILENCE_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class HttpRequest:
    """A request as sent to the server."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class HttpAnswer:
    """A response. ``headers`` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NotSent(Exception):
    """The server could not be reached and has received nothing of the request.

    ``is_lasting``: a retry would fail, too.
    """

    def __init__(self, why: str, *, is_lasting: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.is_lasting = is_lasting


class NoAnswer(Exception):
    """The request was sent, but no complete answer arrived. The server may or may not have carried it out."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def exchange(target: Target, request: HttpRequest) -> HttpAnswer:
    """Send the request and return the complete answer. Raises NotSent or NoAnswer."""
    connection = _connect(target, ANSWER_SECONDS)
    try:
        response = _send(connection, target, request)
        return HttpAnswer(status=response.status, headers=_headers(response), body=_read(response))
    finally:
        connection.close()


def stream(target: Target, request: HttpRequest) -> tuple[HttpAnswer, Iterator[bytes]]:
    """Send the request; return the answer and an iterator of its lines, read as they arrive.

    If the status is not 200, ``body`` is complete and there are no lines. Raises NotSent or NoAnswer; NoAnswer also
    while the lines are read.
    """
    connection = _connect(target, SILENCE_SECONDS)
    try:
        response = _send(connection, target, request)
        if response.status == 200:
            answer = HttpAnswer(status=200, headers=_headers(response), body=b"")
            return answer, _lines(connection, response)
        answer = HttpAnswer(status=response.status, headers=_headers(response), body=_read(response))
    except BaseException:
        connection.close()
        raise
    connection.close()
    return answer, iter(())


def _connect(target: Target, timeout: float) -> http.client.HTTPConnection:
    if target.token is not None:
        target.check_chosen()
    connection = _connection(target)
    try:
        if target.endpoint.scheme == "unix":
            connection.sock = _unix_socket(target.endpoint.path)
        else:
            connection.connect()
    except (OSError, ValueError) as error:
        connection.close()
        raise NotSent(_explain(error), is_lasting=_is_lasting(error)) from error
    connection.sock.settimeout(timeout)
    return connection


def _connection(target: Target) -> http.client.HTTPConnection:
    from http.client import HTTPConnection, HTTPSConnection

    endpoint = target.endpoint
    if endpoint.scheme == "https":
        return HTTPSConnection(endpoint.host, endpoint.port, timeout=CONNECT_SECONDS)
    return HTTPConnection(endpoint.host, endpoint.port or None, timeout=CONNECT_SECONDS)


def _unix_socket(path: str) -> socket.socket:
    connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connected.settimeout(CONNECT_SECONDS)
        connected.connect(path)
    except BaseException:
        connected.close()
        raise
    return connected


def _send(connection: http.client.HTTPConnection, target: Target, request: HttpRequest) -> http.client.HTTPResponse:
    from http.client import HTTPException

    prefix = "" if target.endpoint.scheme == "unix" else target.endpoint.path
    headers = {"User-Agent": f"pvdify/{__version__}", "Connection": "close", **request.headers}
    if target.token is not None:
        headers["Authorization"] = f"Bearer {target.token}"
    try:
        connection.request(request.method, prefix + request.path, request.body, headers)
        return connection.getresponse()
    except (OSError, HTTPException) as error:
        raise NoAnswer(_explain(error)) from error


def _read(response: http.client.HTTPResponse) -> bytes:
    from http.client import HTTPException

    try:
        return response.read()
    except (OSError, HTTPException) as error:
        raise NoAnswer(_explain(error)) from error
    finally:
        response.close()


def _lines(connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> Iterator[bytes]:
    from http.client import HTTPException

    try:
        while line := response.readline():
            yield line
    except (OSError, HTTPException) as error:
        raise NoAnswer(_explain(error)) from error
    finally:
        response.close()
        connection.close()


def _headers(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}


def _explain(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return str(error) or type(error).__name__


def _is_lasting(error: Exception) -> bool:
    import ssl

    lasting = (socket.gaierror, ssl.SSLCertVerificationError, PermissionError, ValueError)
    return isinstance(error, lasting)
