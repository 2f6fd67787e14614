"""Changes of an app and of the server under load, as an operator makes them: one function for each kind."""

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bench.product import APP
from tests.e2e.trial import Trial

VERSIONS = ("v1", "v2")
SCALES = (1, 2, 3)
WEIGHTS = {"deploy": 30, "rollback": 20, "scale": 15, "restart": 10, "config": 10, "daemon kill": 10, "router": 5}
HEADERS = ("CF-Connecting-IP,X-Forwarded-For", "X-Forwarded-For")  # another setting: the router is replaced
MOST_OF_A_DEPLOY = 2.0  # seconds after which pvdifyd is killed at the latest


@dataclass(frozen=True, kw_only=True)
class Change:
    """When a change began and returned (``time.monotonic``), and the slot that was live from then on."""

    kind: str
    begun: float
    returned: float
    slot: int


class Changes:
    """Makes random changes; equal seeds make equal sequences of kinds."""

    def __init__(self, trial: Trial, seed: int) -> None:
        self._trial = trial
        self._random = random.Random(seed)
        self._versions, self._headers = itertools.cycle(VERSIONS), itertools.cycle(HEADERS)
        self._header: tuple[str, ...] = ()
        self._numbers = itertools.count()
        self._kinds: dict[str, Callable[[], Awaitable[None]]] = {
            "deploy": self._deploy,
            "rollback": self._roll_back,
            "scale": self._scale,
            "restart": self._restart,
            "config": self._configure,
            "daemon kill": self._kill,
            "router": self._replace_router,
        }

    async def make(self) -> Change:
        """Make the next change; it has succeeded when this returns."""
        (kind,) = self._random.choices(list(WEIGHTS), list(WEIGHTS.values()))
        begun = time.monotonic()
        await self._kinds[kind]()
        returned = time.monotonic()
        return Change(kind=kind, begun=begun, returned=returned, slot=self._trial.live_slot(APP))

    async def _run(self, *arguments: str) -> None:
        await asyncio.to_thread(self._trial.pvdify, *arguments)

    def _image(self) -> str:
        return self._trial.stage.image(next(self._versions))

    async def _deploy(self) -> None:
        await self._run("deploy", APP, "--image", self._image())

    async def _roll_back(self) -> None:
        await self._run("rollback", APP)

    async def _scale(self) -> None:
        await self._run("ps:scale", APP, f"web={self._random.choice(SCALES)}")

    async def _restart(self) -> None:
        await self._run("ps:restart", APP)

    async def _configure(self) -> None:
        await self._run("config:set", APP, f"BENCH={next(self._numbers)}")
        await self._run("deploy", APP)

    async def _kill(self) -> None:
        await self._run("deploy", APP, "--image", self._image(), "--no-wait")
        await asyncio.sleep(self._random.uniform(0, MOST_OF_A_DEPLOY))
        await asyncio.to_thread(self._trial.kill)
        await self.start()
        settled = await asyncio.to_thread(self._trial.settle, APP)
        assert settled["status"] == "active", settled

    async def _replace_router(self) -> None:
        before = set(self._trial.router_pids())
        await asyncio.to_thread(self._trial.stop)
        self._header = ("--client-address-headers", next(self._headers))
        await self.start()
        async with asyncio.timeout(30):
            while before.issuperset(await asyncio.to_thread(self._trial.router_pids)):
                await asyncio.sleep(0.05)

    async def start(self) -> None:
        """Start pvdifyd with the settings that it has at this point."""
        await asyncio.to_thread(lambda: self._trial.start(settings=self._header))
