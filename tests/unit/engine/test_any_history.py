"""Whatever is asked, in whatever order, and whenever the daemon dies: in the end what is declared runs.

Each rule asks for something, sees it through to its end, and compares records, route, containers and config.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from pvdify.errors import PvdifyError
from pvdify.model.app import hostnames_of
from pvdify.model.config import ConfigVar
from pvdify.model.instance import Secret
from pvdify.model.scale import Relative, Wish
from pvdify.model.slot import SlotState
from tests.fakes.behaviour import Behaviour
from tests.fakes.images import FakeRegistry
from tests.fakes.machine import ACTOR, Daemon, Killed, Machine, assert_consistent

IMAGES = tuple(f"reg.example.com/shop:v{number}" for number in range(1, 5))
BROKEN = FakeRegistry().push(IMAGES[3], content="v4").image_id
HOSTNAMES = ("www.example.org", "shop.example.org")
KEYS = ("GREETING", "COLOUR")
MOMENTS = st.integers(min_value=1, max_value=40)
Ask = Callable[[Daemon], Awaitable[object]]


class Histories(RuleBasedStateMachine):
    """One app, one server, any number of daemons one after the other."""

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.machine = Machine(standby="20s")
        for image in IMAGES:
            self.machine.registry.push(image, content=image[-2:])
        broken = Behaviour(exit_code=1, exit_after=0.3, listens_after=9.0)
        self.machine.supervisor.script(broken, image_id=BROKEN, process="web")
        self.daemon = self.machine.daemon()
        self.is_declared = False

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

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    @rule(image=st.sampled_from(IMAGES), web=st.integers(0, 3), worker=st.integers(0, 2), overlap=st.booleans())
    def deploy(self, image: str, web: int, worker: int, overlap: bool) -> None:
        workers = {"command": ["work"], "count": worker, "overlap": overlap}
        manifest = {"processes": {"web": {"count": web}, "worker": workers}}
        self.see(lambda daemon: daemon.deploy(image=image, manifest=manifest))

    @rule(version=st.none() | st.integers(1, 6))
    def roll_back(self, version: int | None) -> None:
        self.see(lambda daemon: daemon.rollback(version=version))

    @rule(process=st.sampled_from(("web", "worker")), number=st.integers(0, 3), how=st.sampled_from(Relative))
    def scale(self, process: str, number: int, how: Relative) -> None:
        async def ask(daemon: Daemon) -> None:
            wishes = {process: Wish(number=number, how=how)}
            await daemon.finish_operation(await daemon.processes.scale("shop", wishes, ACTOR))

        self.see(ask)

    @rule(process=st.sampled_from((None, "web", "worker")))
    def restart(self, process: str | None) -> None:
        self.see(lambda daemon: daemon.restart(process=process))

    @rule(is_stopped=st.booleans())
    def stop_or_start(self, is_stopped: bool) -> None:
        async def ask(daemon: Daemon) -> None:
            await daemon.finish_operation(await daemon.processes.set_stopped("shop", ACTOR, is_stopped=is_stopped))

        self.see(ask)

    @rule(key=st.sampled_from(KEYS), value=st.none() | st.sampled_from(("one", "two")))
    def change_config(self, key: str, value: str | None) -> None:
        var = None if value is None else ConfigVar(value=Secret(value))
        self.see(lambda daemon: daemon.requests.change_config("shop", {key: var}, ACTOR))

    @rule(hostname=st.sampled_from(HOSTNAMES), is_added=st.booleans())
    def change_domains(self, hostname: str, is_added: bool) -> None:
        async def ask(daemon: Daemon) -> None:
            change = daemon.domains.add if is_added else daemon.domains.remove
            await change("shop", hostname, ACTOR)

        self.see(ask)

    @precondition(lambda self: self.is_declared)
    @rule(moment=MOMENTS, web=st.integers(0, 3), image=st.sampled_from(IMAGES), is_deploy=st.booleans())
    def be_killed(self, moment: int, web: int, image: str, is_deploy: bool) -> None:
        """In the midst of a deploy or of a change of scale; the next daemon takes up what is left."""

        async def ask(daemon: Daemon) -> None:
            if is_deploy:
                await daemon.deploy(image=image, manifest={"processes": {"web": {"count": web}}})
            else:
                await daemon.scale(web=web)

        self.wait(self.die_while(ask, moment))

    @rule(seconds=st.sampled_from((1.0, 30.0, 700.0)))
    def let_time_pass(self, seconds: float) -> None:
        self.wait(self.machine.clock.sleep(seconds))
        self.wait(self.compare())

    def see(self, ask: Ask) -> None:
        async def work() -> None:
            with suppress(PvdifyError):  # what cannot be is refused, and changes nothing
                await ask(self.daemon)
            await self.compare()

        self.wait(work())

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

    async def compare(self) -> None:
        """Declared = running."""
        machine = self.machine
        assert machine.unserved == []
        live = await machine.store.active_release("shop")
        self.is_declared = live is not None
        if live is None:
            assert machine.supervisor.running == frozenset()
            return
        await self.daemon.reconciler.reconcile()
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
TestHistories.settings = settings(max_examples=30, stateful_step_count=12, deadline=None, derandomize=True)
