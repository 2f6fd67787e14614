"""One of three web instances is killed under load: how soon it gets no visitors, and what became of their requests."""

import asyncio
import statistics
from collections.abc import Callable

from bench.product import APP, HOSTNAME, Figure
from tests.e2e.trial import Trial
from tests.load import GET, Load

INSTANCES = 3
ROUNDS = 9
CLIENTS = 12
QUIET = 0.5  # seconds of load before each death


async def deaths(trial: Trial) -> list[Figure]:
    """SIGKILL for a container's first process, again and again; each is started again and answers before the next."""
    await asyncio.to_thread(trial.pvdify, "ps:scale", APP, f"web={INSTANCES}")
    slot = trial.live_slot(APP)
    out = []
    async with Load(trial.stage.router, HOSTNAME, clients=CLIENTS, pause=0.005, mix=(GET,)) as load:
        for number in range(ROUNDS):
            await _until(lambda: trial.routed(APP) == INSTANCES)
            await asyncio.sleep(QUIET)
            name = f"pvdify-{APP}-web-v{slot}-{number % INSTANCES + 1}"
            killed = await asyncio.to_thread(trial.kill_instance, name)
            await _until(lambda: trial.routed(APP) < INSTANCES)
            out.append(load.now() - killed)
        report = await load.stop()
    failed, median, longest = len(report.failures), statistics.median(out), max(out)
    return [
        Figure(
            name=f"an instance of {INSTANCES} killed {ROUNDS} times: out of the route, median and longest",
            value=f"{median * 1000:.0f} and {longest * 1000:.0f} ms",
            target="≤ 1 s",
            is_met=longest <= 1,
        ),
        Figure(
            name=f"failed GETs of {CLIENTS} keep-alive clients meanwhile",
            value=f"{failed} of {report.requests:,}",
            target="0",
            is_met=failed == 0,
        ),
        Figure(name="the slowest of them", value=f"{report.latency(1.0) * 1000:.0f} ms"),
    ]


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.002)
