"""What every supervisor promises, kept by the fake and by podman alike."""

import asyncio
from datetime import timedelta

import pytest

from pvdify.adapters.clock.clock import SystemClock
from pvdify.errors import StartFailed
from pvdify.model.instance import Exit, InstanceState, Limits, Role
from tests.contract.supervisor_worlds import (
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


async def test_a_started_instance_is_found_with_all_that_was_said_of_it(world):
    spec = make_spec(world)

    await world.supervisor.start(spec)

    (found,) = await world.supervisor.find()
    assert (found.name, found.app, found.process, found.slot, found.number) == (spec.name, "shop", "web", 1, 1)
    assert (found.role, found.operation, found.host_port) == (Role.INSTANCE, "op1", spec.host_port)
    assert (found.state, found.exit, found.restarts) == (InstanceState.RUNNING, None, 0)
    assert abs(found.started_at - world.clock.now()) < timedelta(minutes=1)


async def test_only_the_named_apps_instances_are_found(world):
    await world.supervisor.create(make_spec(world))
    await world.supervisor.create(make_spec(world, name="pvdify-blog-web-v1-1", app="blog"))

    found = await world.supervisor.find("blog")

    assert [instance.name for instance in found] == ["pvdify-blog-web-v1-1"]


async def test_starting_twice_equals_starting_once(world):
    spec = make_spec(world)
    await world.supervisor.start(spec)
    first = await world.supervisor.find()

    await world.supervisor.start(spec)

    assert await world.supervisor.find() == first


async def test_what_is_created_waits_to_be_started(world):
    spec = make_spec(world, TALKER)

    await world.supervisor.create(spec)
    await world.supervisor.create(spec)

    (created,) = await world.supervisor.find()
    assert (created.state, created.exit, created.started_at) == (InstanceState.CREATED, None, None)
    assert await world.supervisor.tail([spec.name], 10) == ()
    await world.supervisor.start(spec)
    assert await world.supervisor.wait(spec.name) == Exit(code=3)


async def test_waiting_tells_how_it_ended_also_later(world):
    spec = make_spec(world, TALKER)
    await world.supervisor.start(spec)

    assert await world.supervisor.wait(spec.name) == Exit(code=3)
    assert await world.supervisor.wait(spec.name) == Exit(code=3)
    (found,) = await world.supervisor.find()
    assert (found.state, found.exit) == (InstanceState.EXITED, Exit(code=3))


async def test_its_end_is_told_before_how_it_ended_and_at_once_when_it_is_over(world):
    spec = make_spec(world)
    await world.supervisor.start(spec)
    await world.lose_daemon()
    waiting = asyncio.create_task(world.supervisor.wait_down(spec.name))
    await asyncio.sleep(0.2)
    assert not waiting.done()

    await world.supervisor.stop(spec.name, 0)

    await waiting
    await world.supervisor.wait_down(spec.name)
    await world.supervisor.remove(spec.name)
    await world.supervisor.wait_down(spec.name)


async def test_waiting_goes_on_with_the_next_daemon(world):
    spec = make_spec(world)
    await world.supervisor.start(spec)
    await world.lose_daemon()

    waiting = asyncio.create_task(world.supervisor.wait(spec.name))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    await world.supervisor.stop(spec.name, 0)

    assert await waiting == KILLED


async def test_removing_ends_the_wait(world):
    spec = make_spec(world)
    await world.supervisor.start(spec)
    waiting = asyncio.create_task(world.supervisor.wait(spec.name))
    await asyncio.sleep(0.1)

    await world.supervisor.remove(spec.name)

    assert await waiting == KILLED
    assert await world.supervisor.find() == ()


async def test_a_program_that_takes_too_much_memory_is_told_apart(world):
    spec = make_spec(world, GREEDY, limits=Limits(memory=8 * 1024**2))
    await world.supervisor.start(spec)

    ended = await world.supervisor.wait(spec.name)

    assert ended == Exit(code=137, is_out_of_memory=True)


async def test_stop_lets_a_polite_program_end_in_peace(world):
    spec = make_spec(world)
    await world.supervisor.start(spec)

    started = world.clock.monotonic()
    await world.supervisor.stop(spec.name, 30)

    assert world.clock.monotonic() - started < 20
    (found,) = await world.supervisor.find()
    assert found.state is InstanceState.EXITED
    assert found.exit != KILLED


async def test_stop_kills_what_does_not_listen(world):
    spec = make_spec(world, STUBBORN)
    await world.supervisor.start(spec)

    await world.supervisor.stop(spec.name, 1)

    assert await world.supervisor.wait(spec.name) == KILLED


async def test_what_is_absent_can_be_stopped_removed_and_waited_for(world):
    await world.supervisor.stop("pvdify-shop-web-v9-1", 1)
    await world.supervisor.remove("pvdify-shop-web-v9-1")

    assert await world.supervisor.wait("pvdify-shop-web-v9-1") == KILLED
    assert await world.supervisor.listeners("pvdify-shop-web-v9-1") == ()


async def test_an_exited_instance_starts_again(world):
    spec = make_spec(world)
    await world.supervisor.start(spec)
    await world.supervisor.stop(spec.name, 0)

    await world.supervisor.start(spec)

    (found,) = await world.supervisor.find()
    assert (found.state, found.exit, found.restarts) == (InstanceState.RUNNING, None, 1)


async def test_a_start_that_is_refused_says_why_and_leaves_nothing(world):
    with pytest.raises(StartFailed) as failure:
        await world.supervisor.start(make_spec(world, MISSING))

    assert "no /no/such/program" in failure.value.why
    assert await world.supervisor.find() == ()


async def test_two_instances_cannot_have_one_port(world):
    await world.supervisor.start(make_spec(world, number=1))
    second = make_spec(world, number=2, host_port=world.first_port + 1)

    with pytest.raises(StartFailed) as failure:
        await world.supervisor.start(second)

    assert f"port {second.host_port}" in failure.value.why
    assert [found.number for found in await world.supervisor.find()] == [1]


async def test_listeners_are_seen_from_outside(world):
    spec = make_spec(world)
    await world.supervisor.start(spec)

    (listener,) = await eventually(world, lambda: world.supervisor.listeners(spec.name))

    assert (listener.port, listener.is_loopback_only) == (8080, False)
    await world.supervisor.stop(spec.name, 0)
    assert await world.supervisor.listeners(spec.name) == ()


async def test_who_listens_on_loopback_only_is_told_apart(world):
    spec = make_spec(world, LOCAL_SERVER)
    await world.supervisor.start(spec)

    (listener,) = await eventually(world, lambda: world.supervisor.listeners(spec.name))

    assert (listener.address, listener.is_loopback_only) == ("127.0.0.1", True)


async def test_logs_outlive_their_container_until_they_are_forgotten(world):
    spec = make_spec(world, TALKER)
    await world.supervisor.start(spec)
    await world.supervisor.wait(spec.name)
    await world.supervisor.remove(spec.name)

    lines = await world.supervisor.tail([spec.name], 10)

    assert [(line.instance, line.stream, line.text) for line in lines] == [
        (spec.name, "stdout", "one"),
        (spec.name, "stdout", "two"),
    ]
    assert [line.text for line in await world.supervisor.tail([spec.name], 1)] == ["two"]
    assert await world.supervisor.tail([spec.name], 10, since=lines[-1].at) == ()
    assert await world.supervisor.tail(["pvdify-shop-web-v9-1"], 10) == ()
    await world.supervisor.forget_logs("shop")
    assert await world.supervisor.tail([spec.name], 10) == ()


async def test_who_left_lines_is_known_also_when_it_is_gone(world):
    hook = {"name": "pvdify-shop-pre_deploy-v1-1", "process": "pre_deploy", "role": Role.HOOK, "host_port": None}
    gone = [
        make_spec(world, TALKER),
        make_spec(world, TALKER, name="pvdify-shop-worker-v1-2", process="worker", number=2, host_port=None),
        make_spec(world, TALKER, name="pvdify-shop-staging-web-v1-1", app="shop-staging", number=3),
        make_spec(world, TALKER, **hook, port=None),
    ]
    for spec in gone:
        await world.supervisor.start(spec)
        await world.supervisor.wait(spec.name)
        await world.supervisor.remove(spec.name)
    await world.lose_daemon()

    writers = await world.supervisor.writers("shop")

    assert sorted(writers) == ["pvdify-shop-web-v1-1", "pvdify-shop-worker-v1-2"]
    await world.supervisor.forget_logs("shop")
    assert await world.supervisor.tail(["pvdify-shop-web-v1-1"], 10) == ()


async def test_one_log_has_the_lines_of_all_who_had_the_name(world):
    spec = make_spec(world, TALKER)

    for _ in range(2):
        await world.supervisor.start(spec)
        await world.supervisor.wait(spec.name)
        await world.supervisor.remove(spec.name)

    assert [line.text for line in await world.supervisor.tail([spec.name], 10)] == ["one", "two", "one", "two"]


async def test_following_gives_old_and_new_lines_of_every_run(world):
    spec, texts = make_spec(world, TALKER), []
    since = world.clock.now() - timedelta(minutes=1)

    async def follow() -> None:
        async for line in world.supervisor.follow([spec.name], since=since):
            texts.append(line.text)

    following = asyncio.create_task(follow())
    for _ in range(2):
        await world.supervisor.start(spec)
        await world.supervisor.wait(spec.name)

    async def has_all() -> bool:
        return len(texts) >= 4

    await eventually(world, has_all)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert texts == ["one", "two", "one", "two"]


async def test_the_default_is_the_images_own_command(world):
    spec = make_spec(world, None)

    await world.supervisor.start(spec)

    assert [found.state for found in await world.supervisor.find()] == [InstanceState.RUNNING]


async def test_what_a_running_instance_uses_is_told(world):
    spec = make_spec(world)
    await world.supervisor.start(spec)

    used = await world.supervisor.usage(spec.name)

    assert 0 < used.memory < 2 * 1024**3
    assert used.cpu_seconds >= 0
    await world.supervisor.remove(spec.name)
    assert await world.supervisor.usage(spec.name) is None


async def test_what_runs_once_is_read_after_it_ended_and_after_the_daemon_did(world):
    name = "pvdify-shop-pre_deploy-v1-1"
    parts = {"name": name, "process": "pre_deploy", "role": Role.HOOK, "host_port": None, "port": None}
    await world.supervisor.create(make_spec(world, TALKER, **parts))

    await world.supervisor.start(make_spec(world, TALKER, **parts))
    ended = await world.supervisor.wait(name)

    await world.lose_daemon()
    assert ended == Exit(code=3)
    assert [line.text for line in await world.supervisor.tail([name], 10)] == ["one", "two"]
    await world.supervisor.remove(name)


async def test_an_app_has_a_network_while_anything_of_it_is_there_and_until_it_is_removed(world):
    spec, blog = make_spec(world), make_spec(world, name="pvdify-blog-web-v1-1", app="blog", host_port=None, port=None)
    await world.supervisor.start(spec)
    await world.supervisor.start(blog)

    await world.supervisor.remove_network("shop")
    assert await world.supervisor.networks() == {"shop", "blog"}
    await world.supervisor.remove(spec.name)
    assert await world.supervisor.networks() == {"shop", "blog"}
    await world.supervisor.remove_network("shop")
    await world.supervisor.remove_network("shop")

    assert await world.supervisor.networks() == {"blog"}
    await world.supervisor.start(spec)
    assert await world.supervisor.networks() == {"shop", "blog"}
    await world.supervisor.remove(spec.name)
    await world.supervisor.remove(blog.name)
