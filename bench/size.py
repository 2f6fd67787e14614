"""What many apps on many machines cost the engine: up to 1,000 apps with 5,000 instances on 20 machines, on the fakes.

The database is a real one; the runtime, the router and the probes are fakes that answer at once. So the figures are the
engine's own share: a look of the reconciler, a deploy, and the loss of a machine with 250 instances.

`python -m bench.size [APPS...]` prints the figures and writes bench/size.md; each number of apps has its own process.
"""

import asyncio
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog

from bench.product import Figure
from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.sqlite.store import SqliteStore
from pvdify.model.endpoint import NO_ROUTE, Endpoint, Exposed
from pvdify.model.names import instance_name
from pvdify.model.slot import Slot, SlotState
from tests.fakes.container import Container
from tests.fakes.machine import Daemon, Machine
from tests.fakes.supervisor import FakeSupervisor

RESULTS = Path(__file__).with_name("size.md")
APPS, INSTANCES, MACHINES = (100, 1000), 5, 20
ROUNDS = 5
FIRST = "app-0000"
IMAGE = "reg.example.com/shop:v1"


class ManyInstances(FakeSupervisor):
    """As its parent, but a question about one instance costs the same however many there are."""

    async def is_running(self, name: str) -> bool:
        container = self._containers.get(name)
        return container is not None and container.is_running

    def behind(self, endpoint: Endpoint) -> Container | None:
        return self.at.get(endpoint)

    @property
    def at(self) -> dict[Endpoint, Container]:
        if not hasattr(self, "_at") or len(self._at) != len(self._containers):
            exposed = ((it, it.spec.exposed) for it in self._containers.values())
            self._at = {where.at: it for it, where in exposed if where is not NO_ROUTE}
        return self._at


class ManyMachines:
    """Places on each machine in turn, as a cluster spreads them."""

    def __init__(self) -> None:
        self._next = 0

    async def reserve(
        self, _asker: str, names: Sequence[str], _taken: Sequence[Endpoint], _runtime: str = ""
    ) -> tuple[Endpoint, ...]:  # fmt: skip
        return tuple(self._place() for _ in names)

    def _place(self) -> Endpoint:
        self._next += 1
        machine, number = self._next % MACHINES, self._next // MACHINES
        return Endpoint(f"10.{machine}.{number // 250}.{number % 250 + 1}", 8080)


def size(apps: int) -> list[Figure]:
    """Measure with this many apps."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with TemporaryDirectory() as folder:
        return asyncio.run(_measure(Path(folder), apps))


async def _measure(folder: Path, apps: int) -> list[Figure]:
    clock: Any = SystemClock()
    store: Any = SqliteStore(folder / "pvdify.db")
    await store.open()
    machine = large_machine(clock, store)
    machine.registry.push(IMAGE)
    daemon = machine.daemon()
    await daemon.reconciler.ensure_router()
    await daemon.deploy(FIRST, IMAGE, {"processes": {"web": {"count": INSTANCES}}})
    await clone(machine, FIRST, [f"app-{number:04d}" for number in range(1, apps)])
    label = f"{apps} apps, {apps * INSTANCES} instances on {MACHINES} machines"
    first = await _seconds(daemon.reconciler.reconcile)
    figures = [
        Figure(name=f"first look with {label}", value=f"{first:.1f} s"),
        *await _looks(daemon, label),
        *await _deploys(daemon, label),
        *await _loss(machine, daemon, label),
        Figure(name=f"memory of all with {label}", value=f"{_memory() / 1e6:.0f} MB"),
    ]
    await daemon.bury()
    await store.close()
    return figures


def large_machine(clock: Any, store: Any) -> Machine:
    """Return fakes that do not get slower with many instances."""
    machine = Machine(clock)
    machine.store, machine.is_watched = store, False
    machine.supervisor = ManyInstances(clock=clock)
    machine.prober._supervisor = machine.supervisor
    machine.places = ManyMachines()  # type: ignore[assignment]
    return machine


async def clone(machine: Machine, first: str, names: Sequence[str]) -> None:
    """Give each app the records and containers of the first one, at places of its own."""
    store, supervisor = machine.store, machine.supervisor
    app, release = await store.app(first), await store.release(first, 1)
    (slot,) = await store.slots(first)
    assert app is not None
    assert release is not None
    for name in names:
        endpoints = await machine.places.reserve(name, [""] * len(slot.placements), ())
        places = tuple(
            replace(it, name=instance_name(name, it.process, 1, it.number), endpoint=at)
            for it, at in zip(slot.placements, endpoints, strict=True)
        )
        await store.save(
            replace(app, name=name), replace(release, app=name), replace(slot, app=name, placements=places)
        )
        for before, place, at in zip(slot.placements, places, endpoints, strict=True):
            spec = supervisor.spec(before.name)
            await supervisor.start(replace(spec, name=place.name, app=name, exposed=Exposed(port=8080, at=at)))


async def _looks(daemon: Daemon, label: str) -> list[Figure]:
    """A pass of the reconciler in which nothing has changed."""
    walls, cpus = [], []
    for _ in range(ROUNDS):
        cpu = time.process_time()
        walls.append(await _seconds(daemon.reconciler.reconcile))
        cpus.append(time.process_time() - cpu)
    name = f"look of the reconciler with {label}, median of {ROUNDS}"
    return [
        Figure(name=name, value=f"{statistics.median(walls):.2f} s"),
        _figure(f"processor time of a {name}", statistics.median(cpus), 2.0),
    ]


async def _deploys(daemon: Daemon, label: str) -> list[Figure]:
    """Deploys of one app, and the processor time that each takes beside waiting."""
    walls, cpus = [], []
    for _ in range(ROUNDS):
        cpu = time.process_time()
        walls.append(await _seconds(lambda: daemon.deploy(FIRST, IMAGE)))
        cpus.append(time.process_time() - cpu)
    return [
        Figure(name=f"deploy with {label}, median of {ROUNDS}", value=f"{statistics.median(walls):.2f} s"),
        _figure(f"processor time of a deploy with {label}, median of {ROUNDS}", statistics.median(cpus), 1.0),
    ]


async def _loss(machine: Machine, daemon: Daemon, label: str) -> list[Figure]:
    """Every instance on one machine ends at once; the reconciler takes them out of routes and starts them again."""
    running = asyncio.create_task(daemon.reconciler.run())
    await asyncio.sleep(8.0)  # every instance is watched
    live = [slot for slot in await machine.store.slots() if slot.state is SlotState.LIVE]
    lost = [(slot, it) for slot in live for it in slot.placements if _host(it.endpoint).startswith("10.7.")]
    cpu, begun = time.process_time(), time.perf_counter()
    for _, place in lost:
        machine.supervisor.crash(place.name)
    routed = await _until(lambda: _is_no_visitor_sent_there(machine, lost), begun)
    started = await _until(lambda: _all_run(machine, lost), begun)
    cpu = time.process_time() - cpu
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return [
        _figure(f"loss of {len(lost)} instances with {label}: no visitor is sent there after", routed, 10.0),
        _figure("started again after", started, 60.0),
        Figure(name="processor time of the loss", value=f"{cpu:.1f} s"),
    ]


async def _is_no_visitor_sent_there(machine: Machine, lost: Sequence[tuple[Slot, Any]]) -> bool:
    """Whether each of them is out of its route, or runs again."""
    routes, is_running = await machine.router.routes(), machine.supervisor.is_running
    down = [(slot, place) for slot, place in lost if not await is_running(place.name)]
    return all(place.endpoint not in routes[slot.app].targets for slot, place in down)


async def _all_run(machine: Machine, lost: Sequence[tuple[Slot, Any]]) -> bool:
    return all([await machine.supervisor.is_running(place.name) for _, place in lost])


async def _until(is_so: Callable[[], Awaitable[bool]], begun: float) -> float:
    while not await is_so():
        assert time.perf_counter() - begun < 300, "it did not happen within 300 s"
        await asyncio.sleep(0.05)
    return time.perf_counter() - begun


def _host(endpoint: object) -> str:
    return endpoint.host if isinstance(endpoint, Endpoint) else ""


async def _seconds(work: Callable[[], Awaitable[object]]) -> float:
    begun = time.perf_counter()
    await work()
    return time.perf_counter() - begun


def _figure(name: str, seconds: float, limit: float) -> Figure:
    return Figure(name=name, value=f"{seconds:.2f} s", target=f"≤ {limit:g} s", is_met=seconds <= limit)


def _memory() -> int:
    """The largest resident memory of this process, in bytes."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Measure each number of apps in a process of its own, print the figures and write RESULTS."""
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps([(it.name, it.value, it.target) for it in size(int(sys.argv[2]))]))
        return
    rows = []
    for apps in sys.argv[1:] or map(str, APPS):
        argv = (sys.executable, "-m", "bench.size", "--measure", apps)
        measured = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout
        rows += [f"| {name} | {value} | {target} |" for name, value, target in json.loads(measured)]
    text = _render(rows)
    RESULTS.write_text(text, encoding="utf-8")
    print(text)


def _render(rows: Sequence[str]) -> str:
    return "\n".join(
        [
            "# Many apps on many machines",
            "",
            f"One `python -m bench.size` on {time.strftime('%Y-%m-%d')}: {platform.system()} {platform.release()},",
            f"{os.cpu_count()} cores, load {os.getloadavg()[1]:.1f}. A real database; the runtime, the router and the",
            "probes are fakes that answer at once, so these are the costs of pvdifyd; the fakes are in its memory.",
            "",
            "| figure | measured | promised |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    main()
