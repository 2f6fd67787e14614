"""Responses that a server may send, read from a real pair of sockets."""

import http.client
import io
import socket

import pytest

from pvdify.client.http1 import MOST_HEADERS, Answer, BadAnswer, send

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = b"Transfer-Encoding: Chunked\r\n\r\n"


def answer(content: bytes) -> Answer:
    return Answer(io.BufferedReader(io.BytesIO(content)))


def asked(path: str = "/", headers: dict[str, str] | None = None, body: bytes | None = None, method: str = "GET"):
    here, there = socket.socketpair()
    with here, there:
        there.sendall(HEAD + b"Content-Length: 2\r\n\r\nok")
        found = send(here, method, path, {"Host": "x", **(headers or {})}, body)
        assert (found.status, found.body()) == (200, b"ok")
        found.close()
        here.shutdown(socket.SHUT_WR)
        return there.makefile("rb").read()


def test_a_request_has_a_content_length() -> None:
    assert asked() == b"GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: identity\r\n\r\n"
    assert b"\r\nContent-Length: 0\r\n\r\n" in asked(method="POST")
    assert asked(method="POST", body=b"abc").endswith(b"\r\nContent-Length: 3\r\n\r\nabc")


@pytest.mark.parametrize(("path", "headers"), [("/ HTTP/1.1\r\nX: y", {}), ("/a b", {}), ("/", {"A": "x\r\nB: y"})])
def test_header_injection_is_refused(path: str, headers: dict[str, str]) -> None:
    here, there = socket.socketpair()
    with here, there:
        with pytest.raises(ValueError, match="control character"):
            send(here, "GET", path, headers, None)

        here.close()
        assert there.recv(1) == b""


@pytest.mark.parametrize(
    ("content", "body"),
    [
        (HEAD + b"Content-Length: 5\r\n\r\nhello and more", b"hello"),
        (HEAD + b"content-length:0\r\n\r\n", b""),
        (HEAD + b"\r\nuntil the end", b"until the end"),
        (HEAD + CHUNKED + b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: z\r\n\r\n", b"abc0123456789"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 1\r\n\r\nx", b"x"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.0 200\r\n\r\nold", b"old"),
    ],
)  # fmt: skip
def test_each_way_to_send_a_body_is_read_as_the_standard_library_reads_it(content: bytes, body: bytes) -> None:
    class Socket:
        def makefile(self, _mode: str) -> io.BytesIO:
            return io.BytesIO(content)

    theirs = http.client.HTTPResponse(Socket())  # type: ignore[arg-type]
    theirs.begin()
    ours = answer(content)

    assert ours.body() == body == theirs.read()
    assert ours.status == theirs.status


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        HEAD + b"X: " + b"y" * 70_000 + b"\r\n\r\n",
        HEAD + b"".join(b"X%d: y\r\n" % number for number in range(MOST_HEADERS + 1)) + b"\r\n",
        HEAD + b"Content-Length: 5\r\n\r\nhell",
        HEAD + b"Content-Length: many\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhell",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nx\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n",
    ],
)
def test_an_incomplete_answer_is_refused(content: bytes) -> None:
    with pytest.raises(BadAnswer):
        answer(content).body()


def test_lines_are_yielded_when_they_have_arrived() -> None:
    here, there = socket.socketpair()
    with here, there:
        there.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n6\r\none\ntw\r\n")
        found = Answer(here.makefile("rb"))
        lines = found.lines()

        assert next(lines) == b"one\n"
        there.sendall(b"2\r\no\n\r\n5\r\nthree\r\n0\r\n\r\n")
        assert list(lines) == [b"two\n", b"three"]
        found.close()
