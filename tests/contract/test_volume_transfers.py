"""Contract of the ``volume_transfers`` port: the fake, and on a real cluster podman beside it."""

from dataclasses import dataclass
from typing import Protocol

import pytest

from pvdify.errors import VolumeExists
from pvdify.ports.volume_transfers import VolumeTransfers
from tests.fakes.clock import FakeClock
from tests.fakes.supervisor import FakeSupervisor
from tests.fakes.volume_transfers import FakeVolumeTransfers

SIDES = [("podman", "kubernetes"), ("kubernetes", "podman")]
SOURCE, COPY = "shop-data-1", "shop-data-1-v2"


class World(Protocol):
    """Two sides. Volumes are those of the app ``shop``."""

    transfers: VolumeTransfers

    async def make(self, id: str, runtime: str, text: str) -> None:
        """A volume on this side with a file."""

    async def read(self, id: str, runtime: str) -> str:
        """The content of that file; "" if this side does not have the volume."""
        ...


@dataclass
class FakeWorld:
    transfers: FakeVolumeTransfers

    async def make(self, id: str, runtime: str, text: str) -> None:
        self.transfers.make(id, runtime, text)

    async def read(self, id: str, runtime: str) -> str:
        return self.transfers.read(id, runtime)


@pytest.fixture
def world() -> World:
    clock = FakeClock()
    return FakeWorld(FakeVolumeTransfers(clock=clock, supervisor=FakeSupervisor(clock=clock)))


@pytest.mark.parametrize(("here", "there"), SIDES)
async def test_a_copy_has_the_content_and_the_source_keeps_it(world: World, here: str, there: str):
    await world.make(SOURCE, here, "content")

    await world.transfers.copy("shop", SOURCE, COPY, there)

    assert [await world.read(SOURCE, here), await world.read(COPY, there)] == ["content", "content"]
    assert [await world.transfers.is_across(SOURCE, runtime) for runtime in (here, there)] == [False, True]
    assert [await world.transfers.is_across(COPY, runtime) for runtime in (here, there)] == [True, False]


@pytest.mark.parametrize(("here", "there"), SIDES)
async def test_a_copy_is_made_anew_after_it_was_discarded(world: World, here: str, there: str):
    await world.make(SOURCE, here, "content")
    await world.transfers.discard(COPY, there)  # absent is fine
    await world.transfers.copy("shop", SOURCE, COPY, there)

    await world.transfers.discard(COPY, there)
    gone = await world.read(COPY, there)
    await world.transfers.copy("shop", SOURCE, COPY, there)

    assert (gone, await world.read(COPY, there)) == ("", "content")


@pytest.mark.parametrize(("here", "there"), SIDES)
async def test_a_volume_with_content_is_not_written_over(world: World, here: str, there: str):
    await world.make(SOURCE, here, "content")
    await world.make(COPY, there, "precious")

    with pytest.raises(VolumeExists):
        await world.transfers.copy("shop", SOURCE, COPY, there)

    assert await world.read(COPY, there) == "precious"


@pytest.mark.parametrize(("here", "there"), SIDES)
async def test_a_volume_that_is_not_stored_makes_no_copy(world: World, here: str, there: str):
    await world.make(SOURCE, here, "content")  # so that the side is there

    await world.transfers.copy("shop", "shop-never-used-1", COPY, there)

    assert await world.read(COPY, there) == ""
    assert not await world.transfers.is_across("shop-never-used-1", there)
