"""HTTP requests over TCP, TLS or a unix socket, each on its own connection.

A command sends one to three requests. Keeping connections would save little, and the server may close a kept connection
while a request is being sent.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pvdify import __version__
from pvdify.client.http1 import Answer, BadAnswer, send
from pvdify.client.target import Target

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
    with _connect(target, ANSWER_SECONDS) as connection:
        answer = _send(connection, target, request)
        return HttpAnswer(status=answer.status, headers=answer.headers, body=_read(answer))


def stream(target: Target, request: HttpRequest) -> tuple[HttpAnswer, Iterator[bytes]]:
    """Send the request; return the answer and an iterator of its lines, read as they arrive.

    If the status is not 200, ``body`` is complete and there are no lines. Raises NotSent or NoAnswer; NoAnswer also
    while the lines are read.
    """
    connection = _connect(target, SILENCE_SECONDS)
    try:
        answer = _send(connection, target, request)
        if answer.status == 200:
            return HttpAnswer(status=200, headers=answer.headers, body=b""), _lines(connection, answer)
        whole = HttpAnswer(status=answer.status, headers=answer.headers, body=_read(answer))
    except BaseException:
        connection.close()
        raise
    connection.close()
    return whole, iter(())


def _connect(target: Target, timeout: float) -> socket.socket:
    if target.token is not None:
        target.check_chosen()
    try:
        connection = _unix_socket(target.endpoint.path) if target.endpoint.scheme == "unix" else _network_socket(target)
    except (OSError, ValueError) as error:
        raise NotSent(_explain(error), is_lasting=_is_lasting(error)) from error
    connection.settimeout(timeout)
    return connection


def _network_socket(target: Target) -> socket.socket:
    endpoint = target.endpoint
    # As bytes, the name needs no codec of its own: encodings.idna takes longer to import than this to connect.
    name: Any = endpoint.host.encode() if endpoint.host.isascii() else endpoint.host
    connected = socket.create_connection((name, endpoint.port), timeout=CONNECT_SECONDS)
    try:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if endpoint.scheme == "http":
            return connected
        import ssl

        context = ssl.create_default_context()
        context.set_alpn_protocols(["http/1.1"])
        return context.wrap_socket(connected, server_hostname=endpoint.host)
    except BaseException:
        connected.close()
        raise


def _unix_socket(path: str) -> socket.socket:
    connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connected.settimeout(CONNECT_SECONDS)
        connected.connect(path)
    except BaseException:
        connected.close()
        raise
    return connected


def _send(connection: socket.socket, target: Target, request: HttpRequest) -> Answer:
    endpoint = target.endpoint
    is_unix = endpoint.scheme == "unix"
    prefix, host = ("", "localhost") if is_unix else (endpoint.path, _in_ascii(endpoint.authority))
    headers = {"Host": host, "User-Agent": f"pvdify/{__version__}", "Connection": "close", **request.headers}
    if target.token is not None:
        headers["Authorization"] = f"Bearer {target.token}"
    try:
        return send(connection, request.method, prefix + request.path, headers, request.body)
    except (OSError, BadAnswer) as error:
        raise NoAnswer(_explain(error)) from error


def _in_ascii(authority: str) -> str:
    return authority if authority.isascii() else authority.encode("idna").decode("ascii")


def _read(answer: Answer) -> bytes:
    try:
        return answer.body()
    except (OSError, BadAnswer) as error:
        raise NoAnswer(_explain(error)) from error
    finally:
        answer.close()


def _lines(connection: socket.socket, answer: Answer) -> Iterator[bytes]:
    try:
        yield from answer.lines()
    except (OSError, BadAnswer) as error:
        raise NoAnswer(_explain(error)) from error
    finally:
        answer.close()
        connection.close()


def _explain(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return str(error) or type(error).__name__


def _is_lasting(error: Exception) -> bool:
    # ssl.SSLCertVerificationError is a ValueError, too.
    return isinstance(error, socket.gaierror | PermissionError | ValueError)
