"""Requests that an app could lose or begin twice: it closes idle connections, or ends without an answer.

`python -m bench.sent_once` prints the figures of docs/decisions/0025-a-connection-for-each-request.md.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.product import Figure
from pvdify.model.route import Route
from tests.load.hasty import METHODS, UNREPEATABLE, HastyApp, Visitors, begun, most_instances
from tests.load.real_router import real_router
from tests.support.endpoints import here

IDLE = 0.1  # seconds
VISITORS = 100
IDLE_REQUESTS = 260  # of each visitor, in each of four runs
ENDED_REQUESTS = 30


async def sent_once() -> list[Figure]:
    """Every run with one and with three instances."""
    lost, ended = Counter[str](), Counter[str]()
    twice, widest = 0, 0
    for instances in (1, 3):
        for is_chunked in (False, True):
            async with _serving(instances) as (visitors, apps):
                await visitors.come(
                    VISITORS, IDLE_REQUESTS, methods=UNREPEATABLE, path="/", pause=IDLE, is_chunked=is_chunked
                )
            lost += sum(visitors.answers.values(), Counter())
            twice += sum(times > 1 for times in begun(apps).values())
        for path in ("/close", "/reset"):
            async with _serving(instances) as (visitors, apps):
                await visitors.come(VISITORS, ENDED_REQUESTS, methods=METHODS, path=path)
            ended += sum(visitors.answers.values(), Counter())
            twice += sum(times > 1 for times in begun(apps).values())
            widest = max(widest, most_instances(apps))
    failed = lost.total() - lost["200"]
    why = f" ({dict(lost)})" if failed else ""
    return [
        Figure(
            name="unrepeatable requests lost by an app that closes idle connections as visitors come back",
            value=f"{failed} of {lost.total():,}{why}", target="0 of ≥ 100,000", is_met=failed == 0,
        ),
        Figure(
            name="requests begun twice, of these and of those that ended without an answer",
            value=f"{twice} of {lost.total() + ended.total():,}", target="0", is_met=twice == 0,
        ),
        Figure(
            name="requests that ended without an answer: most instances that began one",
            value=f"{widest} ({ended.total():,} requests, {ended['502']:,} answered 502)",
            target="1", is_met=widest == 1 and ended["502"] == ended.total(),
        ),
    ]  # fmt: skip


@asynccontextmanager
async def _serving(instances: int) -> AsyncIterator[tuple[Visitors, list[HastyApp]]]:
    async with real_router() as process:
        router = process.connect()
        await router.ensure_running()
        apps = [HastyApp(idle=IDLE) for _ in range(instances)]
        for app in apps:
            await app.start()
        await router.put(Route(app="shop", hostnames=("shop.test",), slot=1, targets=here(*(app.port for app in apps))))
        yield Visitors(host=process.listen.host, port=process.listen.port), apps
        for app in apps:
            app.stop()
        await router.close()


if __name__ == "__main__":
    for figure in asyncio.run(sent_once()):
        print(f"{figure.name}: {figure.value}")
