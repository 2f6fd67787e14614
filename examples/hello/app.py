"""The sample app: a small HTTP server that shows which release answered, and misbehaves when told to.

Only the standard library, so that its image is small and starts in a moment. `app.py` is the web process;
`app.py worker` and `app.py release` are the other two that `pvdify.yml` names.

    /               a friendly text              /slow?ms=500           an answer that takes its time
    /health         what the probe asks          /stream?lines=5&ms=99  an answer line by line
    POST /orders    a request that must not be   POST /echo             the body comes back
                    sent twice                   /ws                    a WebSocket that echoes
    /env            names of the environment     /log?n=3               lines on stdout
    /status/418     any status                   /crash                 the process dies
    /redirect       to /                        /grow?mb=64            memory taken and kept
    POST /rows      a row more in the database  GET /rows              how many there are

Told by the environment: PORT and VERSION; for tests, BIND and LISTEN_PORT (listen elsewhere), START_DELAY_MS,
START_EXIT (exit at once with this code), HEALTH_STATUS, HEALTH_DELAY_MS, KEEP_ALIVE_MS (close silent connections),
LEAK_MB (memory taken at start), ERROR_EVERY (each n-th visit of / fails), RECORD (a file that
gets the X-Request-Id of every request that begins), IGNORE_TERM, WORKER_EXIT (START_EXIT for the
worker alone), TICK_MS, DATABASE (an SQLite file, default /data/app.db), and for the release hook RUN_MS, RUN_EXIT and
HOOK_FILE.
"""

import asyncio
import base64
import json
import os
import signal
import struct
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing, suppress
from urllib.parse import parse_qsl, urlsplit

ENVIRONMENT = os.environ
VERSION = ENVIRONMENT.get("VERSION", "dev")
KEEP_ALIVE_SECONDS = int(ENVIRONMENT.get("KEEP_ALIVE_MS") or 0) / 1000 or None
GRACE_SECONDS = 8  # below the 10 s that pvdify waits by default between SIGTERM and SIGKILL
LARGEST_BODY = 64 * 1024 * 1024
WEBSOCKET_KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
REASONS = {
    101: "Switching Protocols",
    200: "OK",
    302: "Found",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
}


def number(name: str, default: int = 0) -> int:
    """A whole number from the environment."""
    return int(ENVIRONMENT.get(name) or default)


def say(text: str) -> None:
    """Print a line at once: nobody reads a log that waits in a buffer."""
    print(text, flush=True)


class Request:
    """What a visitor sent: the body is read whole before the page is called."""

    def __init__(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> None:
        parts = urlsplit(target)
        self.method, self.path, self.headers, self.body = method, parts.path, headers, body
        self.query = dict(parse_qsl(parts.query))

    def number(self, name: str, default: int = 0) -> int:
        """A whole number from the query string."""
        return int(self.query.get(name) or default)


class Connection:
    """One client. Answers requests in turn until either side wants no more."""

    def __init__(self, app: "App", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.app, self.reader, self.writer = app, reader, writer
        self.is_idle = True
        self.has_answered = False  # only then is a silent connection one that waits for another request
        self.keeps_alive = True
        self.is_gone = asyncio.Event()
        self.say_goodbye: Callable[[], None] = writer.close

    async def serve(self) -> None:
        """Read and answer until the connection closes."""
        try:
            while self.keeps_alive and not self.app.is_stopping:
                self.is_idle = True
                async with asyncio.timeout(KEEP_ALIVE_SECONDS if self.has_answered else None):
                    head = await self.reader.readuntil(b"\r\n\r\n")
                self.is_idle = False
                await self.answer(head)
                self.has_answered = True
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            pass  # the client left, or was silent for too long
        except (ValueError, asyncio.LimitOverrunError) as error:
            self.keeps_alive = False
            await self.send(400, f"{error}\n")
        finally:
            self.writer.close()

    async def answer(self, head: bytes) -> None:
        """Understand one request and let its page answer."""
        request_line, *lines = head.decode("latin-1").split("\r\n")
        method, target, protocol = request_line.split(" ")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self.app.record(headers.get("x-request-id", ""))
        wants = headers.get("connection", "").lower()
        self.keeps_alive = "close" not in wants and (protocol == "HTTP/1.1" or "keep-alive" in wants)
        if headers.get("expect", "").lower() == "100-continue":
            self.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request = Request(method, target, headers, await self.read_body(headers))
        await self.app.page_for(request)(self, request)

    async def read_body(self, headers: Mapping[str, str]) -> bytes:
        """The whole body, of a stated length or in chunks."""
        if "chunked" not in headers.get("transfer-encoding", "").lower():
            length = int(headers.get("content-length", 0))
            if length > LARGEST_BODY:
                raise ValueError("the body is too large")
            return await self.reader.readexactly(length)
        body = bytearray()
        while size := int((await self.reader.readline()).split(b";")[0], 16):
            body += (await self.reader.readexactly(size + 2))[:-2]
            if len(body) > LARGEST_BODY:
                raise ValueError("the body is too large")
        while (await self.reader.readline()).strip():
            pass  # trailers
        return bytes(body)

    async def send(self, status: int, text: str, method: str = "GET", **headers: str) -> None:
        """A whole answer."""
        body = text.encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        head = self.head(status, {"Content-Length": str(len(body)), **named})
        self.writer.write(head if method == "HEAD" else head + body)
        await self.writer.drain()

    def head(self, status: int, headers: Mapping[str, str]) -> bytes:
        """The status line and the headers; every answer says which version gave it."""
        if self.app.is_stopping:
            self.keeps_alive = False
        everything = {
            "Content-Type": "text/plain; charset=utf-8",
            "X-Version": VERSION,
            "X-Instance": ENVIRONMENT.get("PVDIFY_INSTANCE", ""),
            "X-Release": ENVIRONMENT.get("PVDIFY_RELEASE", ""),
            "Connection": "keep-alive" if self.keeps_alive else "close",
            **headers,
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in everything.items())
        return f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}\r\n{lines}\r\n".encode("latin-1")


Page = Callable[[Connection, Request], Awaitable[None]]


class App:
    """The pages, the open connections, and how both come to an end."""

    def __init__(self) -> None:
        self.is_stopping = False
        self.orders = 0
        self.visits = 0
        self.taken: list[bytes] = []
        self.connections: set[Connection] = set()
        self.recorded: int | None = None
        self.pages: dict[str, Page] = {
            "/": self.home,
            "/health": self.health,
            "/orders": self.order,
            "/echo": self.echo,
            "/slow": self.slow,
            "/stream": self.stream,
            "/ws": self.websocket,
            "/env": self.env,
            "/redirect": self.redirect,
            "/crash": self.crash,
            "/log": self.log,
            "/grow": self.grow,
            "/rows": self.rows,
        }

    async def run(self) -> None:
        """Serve until SIGTERM, then finish what was begun."""
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, stopping.set)
        loop.add_signal_handler(signal.SIGTERM, (lambda: None) if number("IGNORE_TERM") else stopping.set)
        host = ENVIRONMENT.get("BIND", "0.0.0.0")  # noqa: S104 - a container's own network
        port = number("LISTEN_PORT", number("PORT", 8080))
        server = await asyncio.start_server(self.connected, host, port, backlog=1024)
        say(f"hello {VERSION} listens on {host}:{port}")
        await stopping.wait()
        say("stopping: no new connections")
        server.close()
        await self.finish()
        say("stopped")

    def record(self, request_id: str) -> None:
        """Append the id of a request that begins; instances may share the file, because each line is one write."""
        if not (path := ENVIRONMENT.get("RECORD")):
            return
        if self.recorded is None:
            self.recorded = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.write(self.recorded, f"{request_id}\n".encode())

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A client came."""
        connection = Connection(self, reader, writer)
        self.connections.add(connection)
        try:
            await connection.serve()
        finally:
            self.connections.remove(connection)
            connection.is_gone.set()

    async def finish(self) -> None:
        """Close idle connections at once, the others after their answer, all of them within GRACE_SECONDS."""
        self.is_stopping = True
        for connection in self.connections:
            if connection.is_idle:
                connection.say_goodbye()
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_SECONDS):
                for connection in list(self.connections):
                    await connection.is_gone.wait()

    def page_for(self, request: Request) -> Page:
        """Which page answers."""
        if request.path.startswith("/status/"):
            return self.status
        return self.pages.get(request.path, self.missing)

    async def home(self, connection: Connection, request: Request) -> None:
        """GET /"""
        self.visits += 1
        if (every := number("ERROR_EVERY")) and self.visits % every == 0:
            await connection.send(500, "this release has a fault\n", request.method)
            return
        release, instance = ENVIRONMENT.get("PVDIFY_RELEASE", "?"), ENVIRONMENT.get("PVDIFY_INSTANCE", "?")
        text = f"Hello from version {VERSION}.\nRelease {release}, instance {instance}.\n"
        await connection.send(200, text, request.method)

    async def health(self, connection: Connection, request: Request) -> None:
        """GET /health"""
        await asyncio.sleep(number("HEALTH_DELAY_MS") / 1000)
        status = number("HEALTH_STATUS", 200)
        await connection.send(status, "ok\n" if status == 200 else "not well\n", request.method)

    async def order(self, connection: Connection, request: Request) -> None:
        """POST /orders"""
        if request.method != "POST":
            await connection.send(405, "orders are made with POST\n", request.method, Allow="POST")
            return
        self.orders += 1
        text = json.dumps({"order": self.orders, "bytes": len(request.body), "version": VERSION})
        await connection.send(200, text + "\n", Content_Type="application/json")

    async def echo(self, connection: Connection, request: Request) -> None:
        """POST /echo"""
        head = connection.head(200, {"Content-Length": str(len(request.body))})
        connection.writer.write(head + request.body)
        await connection.writer.drain()

    async def slow(self, connection: Connection, request: Request) -> None:
        """GET /slow?ms="""
        await asyncio.sleep(request.number("ms", 1000) / 1000)
        await connection.send(200, "that took a while\n", request.method)

    async def stream(self, connection: Connection, request: Request) -> None:
        """GET /stream?lines=&ms="""
        connection.writer.write(connection.head(200, {"Transfer-Encoding": "chunked"}))
        for count in range(request.number("lines", 5)):
            piece = f"line {count}\n".encode()
            connection.writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await connection.writer.drain()
            await asyncio.sleep(request.number("ms", 100) / 1000)
        connection.writer.write(b"0\r\n\r\n")
        await connection.writer.drain()

    async def env(self, connection: Connection, request: Request) -> None:
        """GET /env: names only, values may be secret"""
        await connection.send(200, "".join(f"{name}\n" for name in sorted(ENVIRONMENT)), request.method)

    async def status(self, connection: Connection, request: Request) -> None:
        """GET /status/CODE"""
        code = int(request.path.removeprefix("/status/"))
        if not 200 <= code <= 599:
            raise ValueError("a status lies between 200 and 599")
        await connection.send(code, "" if code in (204, 304) else f"status {code}\n", request.method)

    async def redirect(self, connection: Connection, request: Request) -> None:
        """GET /redirect"""
        await connection.send(302, "", request.method, Location="/")

    async def crash(self, _connection: Connection, _request: Request) -> None:
        """GET /crash: without an answer"""
        print("crash: asked to", file=sys.stderr, flush=True)
        os._exit(70)

    async def log(self, connection: Connection, request: Request) -> None:
        """GET /log?n="""
        for count in range(request.number("n", 1)):
            say(f"log line {count + 1}")
        await connection.send(200, "logged\n", request.method)

    async def grow(self, connection: Connection, request: Request) -> None:
        """GET /grow?mb=: like a leak; the kernel ends it at the limit, so there may be no answer"""
        self.taken.append(b"x" * (request.number("mb", 1) * 1024 * 1024))
        await connection.send(200, f"{len(self.taken)} pieces taken\n", request.method)

    async def rows(self, connection: Connection, request: Request) -> None:
        """POST /rows, GET /rows: rows in an SQLite database, which one release at a time may have"""
        import sqlite3

        with closing(sqlite3.connect(ENVIRONMENT.get("DATABASE", "/data/app.db"), isolation_level=None)) as database:
            database.execute("CREATE TABLE IF NOT EXISTS rows (body TEXT UNIQUE, version TEXT)")
            if request.method == "POST":
                database.execute("INSERT INTO rows VALUES (?, ?)", (request.body.decode(), VERSION))
            (count,) = database.execute("SELECT count(*) FROM rows").fetchone()
            (integrity,) = database.execute("PRAGMA integrity_check").fetchone() if request.method == "GET" else ("",)
        await connection.send(200, json.dumps({"rows": count, "integrity": integrity}) + "\n", request.method)

    async def missing(self, connection: Connection, request: Request) -> None:
        """Everything else."""
        await connection.send(404, f"no page at {request.path}\n", request.method)

    async def websocket(self, connection: Connection, request: Request) -> None:
        """GET /ws: every message comes back"""
        from hashlib import sha1

        key = request.headers.get("sec-websocket-key")
        if key is None:
            await connection.send(400, "this page speaks WebSocket\n", request.method)
            return
        accept = base64.b64encode(sha1(key.encode() + WEBSOCKET_KEY, usedforsecurity=False).digest()).decode()
        headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": accept}
        connection.writer.write(connection.head(101, headers))
        connection.is_idle, connection.keeps_alive = True, False
        connection.say_goodbye = lambda: connection.writer.write(frame(CLOSE, struct.pack("!H", GOING_AWAY)))
        if self.is_stopping:
            connection.say_goodbye()
        await echo_messages(connection)


TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
GOING_AWAY = 1001


async def echo_messages(connection: Connection) -> None:
    """Send every WebSocket message back until the client closes."""
    opcode, message = 0, b""
    while True:
        is_last, code, payload = await read_frame(connection.reader)
        if code == PING:
            connection.writer.write(frame(PONG, payload))
        elif code == CLOSE:
            if not connection.app.is_stopping:  # else this is the answer to our own
                connection.writer.write(frame(CLOSE, payload))
            return
        elif code != PONG:
            opcode, message = code or opcode, message + payload
            if is_last:
                connection.writer.write(frame(opcode, message))
                message = b""
        await connection.writer.drain()


async def read_frame(reader: asyncio.StreamReader) -> tuple[bool, int, bytes]:
    """Whether it ends a message, its opcode and its payload. RFC 6455, section 5.2."""
    first, second = await reader.readexactly(2)
    length = second & 0x7F
    if length == 126:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
    elif length == 127:
        (length,) = struct.unpack("!Q", await reader.readexactly(8))
    if length > LARGEST_BODY:
        raise ConnectionError("the message is too large")
    mask = await reader.readexactly(4) if second & 0x80 else bytes(4)
    payload = await reader.readexactly(length)
    mask_of_all = int.from_bytes((mask * (length // 4 + 1))[:length], "big")
    return bool(first & 0x80), first & 0x0F, (int.from_bytes(payload, "big") ^ mask_of_all).to_bytes(length, "big")


def frame(opcode: int, payload: bytes) -> bytes:
    """A whole, unmasked frame, as servers send them."""
    length = len(payload)
    if length < 126:
        size = struct.pack("!B", length)
    elif length < 65536:
        size = struct.pack("!BH", 126, length)
    else:
        size = struct.pack("!BQ", 127, length)
    return bytes([0x80 | opcode]) + size + payload


def web() -> int:
    """The process that visitors reach."""
    misbehave("START_EXIT")
    if number("START_DELAY_MS"):
        say(f"starting in {number('START_DELAY_MS')} ms")
        time.sleep(number("START_DELAY_MS") / 1000)
    leak = b"x" * (number("LEAK_MB") * 1024 * 1024)
    asyncio.run(App().run())
    del leak
    return 0


def worker() -> int:
    """A process without a port: a line per tick until SIGTERM."""
    misbehave("START_EXIT")
    misbehave("WORKER_EXIT")
    stop_at_sigterm()
    say(f"worker {VERSION} of release {ENVIRONMENT.get('PVDIFY_RELEASE', '?')} started")
    tick = 0
    while True:
        tick += 1
        say(f"tick {tick}")
        time.sleep(number("TICK_MS", 1000) / 1000)


def release() -> int:
    """A hook: runs once before the new release serves, or after."""
    stop_at_sigterm()
    say(f"release hook of version {VERSION} runs")
    if path := ENVIRONMENT.get("HOOK_FILE"):
        told = {name: value for name, value in sorted(ENVIRONMENT.items()) if name.startswith("PVDIFY_")}
        with open(path, "a", encoding="utf-8") as file:  # noqa: PTH123 - pathlib costs start-up time
            file.write(json.dumps(told) + "\n")
    time.sleep(number("RUN_MS") / 1000)
    code = number("RUN_EXIT")
    say("release hook is done" if code == 0 else f"release hook fails with exit code {code}")
    return code


def misbehave(variable: str) -> None:
    """Exit at once when told to."""
    if code := number(variable):
        print(f"cannot start: {variable}={code}", file=sys.stderr, flush=True)
        sys.exit(code)


def stop_at_sigterm() -> None:
    """As process 1 of a container nothing stops us unless we say so."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN if number("IGNORE_TERM") else lambda *_: sys.exit(0))


if __name__ == "__main__":
    processes = {"web": web, "worker": worker, "release": release}
    name = sys.argv[1] if len(sys.argv) > 1 else "web"
    if name not in processes:
        sys.exit(f"app.py: no process named {name}; there are {', '.join(processes)}")
    sys.exit(processes[name]())
