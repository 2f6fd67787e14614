"""The contract of instances on a cluster whose API server is in memory; tests/kubernetes has it on a real one."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.httpx2.web import HttpxWeb
from pvdify.adapters.kubernetes import one_offs
from pvdify.adapters.kubernetes.cluster import Cluster
from pvdify.adapters.subprocess.command_runner import SubprocessRunner
from pvdify.daemon.cluster_runtime import ClusterParts, build_on_cluster
from pvdify.daemon.runtime_inputs import RuntimeInputs
from pvdify.errors import RuntimeUnavailable
from pvdify.model.endpoint import NO_ROUTE, Endpoint, Exposed
from pvdify.model.former_name import FormerName
from pvdify.model.instance import Exit, InstanceSpec, InstanceState, Role, Secret
from pvdify.model.registry import RegistryLogin
from pvdify.ports.runtime import Runtime
from pvdify.settings import load
from tests.contract import test_supervisor
from tests.contract.supervisor_worlds import FAKE_BEHAVIOURS, TALKER, eventually, make_spec
from tests.fakes.kubernetes_api import FakeKubernetes

LOGIN = RegistryLogin(
    host="reg.example.com", username="octocat", password=Secret("pw"), created_at=datetime.now(UTC), created_by="test"
)
# What the API server in memory does not play: sockets, metrics; and what is different on every cluster.
WITHOUT = (
    "test_waiting_returns_the_exit_also_afterwards",
    "test_a_last_line_without_its_end_is_read_while_it_runs_and_afterwards",
    "test_following_gives_old_and_new_lines_of_every_run",
    "test_two_instances_cannot_share_a_port",
    "test_usage_of_a_running_instance_is_reported",
    "test_listeners_are_seen_from_outside",
    "test_a_listener_on_loopback_only_is_distinguished",
)
globals().update({
    name: getattr(test_supervisor, name)
    for name in dir(test_supervisor)
    if name.startswith("test_") and name not in WITHOUT
})  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class TestGround(RuntimeInputs):
    """Whose directories are all below one."""

    __test__ = False

    @property
    def run_dir(self) -> Path:
        return self.settings.data_dir / "run"


@dataclass
class ApiWorld:
    inputs: TestGround
    api: FakeKubernetes
    clock: SystemClock
    parts: ClusterParts
    supervisor: Runtime
    image_id: str = f"reg.example.com/shop@sha256:{'a' * 64}"
    first_port: int = 80

    def exposed(self, number: int) -> Exposed:
        return Exposed(port=8080, at=Endpoint(f"10.211.1.{number}", 80))

    async def lose_daemon(self) -> None:
        await self.parts.close()
        self.parts, self.supervisor = parts_of(self.inputs, self.api)


def parts_of(inputs: RuntimeInputs, api: FakeKubernetes) -> tuple[ClusterParts, Runtime]:
    cluster = Cluster(kubeconfig="", clock=inputs.clock, connect=lambda _: api.client())
    parts = ClusterParts(inputs, cluster)
    return parts, build_on_cluster(inputs, HttpxWeb(), parts)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[ApiWorld]:
    settings = load({"runtime": "kubernetes", "data_dir": str(tmp_path)}, {}, tmp_path / "none")
    inputs, api = (
        TestGround(settings=settings, runner=SubprocessRunner(), clock=SystemClock()),
        FakeKubernetes(FAKE_BEHAVIOURS),
    )
    world = ApiWorld(inputs, api, inputs.clock, *parts_of(inputs, api))
    yield world
    await world.parts.close()
    await api.close()


async def test_a_hook_runs_once_however_often_it_is_started(world):
    hook = {"name": "pvdify-shop-pre_deploy-v1-1", "process": "pre_deploy", "role": Role.HOOK, "exposed": NO_ROUTE}
    spec = make_spec(world, TALKER, **hook)
    await world.supervisor.instances.start(spec)
    assert await world.supervisor.instances.wait(spec.name) == Exit(code=3)

    await world.lose_daemon()
    await world.supervisor.instances.start(spec)

    assert await world.supervisor.instances.wait(spec.name) == Exit(code=3)
    assert [line.text for line in await world.supervisor.logs.tail([spec.name], 10)] == ["one", "two"]


async def test_while_the_api_server_is_down_instances_count_as_running(world):
    spec = make_spec(world)
    await world.supervisor.instances.start(spec)
    world.api.is_away = True

    assert await world.supervisor.instances.is_running(spec.name)

    world.api.is_away = False
    (found,) = await world.supervisor.instances.find()
    assert found.state is InstanceState.RUNNING


async def test_a_crash_is_reported_once(world):
    spec = make_spec(world, TALKER)
    await world.supervisor.instances.start(spec)

    async def is_reported() -> bool:
        return bool(await world.supervisor.instances.restarts())

    await eventually(world, is_reported)
    (restart,) = await world.supervisor.instances.restarts()
    assert (restart.name, restart.exit) == (spec.name, Exit(code=3))
    await world.supervisor.instances.forget_restarts([restart])

    async def is_forgotten() -> bool:
        return not await world.supervisor.instances.restarts()

    await eventually(world, is_forgotten)


@pytest.mark.parametrize("is_killed", [False, True])
async def test_a_move_to_another_node_is_reported_once(world, is_killed):
    spec = make_spec(world)
    await world.supervisor.instances.start(spec)
    await world.supervisor.instances.find()
    assert await world.supervisor.instances.restarts() == ()  # its first pod is recorded

    world.api.node = "n2"
    world.api.evict(*world.api.running)
    if is_killed:
        await world.lose_daemon()

    async def is_reported() -> bool:
        await world.supervisor.instances.find()
        return bool(await world.supervisor.instances.restarts())

    await eventually(world, is_reported)
    (move,) = await world.supervisor.instances.restarts()
    assert (move.name, move.moved) == (spec.name, "was moved from n1 to n2")
    await world.supervisor.instances.forget_restarts([move])
    await world.lose_daemon()
    await world.supervisor.instances.find()
    assert await world.supervisor.instances.restarts() == ()


async def test_a_start_after_a_stop_is_no_move(world):
    spec = make_spec(world)
    for node in ("n1", "n2"):
        world.api.node = node
        await world.supervisor.instances.start(spec)
        await world.supervisor.instances.find()

        assert await world.supervisor.instances.restarts() == ()
        await world.supervisor.instances.stop(spec.name, 1.0)


@pytest.mark.parametrize("ending", ["stop", "remove"])
async def test_a_killed_instance_counts_as_killed_also_if_its_scaling_ends_it_first(world, ending):
    instances, spec = world.supervisor.instances, make_spec(world)
    await instances.start(spec)
    waiting = asyncio.create_task(instances.wait(spec.name))
    await asyncio.sleep(0.1)
    world.api.report_seconds = 0.3

    await (instances.stop(spec.name, 0) if ending == "stop" else instances.remove(spec.name))

    assert await waiting == Exit(code=137)


@pytest.mark.parametrize("ending", ["stop", "remove"])
@pytest.mark.parametrize("has_ended", [True, False], ids=["ended by itself", "running"])
async def test_nothing_of_an_instance_runs_after_it_was_brought_down(world, ending, has_ended):
    instances, spec = world.supervisor.instances, make_spec(world, TALKER) if has_ended else make_spec(world)
    await instances.start(spec)
    if has_ended:
        await instances.wait(spec.name)

    await (instances.stop(spec.name, 1.0) if ending == "stop" else instances.remove(spec.name))

    seen = []
    for _ in range(10):
        seen += world.api.running
        await asyncio.sleep(0.02)
    assert seen == []


async def test_a_namespace_that_is_made_again_gets_the_logins_for_pulls(world):
    secret = "/api/v1/namespaces/pvd-shop/secrets/pvdify-registries"
    await world.supervisor.registry_logins.use([LOGIN])
    spec = make_spec(world)
    await world.supervisor.instances.start(spec)
    assert secret in world.api.objects
    await world.supervisor.instances.remove(spec.name)
    await world.supervisor.networks.remove("shop")
    assert secret not in world.api.objects

    await world.supervisor.instances.start(spec)

    assert secret in world.api.objects


async def test_logins_that_were_removed_after_a_restart_go_with_the_next_start(world):
    secret = "/api/v1/namespaces/pvd-shop/secrets/pvdify-registries"
    await world.supervisor.registry_logins.use([LOGIN])
    spec = make_spec(world)
    await world.supervisor.instances.start(spec)
    await world.lose_daemon()
    await world.supervisor.registry_logins.use([])

    await world.supervisor.instances.remove(spec.name)
    await world.supervisor.instances.start(spec)

    assert secret not in world.api.objects


async def test_an_instance_of_a_renamed_app_starts_again_where_it_was(world):
    spec = make_spec(world)
    await world.supervisor.instances.start(spec)
    await world.supervisor.instances.stop(spec.name, 1)

    await world.supervisor.instances.start(replace(spec, app="store"))

    (found,) = await world.supervisor.instances.find("shop")
    assert (found.name, found.state) == (spec.name, InstanceState.RUNNING)
    assert not [path for path in world.api.objects if "pvd-store" in path]


async def test_the_namespace_of_a_renamed_app_keeps_its_logins(world):
    secret = "/api/v1/namespaces/pvd-shop/secrets/pvdify-registries"
    await world.supervisor.registry_logins.use([replace(LOGIN, app="shop")])
    await world.supervisor.instances.start(make_spec(world))
    assert secret in world.api.objects

    world.inputs.former_names.load([FormerName(name="shop", app="store", since=datetime.now(UTC))])
    await world.supervisor.registry_logins.use([replace(LOGIN, app="store")])

    assert secret in world.api.objects


async def test_a_log_is_read_on_if_the_connection_ends_before_the_container(world):
    world.api.cut_logs = 1
    spec = make_spec(world)
    await world.supervisor.instances.start(spec)
    (path,) = world.api.running

    async def has(text: str) -> bool:
        return text in [line.text for line in await world.supervisor.logs.tail([spec.name], 10)]

    await eventually(world, lambda: has("ready"))
    world.api.logs[path].append("2099-01-01T00:00:00Z later\n")

    await eventually(world, lambda: has("later"))


@dataclass
class LostConnection:
    """A kubectl that failed. It wrote nothing, and nothing that is written to it arrives."""

    code: int = 1

    async def read(self) -> None:
        return None

    async def write(self, data: bytes) -> None: ...

    async def close_input(self) -> None: ...

    async def wait(self) -> int:
        return self.code

    async def end(self) -> None: ...


def run_spec(world) -> InstanceSpec:
    return make_spec(world, ("/bin/cat",), name="pvdify-shop-run-v1-1", process="run", role=Role.RUN, exposed=NO_ROUTE)


async def test_a_command_without_a_connection_ends_with_the_code_of_kubectl(world, monkeypatch):
    """Its program may wait at the gate for ever."""
    monkeypatch.setattr(one_offs, "LOST_SECONDS", 0.1)
    monkeypatch.setattr(one_offs, "LOOK_EVERY", 0.05)
    monkeypatch.setattr(world.parts.kubectl, "attach", lambda *_: answered(LostConnection()))

    process = await world.supervisor.one_offs.start(run_spec(world), None)

    assert await process.wait() == 1
    await process.end()
    assert world.api.running == []


async def test_a_command_that_cannot_be_connected_to_is_removed_with_its_config_vars(world, monkeypatch):
    def missing(*_: object) -> object:
        raise RuntimeUnavailable("kubectl cannot be started")

    monkeypatch.setattr(world.parts.kubectl, "attach", missing)

    with pytest.raises(RuntimeUnavailable):
        await world.supervisor.one_offs.start(run_spec(world), None)

    assert world.api.running == []
    assert not [path for path in world.api.objects if "/secrets/pvdify-shop-run" in path]


async def test_the_config_vars_of_a_command_go_with_its_pod_if_pvdifyd_dies(world, monkeypatch):
    monkeypatch.setattr(world.parts.kubectl, "attach", lambda *_: answered(LostConnection()))
    await world.supervisor.one_offs.start(run_spec(world), None)
    await world.lose_daemon()

    world.api.evict(world.api.running[0])

    async def is_gone() -> bool:
        return not [path for path in world.api.objects if "/secrets/pvdify-shop-run" in path]

    await eventually(world, is_gone)


async def answered(value: object) -> object:
    return value


async def test_a_watch_that_always_fails_at_once_is_repeated_ever_less_often(world):
    world.api.refused_watches = 0
    await world.parts.watch.begin()

    await asyncio.sleep(1.0)

    assert 1 < world.api.refused_watches < 8
