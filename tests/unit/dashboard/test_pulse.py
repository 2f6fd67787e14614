"""The pulse that streams wait for: it detects a change at once, and reads nothing while nothing changes."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from pvdify.dashboard import pulse
from pvdify.dashboard.pulse import Pulse
from pvdify.errors import StoreUnavailable
from tests.support.waiting import PATIENCE


class Engine:
    """The part of an engine that the pulse uses; ``reads`` counts the reads of all statuses."""

    def __init__(self) -> None:
        self.version, self.newest, self.reads, self.is_broken = 1, 1, 0, False
        self.samples = SimpleNamespace(at=None)
        self.queries: Any = self
        self.activity = SimpleNamespace(newest_id=self._newest)

    async def _newest(self) -> int:
        return self.newest

    async def statuses(self) -> dict[str, object]:
        self.reads += 1
        if self.is_broken:
            raise StoreUnavailable("the disk is full", next="make room")
        return {}

    @property
    def writes(self) -> int:
        return self.newest

    def write(self) -> None:
        """Record an event."""
        self.version, self.newest = self.version + 1, self.newest + 1


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "LOOK_SECONDS", 0.01)


async def test_statuses_are_read_only_after_something_changed():
    engine = Engine()
    watched = Pulse(engine)  # type: ignore[arg-type]
    number = await watched.wait(0, PATIENCE)
    assert await watched.wait(number, 0.2) == number
    assert engine.reads == 1

    engine.write()

    assert await watched.wait(number, PATIENCE) == number + 1
    assert engine.reads == 2


async def test_changes_caused_by_time_alone_are_detected_at_the_next_full_read(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pulse, "READ_AGAIN_SECONDS", 0.05)
    engine = Engine()
    watched = Pulse(engine)  # type: ignore[arg-type]
    number = await watched.wait(0, PATIENCE)

    engine.newest += 1

    assert await watched.wait(number, PATIENCE) == number + 1


async def test_after_an_error_statuses_are_read_again_at_the_next_check():
    engine = Engine()
    watched = Pulse(engine)  # type: ignore[arg-type]
    engine.is_broken = True
    while engine.reads < 2:
        await watched.wait(0, 0.01)

    engine.is_broken = False

    assert await watched.wait(0, PATIENCE) == 1
    await asyncio.sleep(0.1)
    reads = engine.reads
    await watched.wait(1, 0.1)
    assert engine.reads == reads


async def test_a_fragment_is_rendered_again_after_a_change_without_a_waiting_stream():
    engine = Engine()
    watched = Pulse(engine)  # type: ignore[arg-type]
    rendered: list[int] = []

    async def render() -> str:
        rendered.append(engine.newest)
        return f"event {engine.newest}"

    await watched.shown(("now", None), render)
    await watched.shown(("now", None), render)
    engine.write()

    assert (await watched.shown(("now", None), render)).text == "event 2"
    assert rendered == [1, 2]


async def test_long_fragments_are_not_all_kept(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pulse, "MOST_CHARACTERS", 1000)
    watched = Pulse(Engine())  # type: ignore[arg-type]
    rendered: list[object] = []

    async def show(name: object) -> str:
        async def render() -> str:
            rendered.append(name)
            return "x" * 400

        return (await watched.shown((name, None), render)).text

    for name in range(4):
        await show(name)

    await show(3)
    assert rendered == [0, 1, 2, 3]
    await show(0)
    assert rendered == [0, 1, 2, 3, 0]
