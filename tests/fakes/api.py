"""A server of the REST API in memory, over real HTTP on loopback or a unix socket; scriptable where things go wrong."""

import json
import re
import socketserver
import ssl
import sys
import threading
from collections import deque
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.api_parts.request import Asked, Refused
from tests.fakes.api_routes import ROUTES
from tests.fakes.api_state import ApiState

TOKEN = "pvd_admin"
NOT_SIGNED_IN = {"code": "not-signed-in", "detail": "a token is needed", "why": "none was sent", "next": "pvdify login"}


@dataclass
class Fault:
    """What goes wrong with the next request, once: ``lose`` the connection before or after the work, or ``answer``."""

    lose: str = ""
    status: int = 0
    content: bytes = b""
    content_type: str = "text/html"
    headers: dict[str, str] = field(default_factory=dict)


class FakeApi(ApiState):
    """The server, its state, and the requests that came. Use as a context manager."""

    def __init__(self, socket_path: Path | None = None, *, tls: ssl.SSLContext | None = None) -> None:
        super().__init__()
        self.faults: deque[Fault] = deque()
        self.asked: list[Asked] = []
        self.needs_token = socket_path is None
        self.version: str | None = None  # said in a header of every answer
        self._server = _TcpServer(self) if socket_path is None else _UnixServer(self, socket_path)
        if tls is not None:
            # Each connection shakes hands in its own thread, so that one that fails does not stop the server.
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        scheme = "http" if tls is None else "https"
        self.url = f"unix://{socket_path}" if socket_path else f"{scheme}://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "FakeApi":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.script.hold is not None:
            self.script.hold.set()
        self._server.shutdown()
        self._server.server_close()


def _content(headers: Message, body: bytes) -> Any:
    if not body or headers.get("Content-Type") == "application/octet-stream":
        return body or None
    return json.loads(body)


class _Handler(BaseHTTPRequestHandler):
    server: "_TcpServer | _UnixServer"

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_PATCH(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def _serve(self) -> None:
        api = self.server.api
        asked = self._read()
        api.asked.append(asked)
        fault = api.faults.popleft() if api.faults else Fault()
        if fault.lose == "before":
            return
        if fault.status:
            self._answer(fault.status, fault.content, fault.content_type, fault.headers)
            return
        try:
            status, content, path, captured = self._work(api, asked)
        except Refused as refused:
            self._json(refused.status, refused.problem, "application/problem+json")
            return
        if fault.lose == "after":
            return
        if re.fullmatch(r"/apps/[^/]+/run/[^/]+", path) and asked.method == "GET":
            self._stream_all(content)
        elif "follow" in asked.query:
            self._stream(api, asked, captured)
        elif isinstance(content, str):
            self._answer(200, content.encode(), "text/plain; charset=utf-8", {})
        else:
            headers = api.config_headers(captured[0]) if path.endswith("/config") else {}
            self._json(status, content, "application/json", headers)

    def _read(self) -> Asked:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Asked(self.command, url.path, dict(parse_qsl(url.query)), headers, _content(self.headers, body))

    def _work(self, api: FakeApi, asked: Asked) -> tuple[int, Any, str, tuple[str, ...]]:
        if api.needs_token and asked.headers.get("authorization") != f"Bearer {TOKEN}":
            raise Refused(401, **NOT_SIGNED_IN)
        path = asked.path.removeprefix("/api/v1")
        for method, pattern, status, work in ROUTES:
            found = re.fullmatch(pattern, path)
            if found is not None and method == asked.method:
                return status, work(api, asked, *found.groups()), path, found.groups()
        raise Refused(404, "not-found", f"{asked.method} {asked.path} is not part of the API")

    def _stream(self, api: FakeApi, asked: Asked, captured: tuple[str, ...]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self._event("", ": stream")
        cut = api.script.cuts.popleft() if api.script.cuts else None
        if asked.path.endswith("/logs"):
            events = [("", json.dumps(line)) for line in api.log_lines]
        elif asked.path.endswith("/events"):
            events = [("", json.dumps(event)) for event in api.matching_events(asked)["events"][::-1]]
        else:
            events = api.script.events
        first = max(0, len(events) - int(asked.query["lines"])) if "lines" in asked.query else 0
        start = int(asked.headers.get("last-event-id", first - 1)) + 1
        for number, (name, data) in list(enumerate(events))[start:][:cut]:
            self._event(name, f"id: {number}\ndata: {data}")
        if cut is None:
            self._end(api, captured)

    def _stream_all(self, events: list[tuple[str, str]]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for number, (name, data) in enumerate(events, start=1):
            self._event(name, f"id: {number}\ndata: {data}")

    def _end(self, api: FakeApi, captured: tuple[str, ...]) -> None:
        if api.script.hold is not None:
            api.script.hold.wait(20)
        if len(captured) == 2:
            release = api.find_release(*captured)
            release.update(api.script.outcome)
            self._event("end", f"data: {json.dumps(release)}")
        else:
            self._event("end", "data: {}")

    def _event(self, name: str, text: str) -> None:
        try:
            self.wfile.write((f"event: {name}\n{text}" if name else text).encode() + b"\n\n")
            self.wfile.flush()
        except OSError:
            self.close_connection = True  # the reader has gone

    def _json(self, status: int, content: Any, kind: str, headers: dict[str, str] | None = None) -> None:
        self._answer(status, b"" if status == 204 else json.dumps(content).encode(), kind, headers or {})

    def _answer(self, status: int, content: bytes, kind: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        version = self.server.api.version
        said = {} if version is None else {"X-Pvdify-Version": version}
        for name, value in ({"Content-Type": kind, "Content-Length": str(len(content))} | headers | said).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


class _TcpServer(ThreadingHTTPServer):
    def __init__(self, api: FakeApi) -> None:
        self.api = api
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # without looking up our own name

    def handle_error(self, request: object, client_address: object) -> None:
        """Print no traceback for a client that rejects the certificate: that is what its test is about."""
        if not isinstance(sys.exception(), ssl.SSLError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def __init__(self, api: FakeApi, path: Path) -> None:
        self.api = api
        super().__init__(str(path), _Handler)
