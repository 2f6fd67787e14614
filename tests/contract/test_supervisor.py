"""Contract of the ports of instances and their logs: the fake, and podman."""

import asyncio
from datetime import timedelta

import pytest

from pvdify.adapters.clock.clock import SystemClock
from pvdify.errors import StartFailed
from pvdify.model.endpoint import NO_ROUTE
from pvdify.model.instance import Exit, InstanceState, Limits, Role
from tests.contract.supervisor_worlds import (
    ASKER,
    COUNTER,
    GREEDY,
    LOCAL_SERVER,
    MISSING,
    STUBBORN,
    TALKER,
    PodmanWorld,
    World,
    eventually,
    fake_world,
    make_spec,
)
from tests.support.endpoints import exposed
from tests.support.images import build_image, image_id
from tests.support.podman import missing_for_systemd
from tools.free_port import free_port

KILLED = Exit(code=137)


REAL = [pytest.param("podman", marks=pytest.mark.podman), pytest.param("systemd", marks=pytest.mark.systemd)]


@pytest.fixture(params=["fake", *REAL])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "fake":
        return fake_world()
    server = request.getfixturevalue("real_podman")
    if request.param == "systemd" and (missing := missing_for_systemd()):
        pytest.skip(missing)
    make = server.supervisor if request.param == "podman" else server.systemd_supervisor
    return PodmanWorld(
        successor=make,
        image_id=image_id(build_image(content="hello")),
        first_port=free_port(),
        clock=SystemClock(),
        supervisor=make(),
    )


async def test_a_started_instance_is_found_with_its_whole_spec(world):
    spec = make_spec(world)

    await world.supervisor.instances.start(spec)

    (found,) = await world.supervisor.instances.find()
    assert (found.name, found.app, found.process, found.slot, found.number) == (spec.name, "shop", "web", 1, 1)
    assert (found.role, found.operation, found.endpoint) == (Role.INSTANCE, "op1", spec.exposed.at)
    assert (found.state, found.exit, found.restarts) == (InstanceState.RUNNING, None, 0)
    assert abs(found.started_at - world.clock.now()) < timedelta(minutes=1)


async def test_instances_are_filtered_by_app(world):
    await world.supervisor.instances.create(make_spec(world))
    await world.supervisor.instances.create(make_spec(world, name="pvdify-blog-web-v1-1", app="blog"))

    found = await world.supervisor.instances.find("blog")

    assert [instance.name for instance in found] == ["pvdify-blog-web-v1-1"]


async def test_starting_twice_equals_starting_once(world):
    spec = make_spec(world)
    await world.supervisor.instances.start(spec)
    first = await world.supervisor.instances.find()

    await world.supervisor.instances.start(spec)

    assert await world.supervisor.instances.find() == first


async def test_a_created_instance_is_not_started(world):
    spec = make_spec(world, TALKER)

    await world.supervisor.instances.create(spec)
    await world.supervisor.instances.create(spec)

    (created,) = await world.supervisor.instances.find()
    assert (created.state, created.exit, created.started_at) == (InstanceState.CREATED, None, None)
    assert await world.supervisor.logs.tail([spec.name], 10) == ()
    await world.supervisor.instances.start(spec)
    assert await world.supervisor.instances.wait(spec.name) == Exit(code=3)


async def test_waiting_returns_the_exit_also_afterwards(world):
    spec = make_spec(world, TALKER)
    await world.supervisor.instances.start(spec)

    assert await world.supervisor.instances.wait(spec.name) == Exit(code=3)
    assert await world.supervisor.instances.wait(spec.name) == Exit(code=3)
    (found,) = await world.supervisor.instances.find()
    assert (found.state, found.exit) == (InstanceState.EXITED, Exit(code=3))


async def test_whether_it_runs_is_known_at_once_and_anew_after_each_start(world):
    spec = make_spec(world)
    assert not await world.supervisor.instances.is_running(spec.name)

    await world.supervisor.instances.start(spec)
    await world.lose_daemon()
    assert await world.supervisor.instances.is_running(spec.name)
    await world.supervisor.instances.stop(spec.name, 0)
    assert not await world.supervisor.instances.is_running(spec.name)
    await world.supervisor.instances.start(spec)

    assert await world.supervisor.instances.is_running(spec.name)
    await world.supervisor.instances.remove(spec.name)
    assert not await world.supervisor.instances.is_running(spec.name)


async def test_the_end_is_reported_before_the_exit_code_and_at_once_if_already_ended(world):
    spec = make_spec(world)
    await world.supervisor.instances.start(spec)
    await world.lose_daemon()
    waiting = asyncio.create_task(world.supervisor.instances.wait_down(spec.name))
    await asyncio.sleep(0.2)
    assert not waiting.done()

    await world.supervisor.instances.stop(spec.name, 0)

    await waiting
    await world.supervisor.instances.wait_down(spec.name)
    await world.supervisor.instances.remove(spec.name)
    await world.supervisor.instances.wait_down(spec.name)


async def test_waiting_goes_on_with_the_next_daemon(world):
    spec = make_spec(world)
    await world.supervisor.instances.start(spec)
    await world.lose_daemon()

    waiting = asyncio.create_task(world.supervisor.instances.wait(spec.name))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    await world.supervisor.instances.stop(spec.name, 0)

    assert await waiting == KILLED


async def test_removing_ends_the_wait(world):
    spec = make_spec(world)
    await world.supervisor.instances.start(spec)
    waiting = asyncio.create_task(world.supervisor.instances.wait(spec.name))
    await asyncio.sleep(0.1)

    await world.supervisor.instances.remove(spec.name)

    assert await waiting == KILLED
    assert await world.supervisor.instances.find() == ()


async def test_a_program_that_takes_too_much_memory_is_distinguished(world):
    spec = make_spec(world, GREEDY, limits=Limits(memory=8 * 1024**2))
    await world.supervisor.instances.start(spec)

    ended = await world.supervisor.instances.wait(spec.name)

    assert ended == Exit(code=137, is_out_of_memory=True)


async def test_stop_waits_for_a_program_that_ends_by_itself(world):
    spec = make_spec(world)
    await world.supervisor.instances.start(spec)

    started = world.clock.monotonic()
    await world.supervisor.instances.stop(spec.name, 30)

    assert world.clock.monotonic() - started < 20
    (found,) = await world.supervisor.instances.find()
    assert found.state is InstanceState.EXITED
    assert found.exit != KILLED


async def test_stop_kills_a_program_that_ignores_sigterm(world):
    spec = make_spec(world, STUBBORN)
    await world.supervisor.instances.start(spec)

    await world.supervisor.instances.stop(spec.name, 1)

    assert await world.supervisor.instances.wait(spec.name) == KILLED


async def test_a_missing_instance_can_be_stopped_removed_and_waited_for(world):
    await world.supervisor.instances.stop("pvdify-shop-web-v9-1", 1)
    await world.supervisor.instances.remove("pvdify-shop-web-v9-1")

    assert await world.supervisor.instances.wait("pvdify-shop-web-v9-1") == KILLED
    assert await world.supervisor.inspector.listeners("pvdify-shop-web-v9-1") == ()


async def test_an_exited_instance_starts_again(world):
    spec = make_spec(world)
    await world.supervisor.instances.start(spec)
    await world.supervisor.instances.stop(spec.name, 0)

    await world.supervisor.instances.start(spec)

    (found,) = await world.supervisor.instances.find()
    assert (found.state, found.exit, found.restarts) == (InstanceState.RUNNING, None, 1)


async def test_a_refused_start_has_a_reason_and_leaves_nothing(world):
    with pytest.raises(StartFailed) as failure:
        await world.supervisor.instances.start(make_spec(world, MISSING))

    assert "no /no/such/program" in failure.value.why
    assert await world.supervisor.instances.find() == ()


async def test_two_instances_cannot_share_a_port(world):
    await world.supervisor.instances.start(make_spec(world, number=1))
    second = make_spec(world, number=2, exposed=exposed(world.first_port + 1))

    with pytest.raises(StartFailed) as failure:
        await world.supervisor.instances.start(second)

    assert f"port {second.exposed.at.port}" in failure.value.why
    assert [found.number for found in await world.supervisor.instances.find()] == [1]


async def test_listeners_are_seen_from_outside(world):
    spec = make_spec(world)
    await world.supervisor.instances.start(spec)

    (listener,) = await eventually(world, lambda: world.supervisor.inspector.listeners(spec.name))

    assert (listener.port, listener.is_loopback_only) == (8080, False)
    await world.supervisor.instances.stop(spec.name, 0)
    assert await world.supervisor.inspector.listeners(spec.name) == ()


async def test_a_listener_on_loopback_only_is_distinguished(world):
    spec = make_spec(world, LOCAL_SERVER)
    await world.supervisor.instances.start(spec)

    (listener,) = await eventually(world, lambda: world.supervisor.inspector.listeners(spec.name))

    assert (listener.address, listener.is_loopback_only) == ("127.0.0.1", True)


async def test_logs_outlive_their_container_until_they_are_forgotten(world):
    spec = make_spec(world, TALKER)
    await world.supervisor.instances.start(spec)
    await world.supervisor.instances.wait(spec.name)
    await world.supervisor.instances.remove(spec.name)

    lines = await world.supervisor.logs.tail([spec.name], 10)

    assert [(line.instance, line.stream, line.text) for line in lines] == [
        (spec.name, "stdout", "one"),
        (spec.name, "stdout", "two"),
    ]
    assert [line.text for line in await world.supervisor.logs.tail([spec.name], 1)] == ["two"]
    assert await world.supervisor.logs.tail([spec.name], 10, since=lines[-1].at) == ()
    assert await world.supervisor.logs.tail(["pvdify-shop-web-v9-1"], 10) == ()
    await world.supervisor.logs.forget("shop")
    assert await world.supervisor.logs.tail([spec.name], 10) == ()


async def test_many_lines_come_in_batches_and_in_order(world):
    spec = make_spec(world, COUNTER)
    await world.supervisor.instances.start(spec)
    while "line 1500" not in [line.text for line in await world.supervisor.logs.tail([spec.name], 1)]:
        await world.clock.sleep(0.1)

    for asked, first in ((1200, 301), (5000, 1)):
        batches = [batch async for batch in world.supervisor.logs.history([spec.name], asked)]

        assert len(batches) > 1
        assert [line.text for batch in batches for line in batch] == [f"line {it}" for it in range(first, 1501)]
    last = batches[-1][-1]
    assert [it async for batch in world.supervisor.logs.history([spec.name], 5000, since=last.at) for it in batch] == []


async def test_writers_of_logs_are_listed_also_after_their_removal(world):
    hook = {"name": "pvdify-shop-pre_deploy-v1-1", "process": "pre_deploy", "role": Role.HOOK, "exposed": NO_ROUTE}
    gone = [
        make_spec(world, TALKER),
        make_spec(world, TALKER, name="pvdify-shop-worker-v1-2", process="worker", number=2, exposed=NO_ROUTE),
        make_spec(world, TALKER, name="pvdify-shop-staging-web-v1-1", app="shop-staging", number=3),
        make_spec(world, TALKER, **hook),
    ]
    for spec in gone:
        await world.supervisor.instances.start(spec)
        await world.supervisor.instances.wait(spec.name)
        await world.supervisor.instances.remove(spec.name)
    await world.lose_daemon()

    writers = await world.supervisor.logs.writers("shop")

    assert sorted(writers) == ["pvdify-shop-web-v1-1", "pvdify-shop-worker-v1-2"]
    await world.supervisor.logs.forget("shop")
    assert await world.supervisor.logs.tail(["pvdify-shop-web-v1-1"], 10) == ()


async def test_a_log_has_the_lines_of_all_instances_of_a_name(world):
    spec = make_spec(world, TALKER)

    for _ in range(2):
        await world.supervisor.instances.start(spec)
        await world.supervisor.instances.wait(spec.name)
        await world.supervisor.instances.remove(spec.name)

    assert [line.text for line in await world.supervisor.logs.tail([spec.name], 10)] == ["one", "two", "one", "two"]


async def test_following_gives_old_and_new_lines_of_every_run(world):
    spec, texts = make_spec(world, TALKER), []
    since = world.clock.now() - timedelta(minutes=1)

    async def follow() -> None:
        async for line in world.supervisor.logs.follow([spec.name], since=since):
            texts.append(line.text)

    following = asyncio.create_task(follow())
    for _ in range(2):
        await world.supervisor.instances.start(spec)
        await world.supervisor.instances.wait(spec.name)

    async def has_all() -> bool:
        return len(texts) >= 4

    await eventually(world, has_all)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert texts == ["one", "two", "one", "two"]


async def test_a_last_line_without_its_end_is_read_while_it_runs_and_afterwards(world):
    spec, texts = make_spec(world, ASKER), []
    since = world.clock.now() - timedelta(minutes=1)
    await world.supervisor.instances.start(spec)

    async for line in world.supervisor.logs.follow([spec.name], since=since):
        texts.append((line.text, line.is_part))
        if len(texts) == 2:
            break
    followed = [found.state for found in await world.supervisor.instances.find()]
    await world.supervisor.instances.wait(spec.name)

    lines = await world.supervisor.logs.tail([spec.name], 10)
    assert followed == [InstanceState.RUNNING]
    assert texts == [("one", False), ("Password: ", True)]
    assert [(line.text, line.is_part) for line in lines] == texts


async def test_one_off_output_is_read_in_batches_to_its_end(world):
    name, ended = "pvdify-shop-pre_deploy-v1-1", asyncio.Event()
    spec = make_spec(world, ASKER, name=name, process="pre_deploy", role=Role.HOOK, exposed=NO_ROUTE)
    await world.supervisor.instances.start(spec)

    async def read() -> list[str]:
        return [line.text async for batch in world.supervisor.logs.output(name, ended) for line in batch]

    reading = asyncio.create_task(read())
    await world.supervisor.instances.wait(name)
    ended.set()

    assert await reading == ["one", "Password: "]


async def test_the_default_is_the_images_own_command(world):
    spec = make_spec(world, None)

    await world.supervisor.instances.start(spec)

    assert [found.state for found in await world.supervisor.instances.find()] == [InstanceState.RUNNING]


async def test_usage_of_a_running_instance_is_reported(world):
    spec = make_spec(world)
    await world.supervisor.instances.start(spec)

    used = await world.supervisor.inspector.usage(spec.name)

    assert 0 < used.memory < 2 * 1024**3
    assert used.cpu_seconds >= 0
    await world.supervisor.instances.remove(spec.name)
    assert await world.supervisor.inspector.usage(spec.name) is None


async def test_one_off_output_is_read_after_its_end_and_a_restart_of_the_daemon(world):
    name = "pvdify-shop-pre_deploy-v1-1"
    parts = {"name": name, "process": "pre_deploy", "role": Role.HOOK, "exposed": NO_ROUTE}
    await world.supervisor.instances.create(make_spec(world, TALKER, **parts))

    await world.supervisor.instances.start(make_spec(world, TALKER, **parts))
    ended = await world.supervisor.instances.wait(name)

    await world.lose_daemon()
    assert ended == Exit(code=3)
    assert [line.text for line in await world.supervisor.logs.tail([name], 10)] == ["one", "two"]
    await world.supervisor.instances.remove(name)


async def test_an_app_has_a_network_while_anything_of_it_is_there_and_until_it_is_removed(world):
    spec, blog = make_spec(world), make_spec(world, name="pvdify-blog-web-v1-1", app="blog", exposed=NO_ROUTE)
    await world.supervisor.instances.start(spec)
    await world.supervisor.instances.start(blog)

    await world.supervisor.networks.remove("shop")
    assert await world.supervisor.networks.apps() == {"shop", "blog"}
    await world.supervisor.instances.remove(spec.name)
    assert await world.supervisor.networks.apps() == {"shop", "blog"}
    await world.supervisor.networks.remove("shop")
    await world.supervisor.networks.remove("shop")

    assert await world.supervisor.networks.apps() == {"blog"}
    await world.supervisor.instances.start(spec)
    assert await world.supervisor.networks.apps() == {"shop", "blog"}
    await world.supervisor.instances.remove(spec.name)
    await world.supervisor.instances.remove(blog.name)
