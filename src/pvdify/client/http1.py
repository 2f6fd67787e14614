"""HTTP/1.1 over a connected socket: one request, and its answer whole or as lines.

The standard library's client reads headers with the ``email`` package and imports ``ssl``, which takes longer than a
request to a server on the same machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    import socket

LONGEST_LINE = 65536
MOST_HEADERS = 100
PIECE = 65536
_UNSAFE = frozenset("\r\n\0")


class BadAnswer(Exception):
    """What arrived is not a complete HTTP answer; the message says why."""


class Answer:
    """The head of an answer, and its body, which is read as it arrives. ``headers`` have lower-case names."""

    def __init__(self, stream: BinaryIO) -> None:
        """Read the head; interim answers (1xx) are skipped. Raises BadAnswer and OSError."""
        self._stream = stream
        self.status = 100
        while 100 <= self.status < 200:
            self.status, self.headers = _status(_line(stream)), _headers(stream)

    def body(self) -> bytes:
        """Return the whole body. Raises BadAnswer if it ends early, and OSError."""
        return b"".join(self._pieces())

    def lines(self) -> Iterator[bytes]:
        """Yield each line of the body when it has arrived, with its end. Raises as ``body``."""
        rest = b""
        for piece in self._pieces():
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                yield line + b"\n"
        if rest:
            yield rest

    def close(self) -> None:
        """Close the stream; the socket stays open."""
        self._stream.close()

    def _pieces(self) -> Iterator[bytes]:
        if self.status in (204, 304):
            return iter(())
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            return _chunks(self._stream)
        announced = self.headers.get("content-length")
        if announced is None:
            return iter(lambda: _some(self._stream, PIECE), b"")
        if not (announced.isascii() and announced.isdigit()):
            raise BadAnswer("the answer's length is no number")
        return _exactly(self._stream, int(announced))


def send(connected: socket.socket, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
    """Send one request and return its answer. Raises ValueError before sending, OSError and BadAnswer after."""
    length = {} if body is None and method in ("GET", "HEAD") else {"Content-Length": str(len(body or b""))}
    fields = {**headers, "Accept-Encoding": "identity", **length}
    words = (method, path, *fields.keys(), *fields.values())
    if any(_UNSAFE & set(word) for word in words) or " " in path:
        raise ValueError("a line break or another control character in the request")
    head = "".join((f"{method} {path} HTTP/1.1\r\n", *(f"{key}: {value}\r\n" for key, value in fields.items()), "\r\n"))
    connected.sendall(head.encode("latin-1") + (body or b""))
    stream = connected.makefile("rb")
    try:
        return Answer(stream)
    except BaseException:
        stream.close()
        raise


def _line(stream: BinaryIO) -> bytes:
    line = stream.readline(LONGEST_LINE + 1)
    if len(line) > LONGEST_LINE:
        raise BadAnswer("a line of the answer's head is too long")
    if not line:
        raise BadAnswer("the connection was closed without an answer")
    return line.rstrip(b"\r\n")


def _status(line: bytes) -> int:
    words = line.split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not (len(words[1]) == 3 and words[1].isdigit()):
        raise BadAnswer("the answer is not HTTP")
    return int(words[1])


def _headers(stream: BinaryIO) -> dict[str, str]:
    headers: dict[str, str] = {}
    while line := _line(stream):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
        if len(headers) > MOST_HEADERS:
            raise BadAnswer(f"the answer has more than {MOST_HEADERS} headers")
    return headers


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while True:
        size = _line(stream).partition(b";")[0].strip()
        try:
            length = int(size, 16)
        except ValueError:
            raise BadAnswer("the length of a part of the answer is no number") from None
        if length <= 0:
            break
        yield from _exactly(stream, length)
        _line(stream)
    _headers(stream)


def _exactly(stream: BinaryIO, length: int) -> Iterator[bytes]:
    while length:
        piece = _some(stream, min(length, PIECE))
        if not piece:
            raise BadAnswer("the answer ended early")
        length -= len(piece)
        yield piece


def _some(stream: BinaryIO, most: int) -> bytes:
    """Return what has arrived, at most this many bytes; wait if nothing has."""
    piece: bytes = stream.read1(most)  # type: ignore[attr-defined]
    return piece
