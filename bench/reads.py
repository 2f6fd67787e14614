"""What reads of the API take: rate, latency and CPU per read with 1 and 200 apps, and memory.

`python -m bench.reads [APPS...]` prints the figures. The server is a process of its own on one core: the real listener
and a real database, over recorded containers.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from bench.product import Figure
from bench.size import clone, large_machine
from bench.wrk import drive, has_program
from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.sqlite.store import SqliteStore
from pvdify.daemon.serving import Server, build_listener
from pvdify.engine.access.places import Places
from pvdify.model.token import Actor, Role
from pvdify.settings import Address

ADMIN = Actor(name="ada", role=Role.ADMIN)
APPS = (1, 200, 1000)
CLIENTS, SECONDS = 50, 5
PAUSE = 1.0  # seconds; until the server has ended the last requests of the clients before, which count for their token


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A server that runs, and a token for it."""

    process: int
    address: str
    token: str

    def memory(self) -> float:
        """Its resident memory in MB."""
        for line in Path(f"/proc/{self.process}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1000
        raise AssertionError("the process has no memory")


def name_of(number: int) -> str:
    """The name of the app with this number."""
    return f"app-with-a-usual-name-{number:04d}"


def reads(apps: int) -> list[Figure]:
    """Measure with this many apps."""
    with serving(apps) as subject:
        return list(_measure(subject, apps))


def _measure(subject: Subject, apps: int) -> Iterator[Figure]:
    many = f"{apps:,} app{'' if apps == 1 else 's'}"
    for path in ("/apps", f"/apps/{name_of(apps // 2)}", "/health"):
        shown = path.replace(name_of(apps // 2), "x")
        yield Figure(
            name=f"`GET {shown}` with {many}, {CLIENTS} clients",
            value=read(subject.address, subject.token, path, subject.process),
        )
    yield Figure(name=f"memory with {many}", value=f"{subject.memory():.0f} MB")


def read(address: str, token: str, path: str, pid: int) -> str:
    """Read from the API with many clients for some seconds; return rate, latency, and the CPU of the process."""
    if not has_program("wrk", "wrk"):
        raise RuntimeError("wrk could not be installed from Debian")
    time.sleep(PAUSE)
    headers = ("Host: localhost", f"Authorization: Bearer {token}")
    found = drive(address, headers, lambda: [pid], SECONDS, path=f"/api/v1{path}", clients=CLIENTS)
    return (
        f"{found.rate:,.0f}/s, p50 {found.median * 1000:.1f} ms, p99 {found.p99 * 1000:.1f} ms, "
        f"{found.cpu * 1e6:,.0f} µs of CPU each, {found.failed} failed"
    )


@contextmanager
def serving(apps: int) -> Iterator[Subject]:
    """A server with this many apps in a process of its own, on one core."""
    process = subprocess.Popen(
        (sys.executable, "-m", "bench.reads", "--serve", str(apps)), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        port, token = process.stdout.readline().split()
        yield Subject(process=process.pid, address=f"127.0.0.1:{port}", token=token)
    finally:
        process.terminate()
        process.wait()
        if process.stdout:
            process.stdout.close()


async def _serve(apps: int) -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with tempfile.TemporaryDirectory() as folder:
        clock: Any = SystemClock()
        store: Any = SqliteStore(Path(folder) / "pvdify.db")
        await store.open()
        machine = large_machine(clock, store)
        machine.registry.push("reg.example.com/shop:v1")
        daemon = machine.daemon()
        await daemon.reconciler.ensure_router()
        await daemon.deploy(name_of(0), image="reg.example.com/shop:v1")
        await clone(machine, name_of(0), [name_of(number) for number in range(1, apps)])
        await daemon.reconciler.reconcile()
        _, token = await daemon.engine.tokens.create("bench", Role.ADMIN, None, None, ADMIN)
        listener = listening()
        server = Server(build_listener(daemon.engine, Places(512)), listener, most=1000, most_of_peer=1000)
        print(listener.getsockname()[1], token, flush=True)
        await server.serve()


def listening() -> Any:
    """A listener on loopback."""
    from pvdify.daemon.serving import _tcp_socket

    listener = _tcp_socket(Address(host="127.0.0.1", port=0))
    listener.listen(2048)
    return listener


def main() -> None:
    """Print every figure."""
    if sys.argv[1:2] == ["--serve"]:
        asyncio.run(_serve(int(sys.argv[2])))
        return
    for apps in map(int, sys.argv[1:] or map(str, APPS)):
        for figure in reads(apps):
            print(f"{figure.name}: {figure.value}", flush=True)


if __name__ == "__main__":
    main()
