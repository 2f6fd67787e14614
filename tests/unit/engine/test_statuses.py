"""The status of apps: the same word, cause and time wherever it is shown, and one event for each change."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from prometheus_client.parser import text_string_to_metric_families

from pvdify.api.application import build_application
from pvdify.cli.commands.status import FINE
from pvdify.errors import ImageNotFound, StartFailed
from pvdify.model.status import StatusWord
from pvdify.model.token import Role
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import ACTOR, Daemon, Machine
from tests.support.asgi import ask

IMAGE = "reg.example.com/shop:v1"
WEB = "pvdify-shop-web-v1-1"
OTHER = "pvdify-shop-web-v1-2"


async def deployed(**manifest: object) -> tuple[Machine, Daemon]:
    machine = Machine()
    machine.registry.push(IMAGE)
    daemon = machine.daemon()
    await daemon.deploy(image=IMAGE, manifest=dict(manifest))
    await daemon.reconciler.reconcile()
    return machine, daemon


async def status(daemon: Daemon) -> str:
    return str((await daemon.queries.app("shop")).status)


async def events(machine: Machine, group: str = "app.") -> list[str]:
    found = reversed(await machine.store.events("shop"))
    return [event.action for event in found if event.action.startswith(group) and event.action != "app.created"]


async def crash_and_check(machine: Machine, daemon: Daemon, name: str = WEB, seconds: float = 5.0) -> None:
    machine.supervisor.crash(name)
    await daemon.reconciler.reconcile()
    await machine.clock.sleep(seconds)
    await daemon.reconciler.reconcile()


async def test_a_crash_loop_is_an_event_once_with_the_last_lines_until_it_has_recovered():
    machine, daemon = await deployed()
    for number in range(6):
        machine.supervisor.write(WEB, f"cannot reach the database ({number})")
        await crash_and_check(machine, daemon, seconds=2.0**number)

    assert await status(daemon) == "crashing (exit 1, 6 restarts)"
    assert await events(machine) == ["app.crashing"]
    (event,) = [event for event in await machine.store.events("shop") if event.action == "app.crashing"]
    assert event.text.startswith("exit 1, 3 restarts\nlast lines of web.1:\n")
    assert "cannot reach the database (2)" in event.text
    assert len(await events(machine, "instance.restarted")) == 3

    await machine.clock.sleep(61)
    await daemon.reconciler.reconcile()
    assert await status(daemon) == "live"
    assert await events(machine) == ["app.crashing", "app.live"]
    await daemon.bury()


async def test_a_crash_loop_of_one_of_two_is_reported_at_once_too():
    machine, daemon = await deployed(processes={"web": {"count": 2}})
    for _ in range(3):
        await crash_and_check(machine, daemon, OTHER, seconds=1.0)

    assert await status(daemon) == "degraded (1 of 2: web.2 exit 1, 3 restarts)"
    assert await events(machine) == ["app.degraded"]
    await daemon.bury()


async def test_a_single_restart_is_not_an_event_of_the_app():
    machine, daemon = await deployed()

    await crash_and_check(machine, daemon)

    assert await status(daemon) == "live"
    assert await events(machine) == []
    assert await events(machine, "instance.") == ["instance.restarted"]
    await daemon.bury()


async def test_a_crash_loop_is_not_reported_again_after_a_restart_of_pvdifyd():
    machine, daemon = await deployed()
    for _ in range(4):
        await crash_and_check(machine, daemon)
    since = (await daemon.queries.app("shop")).status.since
    await daemon.bury()

    successor = machine.daemon()
    assert await status(successor) == "crashing (exit 1, 4 restarts)"  # before it has looked at anything
    await successor.reconciler.reconcile()

    view = await successor.queries.app("shop")
    assert (view.status.word, view.status.since) == (StatusWord.CRASHING, since)
    assert await events(machine) == ["app.crashing"]
    await successor.bury()


async def test_a_missing_image_is_reported_by_ps_logs_status_and_one_event():
    machine, daemon = await deployed()
    machine.supervisor.crash(WEB)
    (image_id,) = machine.images.stored
    machine.images.lose(image_id)
    why = "its image is not on this server, and shop:v1 does not exist: manifest unknown"
    for _ in range(3):
        machine.images.fail_next("pull", ImageNotFound("shop:v1 does not exist", why="manifest unknown"))
        machine.supervisor.fail_next("start", StartFailed("web.1 could not be started", why="no such image"))
        await daemon.reconciler.reconcile()
        await machine.clock.sleep(20)

    assert await status(daemon) == "down (image missing)"
    ((web,),) = [view.instances for view in (await daemon.queries.processes.show("shop")).processes]
    assert web.problem == f"web.1 cannot be started: {why}"
    logs = daemon.queries.runtime_logs
    lines = await logs.tail(await logs.writers("shop", None, None), 10)
    assert lines[-1].text == f"pvdify: web.1 cannot be started: {why}"
    assert await events(machine, "instance.not-started") == ["instance.not-started"]
    await daemon.bury()


def questions(machine):
    """Calls of the runtime, without those of the tasks that wait for the end of an instance."""
    return [call for call in machine.supervisor.calls if call[0] not in ("wait", "wait_down")]


async def test_no_page_waits_for_a_runtime_that_does_not_answer():
    machine, daemon = await deployed(processes={"web": {"count": 2}})
    machine.supervisor.crash(OTHER)
    machine.supervisor.fail_next("start", StartFailed("web.2 could not be started", why="no memory"))
    await daemon.reconciler.reconcile()
    asked = questions(machine)

    shown = [await status(daemon), str((await daemon.queries.statuses())["shop"])]

    assert shown == ["degraded (1 of 2: web.2 no memory)"] * 2
    assert questions(machine) == asked
    await daemon.bury()


async def test_an_app_whose_only_instance_hands_its_volume_over_is_held_and_not_announced_as_down():
    machine, daemon = await deployed(volumes={"data": {"path": "/data"}}, healthcheck={"retries": 30})
    await machine.clock.sleep(3600)
    machine.supervisor.script(Behaviour(healthy_after=15.0))

    restarting, seen = asyncio.create_task(daemon.restart()), set()
    while not restarting.done():
        await machine.clock.sleep(0.5)
        await daemon.reconciler.reconcile()
        seen.add(await status(daemon))
    await daemon.reconciler.reconcile()

    assert seen == {"live", "held (restart)"}
    assert await status(daemon) == "live"
    assert "app.down" not in await events(machine)
    await restarting
    await daemon.bury()


async def test_a_crash_loop_of_a_worker_is_shown_although_web_is_scaled_to_0():
    machine, daemon = await deployed(processes={"web": {"count": 0}, "worker": {}})
    worker = "pvdify-shop-worker-v1-1"
    assert await status(daemon) == "stopped (web=0)"
    for number in range(6):
        await crash_and_check(machine, daemon, worker, seconds=2.0**number)

    assert await status(daemon) == "crashing (exit 1, 6 restarts)"
    assert await events(machine) == ["app.stopped", "app.crashing"]
    await machine.clock.sleep(61)
    await daemon.reconciler.reconcile()
    assert await events(machine) == ["app.stopped", "app.crashing", "app.stopped"]
    await daemon.bury()


async def test_stopped_and_maintenance_name_the_actor():
    _, daemon = await deployed()

    await daemon.finish_operation(await daemon.processes.set_stopped("shop", ACTOR, is_stopped=True))
    stopped = await status(daemon)
    await daemon.finish_operation(await daemon.processes.set_stopped("shop", ACTOR, is_stopped=False))
    await daemon.scale(web=0)
    scaled = await status(daemon)
    await daemon.requests.set_maintenance("shop", ACTOR, is_on=True)

    assert (stopped, scaled) == (f"stopped (by {ACTOR.name})", f"stopped (web=0 by {ACTOR.name})")
    assert await status(daemon) == f"maintenance (by {ACTOR.name})"
    await daemon.bury()


async def test_the_status_is_deploying_during_a_deploy_and_new_names_the_last_failure():
    machine = Machine()
    daemon = machine.daemon()
    await daemon.requests.create_app("shop", ACTOR)
    assert await status(daemon) == "new"
    await daemon.deploy(image="reg.example.com/shop:missing")
    assert await status(daemon) == "new (v1 failed: image-not-found)"
    machine.registry.push(IMAGE)
    machine.supervisor.script(Behaviour(healthy_after=20.0))

    deploying = asyncio.create_task(daemon.deploy(image=IMAGE))
    await machine.clock.sleep(3.0)
    assert await status(daemon) == "deploying (v2)"
    await deploying

    assert await status(daemon) == "live"
    await daemon.bury()


class SevenPlaces(RuleBasedStateMachine):
    """Crashes, stops, deploys and time, in any order: apps, ps, status, API, metrics, events, exit code agree."""

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.machine = Machine(standby="20s")
        for version in (1, 2):
            self.machine.registry.push(f"reg.example.com/shop:v{version}")
        self.daemon = self.machine.daemon()
        self.wait(self.open())

    async def open(self) -> None:
        await self.daemon.deploy(image=IMAGE, manifest={"processes": {"web": {"count": 2}}})
        self.application = build_application(self.daemon.engine, is_local=False)
        self.token = (await self.daemon.tokens.create("test", Role.ADMIN, None, None, ACTOR))[1]

    def wait(self, work):  # type: ignore[no-untyped-def]
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.wait(self.daemon.bury())
            self.wait(asyncio.sleep(0))
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.wait(asyncio.sleep(0))
            self.loop.close()

    @rule(index=st.integers(0, 3), is_memory=st.booleans())
    def crash(self, index: int, is_memory: bool) -> None:
        running = sorted(self.machine.supervisor.running)
        if running:
            self.machine.supervisor.crash(running[index % len(running)], is_out_of_memory=is_memory)

    @rule(times=st.integers(1, 4))
    def crash_all_again_and_again(self, times: int) -> None:
        async def work() -> None:
            for _ in range(times):
                for name in sorted(self.machine.supervisor.running):
                    self.machine.supervisor.crash(name)
                await self.daemon.reconciler.reconcile()
                await self.machine.clock.sleep(3.0)
                await self.daemon.reconciler.reconcile()

        self.wait(work())

    @rule()
    def refuse_a_start(self) -> None:
        self.machine.supervisor.fail_next("start", StartFailed("it could not be started", why="no memory is left"))

    @rule(is_stopped=st.booleans())
    def stop_or_start(self, is_stopped: bool) -> None:
        async def work() -> None:
            operation = await self.daemon.processes.set_stopped("shop", ACTOR, is_stopped=is_stopped)
            await self.daemon.finish_operation(operation)

        self.wait(work())

    @rule(count=st.integers(0, 2))
    def scale(self, count: int) -> None:
        self.wait(self.daemon.scale(web=count))

    @rule(version=st.integers(1, 3))
    def deploy(self, version: int) -> None:
        self.wait(self.daemon.deploy(image=f"reg.example.com/shop:v{version}"))

    @rule(is_on=st.booleans())
    def change_maintenance(self, is_on: bool) -> None:
        self.wait(self.daemon.requests.set_maintenance("shop", ACTOR, is_on=is_on))

    @rule(seconds=st.sampled_from((1.0, 15.0, 70.0)))
    def let_time_pass(self, seconds: float) -> None:
        self.wait(self.machine.clock.sleep(seconds))

    @invariant()
    def all_places_agree(self) -> None:
        if hasattr(self, "application"):
            self.wait(self.compare())

    async def compare(self) -> None:
        """Compare all reads. If an instance has changed meanwhile, read everything again."""
        keys = ("status", "status_cause", "status_since")
        for _ in range(5):
            await self.daemon.reconciler.reconcile()
            one, every = await self.get("/apps/shop"), (await self.get("/apps"))["apps"]
            ps, server = await self.get("/apps/shop/processes"), await self.get("/status")
            if one == await self.get("/apps/shop"):
                break
        places = [one, every[0], ps, server["app_statuses"][0]]
        assert len({tuple(place[key] for key in keys) for place in places}) == 1, places
        word = one["status"]
        assert await self.word_in_metrics() == word
        (check,) = [check for check in server["checks"] if check["name"] == "apps"]
        assert (check["state"] == "ok") == (word not in {"degraded", "crashing", "down"})
        assert (word in FINE) == (word in {"live", "deploying", "new"})
        await self.compare_with_what_runs(word)
        await self.compare_with_events(word)

    async def compare_with_what_runs(self, word: str) -> None:
        """Assert that the status is ``live`` exactly if every serving instance runs."""
        live = await self.machine.store.active_release("shop")
        assert live is not None
        slot = await self.machine.store.slot("shop", live.slot or 0)
        assert slot is not None
        running = [place for place in slot.placements if place.name in self.machine.supervisor.running]
        if word == "live":
            assert len(running) == len(slot.placements) > 0
        if word in {"degraded", "crashing"} and not running:
            assert word == "crashing"
        if word == "stopped":
            assert running == []

    async def compare_with_events(self, word: str) -> None:
        """Assert that the last event with a status has this one."""
        noted = {status.app: status for status in await self.machine.store.noted_statuses()}["shop"]
        if not noted.is_announced:
            assert word in {"degraded", "down"}
            assert self.machine.clock.now() - noted.since < timedelta(seconds=10)
            return
        words = {word.value for word in StatusWord}
        named = (event.action.rpartition(".")[2] for event in await self.machine.store.events("shop")
                 if event.action.startswith(("app.", "deploy.", "rollback.")))  # fmt: skip
        assert next(name for name in named if name in words) == word

    async def word_in_metrics(self) -> str:
        headers = {"authorization": f"Bearer {self.token}", "accept": "text/plain"}
        text = (await ask(self.application, "GET", "/api/v1/metrics", None, headers=headers)).content.decode()
        families = {family.name: family for family in text_string_to_metric_families(text)}
        samples = families["pvdify_app_status"].samples
        (word,) = [sample.labels["status"] for sample in samples if sample.value == 1.0]
        assert len(samples) == len(StatusWord)
        return str(word)

    async def get(self, path: str):  # type: ignore[no-untyped-def]
        headers = {"authorization": f"Bearer {self.token}"}
        return (await ask(self.application, "GET", f"/api/v1{path}", None, headers=headers)).json


TestSevenPlaces = pytest.mark.slow(SevenPlaces.TestCase)
TestSevenPlaces.settings = settings(max_examples=12, stateful_step_count=7, deadline=None, derandomize=True)
