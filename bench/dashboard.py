"""What the dashboard takes: server time of each page with 100 apps, its size, open streams, and memory.

`python -m bench.dashboard [APPS]` prints the figures.
"""

import asyncio
import gc
import random
import resource
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog

from bench.product import Figure
from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.sqlite.store import SqliteStore
from pvdify.daemon.collector import spare_lasting_objects
from pvdify.daemon.serving import build_listener
from pvdify.dashboard import static_files
from pvdify.engine.access.places import Places
from pvdify.engine.front_door import Engine
from pvdify.model.route import Traffic
from pvdify.model.token import Actor, Role
from tests.fakes.machine import Daemon, Machine
from tests.support.asgi import Answer, ask

APPS, ROUNDS, STREAMS = 100, 40, 200
STREAM_SECONDS = 10.0
ADMIN = Actor(name="ada", role=Role.ADMIN)
HOST = "127.0.0.1:9443"
_KINDS = ("billing", "customer", "inventory", "marketing", "search", "warehouse")
_PARTS = ("api", "backend", "exporter", "frontend", "mailer", "scheduler", "worker")
PATHS = (
    "/", "/apps/{app}", "/apps/{app}/releases", "/apps/{app}/releases/1", "/apps/{app}/config", "/apps/{app}/state",
    "/apps/{app}/domains", "/apps/{app}/previews", "/activity", "/server", "/people",
)  # fmt: skip


def dashboard(apps: int = APPS) -> list[Figure]:
    """Measure with this many apps on the fakes and a real database."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with TemporaryDirectory() as folder:
        return asyncio.run(_measure(Path(folder), apps))


async def _measure(folder: Path, apps: int) -> list[Figure]:
    site = await _Site.make(folder, apps)
    limit = 20.0 if apps <= APPS else 50.0
    figures, largest = [], 0
    gc.collect()
    before = _memory()
    for path in PATHS:
        await site.get(path.format(app=site.app))
    memory = _memory() - before
    for template in PATHS:
        path, times = template.format(app=site.app), _Times()
        for _ in range(ROUNDS):
            answer = await times.take(site.get(path))
            largest = max(largest, len(answer.content))
        name = f"{template} with {apps} apps, {len(answer.content) / 1000:.1f} kB, p95 of server time"
        figures.append(times.figure(name, limit))
    figures += [await _after_changes(site, apps, limit), await _after_samples(site, apps, limit)]
    scripts = sum(len(it.compressed) for name, it in static_files.files().items() if name.endswith(".js"))
    figures += [
        _figure(f"largest page with {apps} apps, compressed", largest / 1000, "kB", 30.0),
        _figure("scripts in all, compressed", scripts / 1000, "kB", 20.0),
        _figure(f"memory that each page once adds with {apps} apps", memory, "MB", 10.0),
        *await _streams(site),
    ]
    await site.close()
    return figures


async def _after_changes(site: "_Site", apps: int, limit: float) -> Figure:
    """Load the start page after changes, each of which needs a new rendering."""
    times = _Times()
    for number in range(ROUNDS):
        await site.change(is_on=number % 2 == 0)
        await times.take(site.get("/"))
    return times.figure(f"/ with {apps} apps right after a change, p95 of server time", limit)


async def _after_samples(site: "_Site", apps: int, limit: float) -> Figure:
    """Load the start page after samples in which the figures of all apps have changed."""
    times = _Times()
    for number in range(ROUNDS):
        await site.visit_all(requests=number + 1)
        await times.take(site.get("/"))
    return times.figure(f"/ with {apps} apps right after a sample of all, p95 of server time", limit)


async def _streams(site: "_Site") -> list[Figure]:
    """Open streams of the start page while nothing happens."""
    gc.collect()
    memory, cpu = _memory(), time.process_time()
    waiting = [asyncio.create_task(site.stream("/live")) for _ in range(STREAMS)]
    await asyncio.sleep(2.0)
    used, cpu = _memory() - memory, time.process_time()
    await asyncio.sleep(STREAM_SECONDS)
    share = 100 * (time.process_time() - cpu) / STREAM_SECONDS
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    return [
        _figure(f"memory of {STREAMS} open streams", used, "MB", 20.0),
        _figure(f"CPU of {STREAMS} open streams", share, "% of a core", 2.0),
    ]


@dataclass
class _Times:
    """Milliseconds that answers took, of wall clock and of CPU. Other programs of the machine lengthen the first."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    async def take(self, asked: Awaitable[Answer]) -> Answer:
        begun, cpu = time.perf_counter(), time.process_time()
        answer = await asked
        self.wall.append(1000 * (time.perf_counter() - begun))
        self.cpu.append(1000 * (time.process_time() - cpu))
        return answer

    def figure(self, name: str, limit: float) -> Figure:
        more = f" (CPU: p95 {_p95(self.cpu):.1f} ms, median {statistics.median(self.cpu):.1f} ms)"
        return _figure(name, _p95(self.wall), "ms", limit, more)


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def _figure(name: str, value: float, unit: str, most: float, more: str = "") -> Figure:
    return Figure(
        name=f"dashboard: {name}", value=f"{value:.1f} {unit}{more}", target=f"at most {most:g} {unit}",
        is_met=value <= most,
    )  # fmt: skip


def _memory() -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


class _Site:
    """The dashboard over a machine of fakes, and a browser that is signed in."""

    def __init__(
        self, machine: Machine, engine: Engine, names: Sequence[str], bury: Callable[[], Awaitable[None]]
    ) -> None:
        self.app, self._names = names[len(names) // 2], names
        self._machine, self._bury, self._engine = machine, bury, engine
        self._application = build_listener(engine, Places(512))
        self._headers = {"host": HOST, "accept-encoding": "gzip"}

    @classmethod
    async def make(cls, folder: Path, apps: int) -> "_Site":
        clock: Any = SystemClock()
        machine = Machine(clock)
        machine.is_watched = False  # the check after each call takes a time that grows with the square of the apps
        store: Any = SqliteStore(folder / "pvdify.db")
        await store.open()
        machine.store = store
        chance = random.Random(1)
        daemon = machine.daemon()
        names = [f"{chance.choice(_KINDS)}-{chance.choice(_PARTS)}-{number:04d}" for number in range(apps)]
        await daemon.reconciler.ensure_router()
        for begin in range(0, apps, 20):
            some = names[begin : begin + 20]
            await asyncio.gather(*(_deploy(machine, daemon, name, chance) for name in some))
        await daemon.samples.take()
        await spare_lasting_objects(daemon.engine)
        site = cls(machine, daemon.engine, names, daemon.bury)
        secret, _ = site._engine.sessions.make_link(ADMIN)
        answer = await site.get(f"/sign-in/link/{secret}")
        site._headers["cookie"] = answer.cookies[0].partition(";")[0]
        return site

    async def get(self, path: str) -> Answer:
        answer = await ask(self._application, "GET", path, headers=self._headers)
        assert answer.status == 200, (path, answer.status)
        return answer

    async def visit_all(self, requests: int) -> None:
        """Serve requests of each app, more of some than of others, and take a sample."""
        for number, name in enumerate(self._names):
            self._machine.router.serve(name, 1, Traffic(requests=requests * (1 + number % 97)))
        await self._engine.samples.take()

    async def change(self, *, is_on: bool) -> None:
        await self._engine.requests.set_maintenance(self.app, ADMIN, is_on=is_on)

    async def stream(self, path: str) -> None:
        await ask(self._application, "GET", path, headers=self._headers)

    async def close(self) -> None:
        gc.unfreeze()
        await self._bury()
        await self._machine.store.close()


async def _deploy(machine: Machine, daemon: Daemon, app: str, chance: random.Random) -> None:
    """Deploy an image to an app. Versions and commits differ, so that pages compress as badly as real ones."""
    image = f"reg.example.com/{app}:v{chance.randint(1, 9)}.{chance.randint(0, 60)}.{chance.randint(0, 9)}"
    machine.registry.push(image)
    await daemon.deploy(app, image=image, commit=f"{chance.getrandbits(160):040x}", branch="main")


def main() -> None:
    """Print every figure."""
    for figure in dashboard(int(sys.argv[1]) if len(sys.argv) > 1 else APPS):
        print(f"{figure.name}: {figure.value} ({figure.target})")


if __name__ == "__main__":
    main()
