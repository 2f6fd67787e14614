"""The cost of the router: a switch with few and many apps, under load and idle, a restart, and the spread of load.

`python -m bench.router` prints the tables of docs/decisions/0003-router-haproxy-maps.md.
"""

import asyncio
import os
import signal
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from pvdify.adapters.haproxy import commands, config, disk, maps
from pvdify.adapters.haproxy.maps import LIVE, Change, Tables
from pvdify.adapters.haproxy.router import HaproxyRouter
from pvdify.adapters.haproxy.runtime_api import RuntimeApi
from pvdify.model.route import Route
from tests.load import GET, POST, Load
from tests.load.backend import Backend
from tests.load.real_router import RouterProcess, real_router
from tests.support.endpoints import here

ROUNDS = 100
CHECKOUT = Path(__file__).parents[1]


def shop(slot: int, *targets: int) -> Route:
    return Route(app="shop", hostnames=("shop.test",), slot=slot, targets=here(*targets))


@asynccontextmanager
async def release(version: str) -> AsyncIterator[int]:
    arguments = ("-m", "tests.load.backend", "--version", version)
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, cwd=CHECKOUT
    )
    try:
        yield int(await process.stdout.readline())
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def crowded(apps: int) -> AsyncIterator[tuple[RouterProcess, HaproxyRouter]]:
    """A router that knows this many apps, `shop` among them."""
    async with real_router() as process:
        tables = Tables()
        for number in range(apps - 1):
            route = Route(app=f"app{number}", hostnames=(f"app{number}.test",), slot=1, targets=here(20000, 20001))
            tables = maps.apply(tables, maps.put(tables, route))
        disk.prepare(process.directory)
        disk.write_tables(process.directory, tables, maps.MAPS)
        router = process.connect()
        await router.ensure_running()
        yield process, router


async def milliseconds(work: Callable[[int], Awaitable[object]]) -> tuple[float, float]:
    """Median and 99th percentile of many rounds."""
    taken = []
    for turn in range(ROUNDS):
        started = time.perf_counter()
        await work(turn)
        taken.append((time.perf_counter() - started) * 1000)
        await asyncio.sleep(0.02)
    return statistics.median(taken), sorted(taken)[int(0.99 * ROUNDS)]


async def switches(apps: int) -> float:
    """Prints a row; the median of an idle switch in milliseconds."""
    async with crowded(apps) as (process, router), release("v1") as one, release("v2") as two:
        api, ports = RuntimeApi(process.run_dir / "haproxy.sock"), (one, two)
        slots = iter(range(1, 10_000))

        async def put(turn: int) -> None:
            await router.put(shop(next(slots), ports[turn % 2]))

        async def command(turn: int) -> None:
            change = Change(map=LIVE, key="shop", value=f"shop/v{turn % 2 + 1}")
            await api.ask(commands.act(change, is_present=True))

        idle, alone = await milliseconds(put), await milliseconds(command)
        async with Load(str(process.listen), "shop.test", clients=32) as load:
            busy = await milliseconds(put)
            report = await load.stop()
        memory = next(
            line.split()[1]
            for line in Path(f"/proc/{process.pids()[0]}/status").read_text().splitlines()
            if line.startswith("VmRSS")
        )
        print(
            f"| {apps} | {idle[0]:.1f} / {idle[1]:.1f} | {busy[0]:.1f} / {busy[1]:.1f} | {alone[0]:.1f} "
            f"| {report.requests} | {len(report.failures)} | {int(memory) / 1024:.0f} |"
        )
    return idle[0]


async def returns() -> None:
    async with crowded(100) as (process, router):
        taken = []
        for _ in range(20):
            os.kill(process.pids()[0], signal.SIGKILL)
            started = time.perf_counter()
            await router.wait_died()
            await router.ensure_running()
            taken.append((time.perf_counter() - started) * 1000)
            await asyncio.sleep(0.05)
        print(f"\nback after SIGKILL: median {statistics.median(taken):.0f} ms, longest {max(taken):.0f} ms")


async def cost() -> None:
    async with crowded(100) as (process, router), release("v1") as one:
        await router.put(shop(1, one))
        before = processor_seconds(process.pids()[0])
        async with Load(str(process.listen), "shop.test", mix=(GET, POST)) as load:
            await asyncio.sleep(3)
            report = await load.stop()
        spent = processor_seconds(process.pids()[0]) - before
        print(f"processor: {spent / report.requests * 1e6:.0f} µs a request, half GET half POST ({report.rate:.0f}/s)")


async def spread(name: str, delays: tuple[float, ...]) -> None:
    async with crowded(1) as (process, router):
        backends = [Backend(version=f"web.{n}", delay=delay) for n, delay in enumerate(delays, start=1)]
        for backend in backends:
            await backend.start()
        await router.put(shop(1, *(backend.port for backend in backends)))
        most = [0] * len(backends)
        async with Load(str(process.listen), "shop.test", mix=(GET,)) as load:
            for _ in range(1000):
                await asyncio.sleep(0.003)
                most = [max(seen, backend.in_flight) for seen, backend in zip(most, backends, strict=True)]
            report = await load.stop()
        shares = ", ".join(f"{count / report.requests:.0%}" for _, count in sorted(report.by_version.items()))
        print(f"| {name} | {report.rate:.0f} | {shares} | {', '.join(map(str, most))} |")
        for backend in backends:
            await backend.stop()


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def without_choice(text: Callable[..., str]) -> Callable[..., str]:
    """The same configuration, with the first of the two drawn targets always taken."""
    return lambda spec: "\n".join(line for line in text(spec).split("\n") if "sub(txn.other_busy)" not in line)


async def main() -> None:
    print("| apps | switch, idle (median / p99 ms) | under load | command alone | requests | failed | memory MB |")
    print("|---|---|---|---|---|---|---|")
    for apps in (1, 100, 500):
        await switches(apps)
    await returns()
    await cost()
    print("\n| instances | requests/s | shares | most in flight |\n|---|---|---|---|")
    uneven = (0.01, 0.01, 0.01, 0.05)
    await spread("4 equal", (0.01,) * 4)
    await spread("one of 4 is 5 times slower", uneven)
    config._frontend = without_choice(config._frontend)  # no setting turns this off, so only patching compares it
    await spread("the same, drawn at random", uneven)


if __name__ == "__main__":
    asyncio.run(main())
