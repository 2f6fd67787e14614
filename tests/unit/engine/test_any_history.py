"""After any sequence of requests and kills of the daemon, exactly what is declared runs."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from pvdify.errors import PvdifyError
from pvdify.model.app import hostnames_of
from pvdify.model.operation import OperationKind, StepState, Strategy
from pvdify.model.slot import SlotState
from tests.fakes.behaviour import Behaviour
from tests.fakes.images import FakeRegistry
from tests.fakes.machine import Daemon, Killed, Machine, assert_consistent
from tests.support.histories import BROKEN, KEYS, VERSIONS, HistoryRules

BROKEN_IMAGE = FakeRegistry().push("reg.example.com/shop:v4", content=BROKEN).image_id
pytestmark = pytest.mark.slow
MOMENTS = st.integers(min_value=1, max_value=40)
Ask = Callable[[Daemon], Awaitable[object]]


class Histories(HistoryRules):
    """One app on one server, with any number of daemons one after the other."""

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.machine = Machine(standby="20s")
        for version in VERSIONS:
            self.machine.registry.push(self.reference(version), content=version)
        broken = Behaviour(exit_code=1, exit_after=0.3, listens_after=9.0)
        self.machine.supervisor.script(broken, image_id=BROKEN_IMAGE, process="web")
        self.daemon = self.machine.daemon()
        self.is_declared = False

    def reference(self, version: str) -> str:
        return f"reg.example.com/shop:{version}"

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.wait(self.end())
            self.loop.close()

    async def end(self) -> None:
        await self.daemon.bury()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        await self.loop.shutdown_asyncgens()

    @precondition(lambda self: self.is_declared)
    @rule(
        moment=MOMENTS, web=st.integers(0, 3), version=st.sampled_from(VERSIONS),
        strategy=st.none() | st.sampled_from(Strategy),
    )  # fmt: skip
    def be_killed(self, moment: int, web: int, version: str, strategy: Strategy | None) -> None:
        """Kill the daemon during a deploy or a change of scale; the next daemon resumes the operation."""

        async def ask(daemon: Daemon) -> None:
            if strategy:
                manifest = {"processes": {"web": {"count": web}}}
                await daemon.deploy(image=self.reference(version), manifest=manifest, strategy=strategy)
            else:
                await daemon.scale(web=web)

        self.wait(self.die_while(ask, moment))

    @rule(seconds=st.sampled_from((1.0, 30.0, 700.0)))
    def let_time_pass(self, seconds: float) -> None:
        self.wait(self.machine.clock.sleep(seconds))
        self.wait(self.compare())

    async def die_while(self, ask: Ask, moment: int) -> None:
        await self.daemon.bury()
        doomed = self.machine.daemon(moment)
        await doomed.worker.resume()
        asking = asyncio.ensure_future(ask(doomed))
        dying = asyncio.ensure_future(doomed.died.wait())
        await asyncio.wait({asking, dying}, return_when=asyncio.FIRST_COMPLETED)
        await doomed.bury()
        for task in (asking, dying):
            task.cancel()
        for result in await asyncio.gather(asking, dying, return_exceptions=True):
            assert result is None or isinstance(result, bool | Killed | PvdifyError | asyncio.CancelledError), result
        self.daemon = self.machine.daemon()
        await self.daemon.recover()
        await self.compare()

    async def is_stopping(self) -> bool:
        """Return whether a slot's instances are being stopped: they still run, and no record wants them any more."""
        operations = await self.machine.store.unsettled_operations("shop")
        stops = [it.step("stop").state for it in operations if it.kind is OperationKind.RETIRE]
        return StepState.DOING in stops

    async def compare(self) -> None:
        """Assert that what runs equals what is declared."""
        machine = self.machine
        assert machine.unserved == []
        live = await machine.store.active_release("shop")
        self.is_declared = live is not None
        if live is None:
            assert machine.supervisor.running == frozenset()
            return
        await self.daemon.reconciler.reconcile()
        while await self.is_stopping():
            await machine.clock.sleep(0.1)
        await assert_consistent(machine)
        app = await machine.store.app("shop")
        assert app is not None
        route = (await machine.router.routes())["shop"]
        assert set(route.hostnames) == set(hostnames_of(app, "example.com", live.manifest))
        config = await machine.secrets.read("shop", live.config_version)
        (slot,) = [it for it in await machine.store.slots("shop") if it.state is SlotState.LIVE]
        for place in slot.placements:
            spec = machine.supervisor.spec(place.name)
            assert {key: spec.environment.get(key) for key in KEYS} == {
                key: config[key].value if key in config else None for key in KEYS
            }
            assert spec.image_id == live.image_id


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=150, stateful_step_count=12, deadline=None, derandomize=True)
