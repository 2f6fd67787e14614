"""`make bench-proxies`: pvdify's router beside a bare HAProxy, Caddy, Traefik and nginx; writes bench/proxies.md."""

import asyncio
import hashlib
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from bench import bare, peers
from bench.peers import HOSTNAME, Peer
from bench.router import release
from bench.wrk import Sample, cpu_seconds, drive, has_program, memory, middle
from pvdify.adapters.haproxy.control_plane import ControlPlane
from pvdify.adapters.haproxy.router import HaproxyRouter
from pvdify.model.route import Route
from pvdify.settings import Address
from tests.load import GET, POST, PUT, Load
from tests.load.connection import Connection, RequestFailed
from tests.load.real_router import real_router
from tests.load.shapes import BIG_POST
from tests.support.endpoints import here

RESULTS = Path(__file__).with_name("proxies.md")
ROUNDS, SECONDS = 7, 2
SWAPS = 100
SWAPPED_WITHIN = 10.0  # seconds
PASSWORD = "Basic dGVhbTpzZWNyZXQ="
VISITOR = ("X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https", "User-Agent: Mozilla/5.0 (X11; Linux x86_64)")
PLANE = ControlPlane(hostname="pvdify.test", prefix="", listen=Address(host="127.0.0.1", port=9), has_dashboard=True)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a round drives. ``floor``: the subject that it is compared with; "" if it is one itself."""

    name: str
    peer: Peer
    headers: tuple[str, ...] = (f"Host: {HOSTNAME}", *VISITOR)
    floor: str = ""


@dataclass(frozen=True, kw_only=True)
class Swapped:
    """100 swaps of one proxy under load."""

    name: str
    requests: int
    failed: int
    late: int
    milliseconds: float
    cpu: float
    memory: int


async def main() -> None:
    if not has_program("wrk", "wrk"):
        sys.exit("wrk could not be installed from Debian")
    with tempfile.TemporaryDirectory(prefix="pvdify-", dir="/var/tmp") as name:
        directory = Path(name)
        found, missing = peers.available(directory)
        samples = await measure(directory, found)
        swapped = [await swap_ours()] + [await swap_peer(directory, name) for name in found]
    text = render(samples, swapped, missing)
    RESULTS.write_text(text, encoding="utf-8")
    print(text)


async def measure(directory: Path, found: Sequence[str]) -> dict[Subject, Sample]:
    """Drive every subject in turn, in several rounds; the median of each."""
    async with AsyncExitStack() as stack:
        apps = [stack.enter_context(bare.app(directory, f"v{number}")) for number in range(3)]
        subjects = [
            *_bare(stack, directory, apps), *await _ours(stack, apps),
            *(Subject(name=peer.name, peer=peer, floor="pooled 1")
              for peer in (stack.enter_context(peers.PEERS[name](directory, apps[0])) for name in found)),
        ]  # fmt: skip
        samples: dict[Subject, list[Sample]] = {subject: [] for subject in subjects}
        for number in range(ROUNDS):
            for it in subjects:
                sample = await asyncio.to_thread(drive, it.peer.address, it.headers, it.peer.pids, SECONDS)
                samples[it].append(sample)
            print(f"round {number + 1} of {ROUNDS}", file=sys.stderr, flush=True)
    return {subject: middle(each) for subject, each in samples.items()}


async def swap_ours() -> Swapped:
    """Swap an app of pvdify's router."""
    loop = asyncio.get_running_loop()
    async with _router() as (peer, router), release("v1") as one, release("v2") as two:
        slots = iter(range(1, 10_000))

        def swap(port: int) -> None:
            asyncio.run_coroutine_threadsafe(router.put(_route("shop", HOSTNAME, [port], next(slots))), loop).result()

        await asyncio.to_thread(swap, one)
        return await _swaps(Peer(name=peer.name, address=peer.address, pids=peer.pids, swap=swap), (one, two))


async def swap_peer(directory: Path, name: str) -> Swapped:
    """Swap an app of one of the peers."""
    async with release("v1") as one, release("v2") as two:
        with peers.PEERS[name](directory, one) as peer:
            return await _swaps(peer, (one, two))


async def _swaps(peer: Peer, ports: tuple[int, int]) -> Swapped:
    """Swap to and fro under load. A swap has ended when a new connection is answered by the new release."""
    swap = peer.swap
    assert swap is not None, f"{peer.name} has no swap"
    targets = cycle((("v2", ports[1]), ("v1", ports[0])))
    taken, begins, ends = [], [], []
    before = cpu_seconds(peer.pids())
    async with Load(peer.address, HOSTNAME, clients=16, pause=0.005, mix=(GET, POST, PUT, BIG_POST)) as load:
        for _ in range(SWAPS):
            await asyncio.sleep(0.05)
            version, port = next(targets)
            begins.append(time.monotonic())
            await asyncio.to_thread(swap, port)
            await _until_new(peer.address, version)
            ends.append((version, time.monotonic()))
            taken.append(time.monotonic() - begins[-1])
        report = await load.stop()
    windows = zip(ends, [*begins[1:], time.monotonic()], strict=True)
    late = sum(
        begin < started < end and who != version
        for (version, begin), end in windows
        for started, _, who in report.answered
    )
    spent = cpu_seconds(peer.pids()) - before
    print(f"{peer.name}: {report.summary()}", file=sys.stderr, flush=True)
    return Swapped(
        name=peer.name, requests=report.requests, failed=len(report.failures), late=late,
        milliseconds=statistics.median(taken) * 1000, cpu=spent / max(1, report.requests), memory=memory(peer.pids()),
    )  # fmt: skip


async def _until_new(address: str, version: str) -> None:
    host, _, port = address.rpartition(":")
    request = f"GET / HTTP/1.1\r\nHost: {HOSTNAME}\r\nConnection: close\r\n\r\n".encode()
    async with asyncio.timeout(SWAPPED_WITHIN):
        while True:
            _, connection = await asyncio.get_running_loop().create_connection(Connection, host, int(port))
            try:
                if (await connection.request(request, SWAPPED_WITHIN)).headers.get(b"x-version") == version.encode():
                    return
            except RequestFailed:
                pass  # the load counts failures; this only waits
            finally:
                connection.close()


def _bare(stack: ExitStack | AsyncExitStack, directory: Path, apps: list[int]) -> list[Subject]:
    subjects = []
    for kind, is_pooled in (("pooled", True), ("fresh", False)):
        for count in (1, 3):
            address, pid = stack.enter_context(bare.bare(directory, apps[:count], is_pooled=is_pooled))
            how = "kept connections to the app" if is_pooled else "a connection for each request"
            peer = Peer(name=f"bare HAProxy, {how}, {count} instances" if count > 1 else f"bare HAProxy, {how}",
                        address=address, pids=lambda pid=pid: [pid])  # fmt: skip
            subjects.append(Subject(name=f"{kind} {count}", peer=peer))
    return subjects


async def _ours(stack: AsyncExitStack, apps: list[int]) -> list[Subject]:
    peer, router = await stack.enter_async_context(_router())
    await router.put(_route("shop", HOSTNAME, apps[:1], 1))
    await router.put(_route("three", "three.test", apps, 1))
    key = hashlib.sha256(PASSWORD.encode()).hexdigest()
    await router.put(
        Route(
            app="all-pr-1",
            hostnames=("all.test",),
            slot=1,
            targets=here(*apps),
            gate=key,
            has_affinity=True,
            timeout=60,
        )
    )
    return [
        Subject(name="pvdify's router", peer=peer, floor="fresh 1"),
        Subject(name="pvdify's router, 3 instances", peer=peer, floor="fresh 3",
                headers=("Host: three.test", *VISITOR)),
        Subject(name="pvdify's router, 3 instances, a preview with password, affinity and timeout", peer=peer,
                floor="fresh 3", headers=("Host: all.test", f"Authorization: {PASSWORD}", *VISITOR)),
    ]  # fmt: skip


@asynccontextmanager
async def _router() -> AsyncIterator[tuple[Peer, HaproxyRouter]]:
    async with real_router() as process:
        router = process.connect(control_plane=PLANE)
        await router.ensure_running()
        yield Peer(name="pvdify's router", address=str(process.listen), pids=process.pids), router
        await router.close()


def _route(app: str, hostname: str, ports: list[int], slot: int) -> Route:
    return Route(app=app, hostnames=(hostname,), slot=slot, targets=here(*ports))


_PAGE = """\
# The router beside others

One `make bench-proxies` on {date}: Linux {release}, {machine}, {cores} shared cores, load {load:.1f},
with clients, proxies and apps all on them, each in a session of its own. Medians of {rounds} interleaved rounds of
{seconds} s: wrk, one thread, 32 kept connections, GET. On a busy machine, CPU per request compares better than rate and
p99.

pvdify's router opens a connection to the app for each request, so that no request is begun twice or lost by an app that
closes idle connections ([decision 0025](../docs/decisions/0025-a-connection-for-each-request.md)); the others keep
connections. So its ratios are to a bare HAProxy that does the same, and those of the others to one that keeps them.

| proxy | requests/s | p99 ms | CPU µs a request | failed | rate, p99, CPU to a bare HAProxy |
|---|---|---|---|---|---|
{driven}

Each swapped {swaps} times between two releases that both run on, under 16 kept connections with GET, POST and PUT. A
swap ends when a new connection is answered by the new release. Late: requests sent after that, and answered by the old
one. nginx ends its workers at each reload, and the CPU time of those is not counted.

| proxy | requests | failed | late | swap ms | CPU µs a request | memory MB |
|---|---|---|---|---|---|---|
{swapped}
"""


def render(samples: dict[Subject, Sample], swapped: Sequence[Swapped], missing: Sequence[str]) -> str:
    floors = {subject.name: sample for subject, sample in samples.items() if not subject.floor}
    page = _PAGE.format(
        date=time.strftime("%Y-%m-%d"), release=platform.release(), machine=platform.machine(), cores=os.cpu_count(),
        load=os.getloadavg()[0], rounds=ROUNDS, seconds=SECONDS, swaps=SWAPS,
        driven="\n".join(_row(subject, sample, floors) for subject, sample in samples.items()),
        swapped="\n".join(map(_swapped_row, swapped)),
    )  # fmt: skip
    return page + "".join(f"\n{sentence}\n" for sentence in missing)


def _swapped_row(it: Swapped) -> str:
    figures = f"{it.milliseconds:.1f} | {it.cpu * 1e6:.0f} | {it.memory / 1024:.0f}"
    return f"| {it.name} | {it.requests:,} | {it.failed:,} | {it.late:,} | {figures} |"


def _row(subject: Subject, it: Sample, floors: dict[str, Sample]) -> str:
    ratios = ""
    if floor := floors.get(subject.floor):
        ratios = f"{it.rate / floor.rate:.2f}, {it.p99 / floor.p99:.2f}, {it.cpu / floor.cpu:.2f}"
    name = subject.name if subject.floor else subject.peer.name
    return f"| {name} | {it.rate:,.0f} | {it.p99 * 1000:.1f} | {it.cpu * 1e6:.0f} | {it.failed} | {ratios} |"


if __name__ == "__main__":
    asyncio.run(main())
