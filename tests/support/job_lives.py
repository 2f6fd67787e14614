"""An app with a scheduled job over weeks: deploys, rollbacks, killed daemons, reboots, clocks that are set."""

import asyncio
import random
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from pvdify.manifest.schedules import due_times
from tests.fakes.behaviour import Behaviour
from tests.fakes.clock import FakeClock
from tests.fakes.machine import Killed, Machine

V1, V2 = "reg.example.com/shop:v1", "reg.example.com/shop:v2"
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
SCHEDULES = ("*/10 * * * *", "*/15 * * * *", "7,37 * * * *", "0 * * * *", "30 2 * * *")
BEGIN = datetime(2026, 10, 24, 0, 0, tzinfo=UTC)  # the clocks of Berlin are set back a day later
Span = tuple[datetime, datetime, str, str]


class JobLife:
    """One simulation, determined by its seed."""

    def __init__(self, seed: int, steps: int) -> None:
        self._random = random.Random(seed)
        self._steps = steps
        self._machine = Machine(FakeClock(start=BEGIN, patience=12), standby="60s")
        for image in (V1, V2):
            self._machine.registry.push(image, content=image)
        self._machine.supervisor.script(Behaviour(exit_code=0, exit_after=3), process="report")
        self._spans: list[Span] = []  # from when until when which schedule counted
        self._daemon = self._machine.daemon()
        self._task: asyncio.Task[None] | None = None
        self.was_set_back = False
        self.due = 0

    def run(self) -> list[str]:
        """Run the simulation, and return what was wrong."""
        return asyncio.run(self._live())

    async def _live(self) -> list[str]:
        await self._deploy()
        self._begin()
        for _ in range(self._steps):
            await self._random.choice((self._wait, self._wait, self._wait, self._deploy, self._roll_back, self._die,
                                       self._reboot, self._set_clock))()  # fmt: skip
            await self._machine.clock.sleep(self._random.uniform(0, 1800))
        await self._machine.clock.sleep(120)
        await self._end()
        return await self._wrong()

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._daemon.scheduler.run())

    async def _end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError, Killed):
                await self._task
        await self._daemon.bury()

    async def _wait(self) -> None:
        await self._machine.clock.sleep(self._random.uniform(0, 3 * 3600))

    async def _deploy(self) -> None:
        job = {"schedule": self._random.choice(SCHEDULES), "time_zone": self._random.choice(ZONES),
               "command": "report", "catch_up": self._random.choice(("0", "30m", "2h")),
               "overlap": self._random.choice(("skip", "queue", "allow"))}  # fmt: skip
        manifest: dict[str, Any] = {"jobs": {"report": job}}
        if self._random.random() < 0.3:
            manifest["volumes"] = {"data": {"path": "/data"}}
        await self._daemon.deploy(image=self._random.choice((V1, V2)), manifest=manifest)
        await self._note_schedule()

    async def _roll_back(self) -> None:
        if len(await self._machine.store.live_versions("shop", 3)) > 1:
            await self._daemon.rollback()
            await self._note_schedule()

    async def _note_schedule(self) -> None:
        live = await self._machine.store.active_release("shop")
        assert live is not None
        slot = await self._machine.store.slot("shop", live.slot or live.version)
        assert slot is not None
        job = live.manifest.jobs["report"]
        self._spans.append((slot.since, slot.since, job.schedule, job.time_zone))

    async def _die(self) -> None:
        """Killed at a write of the journal, and away for up to hours."""
        await self._end()
        self._daemon = self._machine.daemon(kill_at=self._random.randrange(1, 40))
        self._begin()
        died = asyncio.create_task(self._daemon.died.wait())
        nap = asyncio.create_task(self._machine.clock.sleep(self._random.uniform(60, 7200)))
        await asyncio.wait({died, nap}, return_when=asyncio.FIRST_COMPLETED)
        for task in (died, nap):
            task.cancel()
        await self._restart()

    async def _restart(self) -> None:
        await self._end()
        self._machine.clock.jump(self._random.choice((1.0, 60.0, 3600.0, 3 * 3600.0)))
        self._daemon = self._machine.daemon()
        await self._daemon.recover()
        if self._random.random() < 0.5:  # a deploy continues before the scheduler runs what was due meanwhile
            await self._deploy()
        self._begin()

    async def _reboot(self) -> None:
        await self._end()
        self._machine.supervisor.reboot()
        await self._restart()

    async def _set_clock(self) -> None:
        step = self._random.choice((-7200, -1800, -90, 90, 1800, 7200, 86400))
        self.was_set_back |= step < 0
        self._machine.clock.set_by(step)
        await self._machine.clock.sleep(10)

    async def _wrong(self) -> list[str]:
        runs = await self._machine.store.job_runs("shop", "report", 100_000)
        ran = [run.due_at for run in runs if not run.state.never_ran]
        wrong = [f"ran twice: {at}" for at in {at for at in ran if at is not None and ran.count(at) > 1}]
        wrong += [f"not over: {run}" for run in runs if not run.state.is_over]
        wrong += [f"no cause: {run}" for run in runs if run.state.value != "succeeded" and not run.cause]
        started = self._machine.supervisor.executions("report")
        if started > len([run for run in runs if run.started_at]):
            wrong.append(f"{started} containers for {len(ran)} runs")
        known = [(run.due_at, run.last_due_at or run.due_at) for run in runs if run.due_at is not None]
        for due in self._all_due():
            self.due += 1
            if not any(first <= due <= (last or first) for first, last in known):
                wrong.append(f"forgotten: {due}")
        return wrong

    def _all_due(self) -> list[datetime]:
        """Each due time while its schedule was live. A clock that was set makes spans that overlap, or go backwards."""
        now = self._machine.clock.now()
        found = []
        for (begin, _, schedule, zone), after in zip(self._spans, [*self._spans[1:], (now, now, "", "")], strict=True):
            times = due_times(schedule, zone, begin)
            for due in times:
                if due > min(after[0], now):
                    break
                found.append(due)
        return found
