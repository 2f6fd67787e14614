"""After any history, only the previous release is on standby once all drains are over."""

import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from pvdify.errors import PvdifyError
from pvdify.model.operation import OperationKind
from pvdify.model.route import Traffic
from pvdify.model.slot import SlotState
from tests.fakes.machine import ACTOR, Machine, assert_consistent

IMAGES = tuple(f"reg.example.com/shop:v{number}" for number in (1, 2, 3, 4))
LONGEST_DRAIN = 60


class History:
    """One app with long answers in flight, and random events in an order that a seed decides."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.machine = Machine(standby="600s")
        for image in IMAGES:
            self.machine.registry.push(image)
        self.daemon = self.machine.daemon()
        self.in_flight: list[int] = []
        self.idle_at_a_stop: set[int] = set()

    async def live(self) -> None:
        await self.daemon.deploy(image=IMAGES[0], manifest={"drain": f"{LONGEST_DRAIN}s"})
        moves: tuple[Callable[[], Awaitable[object]], ...] = (
            self.deploy, self.deploy, self.begin_answer, self.begin_answer, self.end_answer, self.roll_back,
            self.fail_to_deploy, self.scale, self.restart, self.start_daemon_anew, self.stop_and_start, self.wait,
        )  # fmt: skip
        for move in self.random.choices(moves, k=self.random.randint(2, 7)):
            await move()
        while any(it.kind is not OperationKind.RETIRE for it in await self.machine.store.unsettled_operations()):
            await self.machine.clock.sleep(1)  # instances that leave finish their answers first
        await self.machine.clock.sleep(LONGEST_DRAIN + 15)

    async def deploy(self) -> None:
        drain = self.random.choice(("5s", "30s", f"{LONGEST_DRAIN}s"))
        await self.daemon.deploy(image=self.random.choice(IMAGES), manifest={"drain": drain})

    async def fail_to_deploy(self) -> None:
        self.machine.router.fail("put")
        await self.daemon.deploy(image=self.random.choice(IMAGES))

    async def roll_back(self) -> None:
        with suppress(PvdifyError):  # there may be no release to go back to
            await self.daemon.rollback()

    async def restart(self) -> None:
        await self.daemon.restart()

    async def begin_answer(self) -> None:
        release = await self.machine.store.active_release("shop")
        assert release is not None
        assert release.slot is not None
        self.machine.router.serve("shop", release.slot, Traffic(requests=1, in_flight=1))
        self.in_flight.append(release.slot)

    async def end_answer(self) -> None:
        if self.in_flight:
            slot = self.in_flight.pop(self.random.randrange(len(self.in_flight)))
            self.machine.router.serve("shop", slot, Traffic(in_flight=-1))

    async def scale(self) -> None:
        await self.daemon.scale(web=self.random.randint(1, 3))

    async def start_daemon_anew(self) -> None:
        await self.daemon.bury()
        self.daemon = self.machine.daemon()
        await self.daemon.recover()

    async def stop_and_start(self) -> None:
        self.idle_at_a_stop |= {it.number for it in await self.machine.store.slots("shop") if it.state.is_idle}
        for is_stopped in (True, False):
            await self.daemon.processes.set_stopped("shop", ACTOR, is_stopped=is_stopped)
            await self.machine.clock.sleep(5)

    async def wait(self) -> None:
        await self.machine.clock.sleep(self.random.uniform(0, 30))

    async def wanted(self) -> dict[int, SlotState]:
        """Return what should be there now, by the numbers of releases alone."""
        release = await self.machine.store.active_release("shop")
        assert release is not None
        releases = reversed(await self.machine.store.releases("shop", 99))
        served = {it.slot: it.version for it in releases if it.slot is not None and it.was_live}
        before = sorted((version, slot) for slot, version in served.items() if slot != release.slot)
        return {release.slot or 0: SlotState.LIVE} | ({before[-1][1]: SlotState.STANDBY} if before else {})


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
async def test_only_the_previous_release_is_on_standby(seed: int):
    history = History(seed)

    await history.live()

    found = {slot.number: slot.state for slot in await history.machine.store.slots("shop")}
    wanted = await history.wanted()
    without = {number: state for number, state in wanted.items() if number not in history.idle_at_a_stop}
    assert found in (wanted, without)  # a slot still drains after a short stop, and is then on standby
    await assert_consistent(history.machine)
    await history.daemon.bury()
