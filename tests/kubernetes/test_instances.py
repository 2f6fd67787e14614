"""The contract of instances and their logs on a real cluster, and what is different there.

The kubelet starts an instance again at once after its first exit, and gives the lines of a program to readers only when
they are whole.
"""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from pvdify.adapters.clock.clock import SystemClock
from pvdify.errors import StartFailed
from pvdify.model.endpoint import NO_ROUTE
from pvdify.model.instance import Exit, InstanceState, Limits, Role
from pvdify.model.volume import Mount
from tests.contract import test_supervisor
from tests.contract.supervisor_worlds import ASKER, TALKER, eventually, make_spec
from tests.kubernetes.worlds import ClusterWorld, suite
from tests.support.cluster_runtime import ClusterServer

pytestmark = pytest.mark.kubernetes
DIFFERENT = (
    "test_waiting_returns_the_exit_also_afterwards",  # it runs again by then
    "test_logs_outlive_their_container_until_they_are_forgotten",  # there are lines of several runs
    "test_a_log_has_the_lines_of_all_instances_of_a_name",
    "test_following_gives_old_and_new_lines_of_every_run",
    "test_a_last_line_without_its_end_is_read_while_it_runs_and_afterwards",
    "test_two_instances_cannot_share_a_port",  # each has an address of its own
    "test_usage_of_a_running_instance_is_reported",  # the cluster of tests has no metrics API
)
globals().update(suite(test_supervisor, without=DIFFERENT))


@pytest.fixture
async def world(server: ClusterServer) -> ClusterWorld:
    return ClusterWorld(server, server.push(content="hello"), SystemClock(), server.runtime())


async def test_an_instance_that_exits_is_restarted_and_reported(world):
    spec = make_spec(world, TALKER)
    await world.supervisor.instances.start(spec)

    assert await world.supervisor.instances.wait(spec.name) == Exit(code=3)

    async def is_reported() -> bool:
        return bool(await world.supervisor.instances.restarts())

    await eventually(world, is_reported)
    (restart, *_) = await world.supervisor.instances.restarts()
    assert (restart.name, restart.exit) == (spec.name, Exit(code=3))
    await world.supervisor.instances.forget_restarts([restart])
    (found,) = await world.supervisor.instances.find()
    assert found.restarts >= 1
    assert found.state is InstanceState.RUNNING or (found.is_restarting and found.exit == Exit(code=3))


async def test_logs_of_all_runs_outlive_their_pod_until_they_are_forgotten(world):
    spec = make_spec(world, TALKER)
    for _ in range(2):
        await world.supervisor.instances.start(spec)
        await world.supervisor.instances.wait(spec.name)
        await world.supervisor.instances.remove(spec.name)

    lines = await world.supervisor.logs.tail([spec.name], 100)

    texts = [line.text for line in lines]
    assert texts == ["one", "two"] * (len(texts) // 2)
    assert len(texts) >= 4
    assert {(line.instance, line.stream) for line in lines} == {(spec.name, "stdout")}
    await world.supervisor.logs.forget("shop")
    assert await world.supervisor.logs.tail([spec.name], 10) == ()


async def test_followed_lines_have_no_duplicates_after_a_restart_of_the_daemon(world):
    spec, texts = make_spec(world, "i=0; while true; do i=$((i+1)); echo $i; sleep 0.2; done"), []
    since = world.clock.now() - timedelta(minutes=1)
    await world.supervisor.instances.start(spec)

    async def follow() -> None:
        async for line in world.supervisor.logs.follow([spec.name], since=since):
            texts.append(int(line.text))

    following = asyncio.create_task(follow())

    async def has(count: int) -> bool:
        return len(texts) >= count

    await eventually(world, lambda: has(5))
    await world.lose_daemon()
    await world.supervisor.instances.find()
    await eventually(world, lambda: has(20))
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert texts == list(range(1, len(texts) + 1))


async def test_a_last_line_without_its_end_is_read_after_the_program_has_ended(world):
    hook = {"name": "pvdify-shop-pre_deploy-v1-1", "process": "pre_deploy", "role": Role.HOOK, "exposed": NO_ROUTE}
    spec = make_spec(world, ASKER, **hook)
    await world.supervisor.instances.start(spec)
    assert await world.supervisor.instances.wait(spec.name) == Exit(code=3)

    lines = await world.supervisor.logs.tail([spec.name], 10)

    assert [(line.text, line.is_part) for line in lines] == [("one", False), ("Password: ", True)]


@pytest.mark.parametrize("ending", ["stop", "remove"])
async def test_an_instance_that_its_node_starts_again_does_not_run_after_it_was_brought_down(world, ending):
    instances = world.supervisor.instances
    writes = "for beat in 1 2 3 4 5; do echo beat >>/data/beats; sleep 0.1; done; exit 3"
    spec = make_spec(world, writes, mounts=(Mount(path="/data", volume="shop-data-1"),))
    for _ in range(2):
        await instances.start(spec)
        assert await instances.wait(spec.name) == Exit(code=3)

        await (instances.stop(spec.name, 1.0) if ending == "stop" else instances.remove(spec.name))

        (beats,) = files_of(world, "shop").glob("beats")
        before = beats.read_text()
        await asyncio.sleep(3)
        assert beats.read_text() == before


def files_of(world: ClusterWorld, app: str) -> Path:
    """The folder on this machine of the app's only volume."""
    wanted = ("--output", "jsonpath={.items[*].spec.volumeName}")
    name = world.server.cluster.kubectl("get", "pvc", "--namespace", f"{world.server.prefix}{app}", *wanted)
    return world.server.cluster.volumes / name


async def test_an_unschedulable_instance_names_the_resource(world):
    spec = make_spec(world, limits=Limits(memory=1024**4))

    with pytest.raises(StartFailed) as failure:
        await world.supervisor.instances.start(spec)

    assert "Insufficient memory" in failure.value.why
    assert await world.supervisor.instances.find() == ()


async def test_a_missing_image_is_named(world):
    gone = world.image_id.rpartition("@")[0] + f"@sha256:{'0' * 64}"

    with pytest.raises(StartFailed) as failure:
        await world.supervisor.instances.start(make_spec(world, image_id=gone))

    assert "the registry no longer has its image" in failure.value.why


async def test_a_removed_app_leaves_nothing_in_the_cluster(world):
    hook = {"name": "pvdify-shop-pre_deploy-v1-1", "process": "pre_deploy", "role": Role.HOOK, "exposed": NO_ROUTE}
    for spec in (make_spec(world), make_spec(world, TALKER, **hook)):
        await world.supervisor.instances.start(spec)
        await world.supervisor.instances.remove(spec.name)
    namespace = f"{world.server.prefix}shop"
    kinds = "deployments,replicasets,services,secrets,configmaps,poddisruptionbudgets"
    left = world.server.cluster.kubectl("-n", namespace, "get", kinds, "-l", "pvdify.win/instance", "-o", "name")
    assert [line for line in left.splitlines() if not line.startswith("replicaset")] == []

    await world.supervisor.networks.remove("shop")

    async def is_gone() -> bool:
        return namespace not in world.server.cluster.kubectl("get", "namespaces", "-o", "name")

    await eventually(world, is_gone)
