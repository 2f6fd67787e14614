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
    out, deaths = [], []
    async with Load(trial.stage.router, HOSTNAME, clients=CLIENTS, pause=0.005, mix=(GET,)) as load:
        for number in range(ROUNDS):
            await _until(lambda: trial.routed(APP) == INSTANCES)
            await asyncio.sleep(QUIET)
            name = f"pvdify-{APP}-web-v{slot}-{number % INSTANCES + 1}"
            killed = await asyncio.to_thread(trial.kill_instance, name)
            await _until(lambda: trial.routed(APP) < INSTANCES)
            out.append(load.now() - killed)
            deaths.append((killed, load.now()))
        report = await load.stop()
    median, longest = statistics.median(out), max(out)
    # Requests in flight at the instance get 502; requests after its end must not fail.
    begun = sum(any(at - QUIET < it.started < gone for at, gone in deaths) for it in report.failures)
    failed = len(report.failures) - begun
    return [
        Figure(
            name=f"an instance of {INSTANCES} killed {ROUNDS} times: out of the route, median and longest",
            value=f"{median * 1000:.0f} and {longest * 1000:.0f} ms",
            target="≤ 1 s",
            is_met=longest <= 1,
        ),
        Figure(
            name=f"failed GETs of {CLIENTS} keep-alive clients meanwhile, without those that it had begun",
            value=f"{failed} of {report.requests:,}",
            target="0",
            is_met=failed == 0,
        ),
        Figure(
            name="GETs that it had begun, in all deaths together",
            value=str(begun),
            target=f"≤ {CLIENTS * ROUNDS}",
            is_met=begun <= CLIENTS * ROUNDS,
        ),
        Figure(name="the slowest of them", value=f"{report.latency(1.0) * 1000:.0f} ms"),
    ]


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.002)
