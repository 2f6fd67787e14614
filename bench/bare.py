"""HAProxy with a short, fixed configuration, to compare pvdify's with: the same program on the same ports."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pvdify.adapters.haproxy.bundled import bundled_binary
from tools.free_port import free_port

_BASE = """\
global
    maxconn 4000
defaults
    mode http
    timeout connect 5s
    timeout client 300s
    timeout server 300s
"""
_ONE_EACH = "    option http-server-close\n    http-reuse never\n"


@contextmanager
def app(directory: Path, version: str) -> Iterator[int]:
    """Run an app that costs next to nothing: HAProxy that answers every request itself; yield its port."""
    port = free_port()
    text = f"""\
{_BASE}frontend app
    bind 127.0.0.1:{port}
    http-request return status 200 content-type text/plain hdr X-Version {version} string "Hello from {version}."
"""
    with running(directory / f"{version}.cfg", text, port):
        yield port


@contextmanager
def bare(directory: Path, ports: Sequence[int], *, is_pooled: bool) -> Iterator[tuple[str, int]]:
    """Run HAProxy before these apps; yield its address and pid. Without a pool, each request has its own connection."""
    listen = free_port()
    servers = "".join(f"    server web{number} 127.0.0.1:{port}\n" for number, port in enumerate(ports, start=1))
    balance = "    balance random\n" if len(ports) > 1 else ""
    text = f"""\
{_BASE}frontend visitors
    bind 127.0.0.1:{listen}
    option forwardfor
    default_backend web
backend web
{balance}{"" if is_pooled else _ONE_EACH}{servers}"""
    with running(directory / f"bare{len(ports)}{is_pooled}.cfg", text, listen) as pid:
        yield f"127.0.0.1:{listen}", pid


@contextmanager
def running(file: Path, text: str, port: int) -> Iterator[int]:
    """Run HAProxy with this configuration in the foreground, from when it listens; yield its pid."""
    file.write_text(text, encoding="utf-8")
    # A session of its own, as the router and services have: Linux shares the cores among sessions.
    process = subprocess.Popen(
        (bundled_binary(), "-db", "-f", str(file)), stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        wait_listening(port)
        yield process.pid
    finally:
        process.kill()
        process.wait()


def wait_listening(port: int, seconds: float = 30.0) -> None:
    """Wait until a program on this machine listens on the port. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    wanted = f":{port:04X} "
    while True:
        lines = [line for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()]
        if any(wanted in line.split(None, 3)[1] + " " and line.split()[3] == "0A" for line in lines[1:] if line):
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing listens on port {port} after {seconds:g} s")
        time.sleep(0.02)
