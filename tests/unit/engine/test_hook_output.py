"""The cost of a line of a hook's output: equal for the first and the last line, with and without followers.

Counted in calls of functions, which no other work on the machine changes. A line read again, or a list of all lines
walked for each batch, made 60,000 lines take for ever.
"""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import pytest

import pvdify
from pvdify.adapters.files.deploy_log import FileDeployLog
from pvdify.adapters.podman.logs import output
from pvdify.model.instance import LogLine
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import Daemon, Machine

IMAGE = "reg.example.com/shop:v1"
SOURCES = str(Path(pvdify.__file__).parent)
RECORD = f"{datetime(2026, 11, 23, 12, 0, tzinfo=UTC).isoformat()} stdout F migrating row %d of a large table\n"
CHUNK = 50  # lines that the hook writes at once
FEW, MANY = 400, 1600
MOST_GROWTH = 1.4  # costs that grow with the number of lines give 1.8 and more


class Calls:
    """Count the calls of pvdify's code, also in threads started meanwhile, but not those of waiting tests and fakes."""

    def __init__(self) -> None:
        self.count = 0

    def notice(self, frame: FrameType, event: str, _arg: object) -> None:
        if event in ("call", "c_call") and frame.f_code.co_filename.startswith(SOURCES):
            self.count += 1


@pytest.fixture
async def calls() -> AsyncIterator[Calls]:
    """Counts from the beginning, so that it counts in the threads of the loop as well."""
    calls = Calls()
    threading.setprofile(calls.notice)
    sys.setprofile(calls.notice)
    yield calls
    sys.setprofile(None)
    threading.setprofile(None)


class Follower:
    """Follow the deploy log from the hook's start; ``seen`` has the lines of the hook that were received.

    Nothing here asks again and again: each turn of such a loop would resume pvdify's coroutines, and be counted.
    """

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self.seen = 0
        self.begin = asyncio.Event()
        self._received = asyncio.Event()

    async def run(self) -> None:
        await self.begin.wait()
        async for entry in self._daemon.engine.queries.follow_deploy_log("shop", 1):
            self.seen += entry is not None and entry.text.startswith("migrating row")
            self._received.set()

    async def wait_for(self, lines: int) -> None:
        while self.seen < lines:
            self._received.clear()
            await self._received.wait()


class Talkative:
    """A hook that writes its lines in chunks, each after all followers have received the previous chunk."""

    def __init__(self, machine: Machine, file: Path, lines: int, followers: list[Follower]) -> None:
        self._clock, self._file, self._followers, self._written = machine.clock, file, followers, 0
        self._chunks = [range(begin, begin + CHUNK) for begin in range(0, lines, CHUNK)]

    async def output(self, name: str, ended: asyncio.Event) -> AsyncIterator[tuple[LogLine, ...]]:
        over = asyncio.Event()
        self._write_on(over)
        for follower in self._followers:
            follower.begin.set()
        async for lines in output.read(self._file, name, over, self._clock):
            yield lines
            for follower in self._followers:
                await follower.wait_for(self._written)
            self._write_on(over)
        await ended.wait()

    def _write_on(self, over: asyncio.Event) -> None:
        chunk = self._chunks.pop(0) if self._chunks else range(0)
        with self._file.open("a") as file:
            file.write("".join(RECORD % number for number in chunk))
        self._written += len(chunk)
        if not self._chunks:
            over.set()


async def deploy(lines: int, followers: int, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deploy with a hook that writes this many lines, while others follow the deploy log."""
    directory.mkdir()
    machine = Machine()
    machine.registry.push(IMAGE)
    machine.deploy_log = FileDeployLog(directory)  # type: ignore[assignment]
    machine.supervisor.script(Behaviour(exit_code=0, exit_after=1.0), process="pre_deploy")
    daemon = machine.daemon()
    following = [Follower(daemon) for _ in range(followers)]
    talkative = Talkative(machine, directory / "output", lines, following)
    monkeypatch.setattr(machine.supervisor, "output", talkative.output)

    deploying = daemon.deploy(image=IMAGE, manifest={"hooks": {"pre_deploy": [["migrate"]]}})
    await asyncio.gather(deploying, *(each.run() for each in following))

    shown = await machine.deploy_log.read("shop", 1)
    assert sum(entry.text.startswith("migrating row") for entry in shown) == lines
    assert [each.seen for each in following] == [lines] * followers
    await daemon.bury()


@pytest.mark.parametrize("followers", [0, 2])
async def test_the_cost_per_line_does_not_grow_with_their_number(
    followers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: Calls
) -> None:
    counts = []
    for lines in (0, FEW, MANY):
        before = calls.count
        await deploy(lines, followers, tmp_path / f"{lines}", monkeypatch)
        counts.append(calls.count - before)

    none, few, many = counts
    first, later = (few - none) / FEW, (many - few) / (MANY - FEW)
    assert later <= MOST_GROWTH * first, f"{first:.1f} calls a line among {FEW}, {later:.1f} among {MANY}"
