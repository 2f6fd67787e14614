"""Lives of workers by the lines that their programs write, and a random mix of operations on many apps."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from pvdify.model.instance import LogLine
from pvdify.model.operation import OperationState
from pvdify.model.release import ReleaseStatus
from tests.support.asking import ACTOR
from tests.support.jobs import SPELLINGS, Spelling
from tests.support.real_machine import RealDaemon

GRACE = "60s"  # a job takes 0.3 s, also on a machine that has other work
MOST_WORKERS = 2


async def worker_lines(daemon: RealDaemon, app: str) -> AsyncIterator[tuple[str, tuple[LogLine, ...]]]:
    """Yield the container's name and all lines of each worker that the app has had, release by release."""
    logs = daemon.queries.runtime_logs
    for release in await daemon.store.releases(app, 1000):
        writers = await logs.writers(app, "worker", release.version) if release.slot == release.version else {}
        for name, writer in writers.items():
            yield name, await logs.tail({name: writer}, 100_000)


@dataclass(frozen=True, kw_only=True)
class Work:
    """One time that a job was under way, in nanoseconds. ``ended``: None if it was cut."""

    began: int
    ended: int | None


@dataclass(kw_only=True)
class Marks:
    """What the jobs of all apps wrote, by app, number of the worker and job.

    ``strays``: apps whose shell began something else once its job had ended by the signal.
    """

    works: dict[tuple[str, str, str], list[Work]] = field(default_factory=lambda: defaultdict(list))
    strays: list[str] = field(default_factory=list)

    def read(self, app: str, lines: Iterable[str]) -> None:
        """Add the lines of an app's workers, in any order."""
        said = [line.split() for line in lines]
        self.strays += [app for words in said if words[:1] == ["next"]]
        marks = sorted((int(words[-1]), words[0], words[1], words[-2]) for words in said if len(words) >= 4)
        for at, job, word, instance in marks:
            works = self.works[app, instance, job]
            if word == "up":
                works.append(Work(began=at, ended=None))
            elif word == "finished" and (under_way := [it for it in works if it.ended is None]):
                works[works.index(under_way[0])] = Work(began=under_way[0].began, ended=at)

    @property
    def unfinished(self) -> list[tuple[str, str, str]]:
        """The jobs that were cut, once for each time."""
        return [key for key, works in self.works.items() for work in works if work.ended is None]

    @property
    def overlap(self) -> float:
        """The milliseconds in which one worker of an app ran twice."""
        pairs = [pair for works in self.works.values() for pair in pairwise(works)]
        return sum(max(0, (before.ended or before.began) - after.began) for before, after in pairs) / 1e6

    @property
    def count(self) -> int:
        return sum(map(len, self.works.values()))


@dataclass(kw_only=True)
class BusyApp:
    """An app with one worker command, its state, and the images that it is deployed with."""

    name: str
    spelling: Spelling
    daemon: RealDaemon
    images: tuple[str, ...]
    is_stopped: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def deploy(self, image: str) -> None:
        release = await self.daemon.deploy(self.name, image, self._manifest())
        assert release.status is ReleaseStatus.ACTIVE, f"{self.name}: {release.status}"

    async def operate(self, kind: str, count: int) -> None:
        """Carry out one operation; a stopped app is started before anything else is done with it."""
        async with self.lock:
            if self.is_stopped and kind != "deploy":
                kind = "start"
            if kind == "deploy":
                await self.deploy(self.images[count % len(self.images)])
            elif kind == "restart":
                await self._check(await self.daemon.restart(self.name, "worker"))
            elif kind == "scale":
                await self._check(await self.daemon.scale(self.name, worker=count))
            else:
                await self.set_stopped(is_stopped=kind == "stop")

    async def set_stopped(self, *, is_stopped: bool) -> None:
        asked = await self.daemon.processes.set_stopped(self.name, ACTOR, is_stopped=is_stopped)
        await self._check(await self.daemon.finish_operation(asked))
        self.is_stopped = is_stopped

    async def _check(self, done: Any) -> None:
        assert done.state is OperationState.SUCCEEDED, f"{self.name}: {done}"

    def _manifest(self) -> dict[str, Any]:
        command = self.spelling.command
        worker = {"command": command if isinstance(command, str) else list(command)}
        return {"processes": {"worker": worker}, "init": self.spelling.has_init, "stop_timeout": GRACE,
                "resources": {"memory": "64M"}}  # fmt: skip


def make_apps(daemon: RealDaemon, count: int, images: tuple[str, ...]) -> list[BusyApp]:
    """Return this many apps; each spelling of a command occurs about equally often."""
    spellings = list(SPELLINGS.values())
    return [
        BusyApp(name=f"busy-{number}", spelling=spellings[number % len(spellings)], daemon=daemon, images=images)
        for number in range(count)
    ]


async def operate(apps: list[BusyApp], count: int, seed: int, at_once: int) -> None:
    """Carry out this many operations, drawn by the seed, some at once but one of an app at a time."""
    drawn = random.Random(seed)
    kinds = ("restart", "stop", "scale", "deploy")
    todo = iter([(drawn.choice(apps), drawn.choice(kinds), drawn.randint(0, MOST_WORKERS)) for _ in range(count)])

    async def work() -> None:
        for app, kind, number in todo:
            await app.operate(kind, number)

    await together(work() for _ in range(at_once))


async def together(works: Iterable[Any]) -> None:
    """Do all of this; the first failure ends the others."""
    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(work)
