"""One-off commands: with what, for whom, and for how long."""

import pytest

from pvdify.engine.one_offs import OneOff
from pvdify.errors import AppNotFound, InvalidError, NothingRuns, OneOffNotFound
from pvdify.model.instance import Role
from pvdify.model.one_off import Output, Stream, TerminalSize
from tests.fakes.machine import ACTOR, Daemon, Machine

IMAGE = "reg.example.com/shop:v1"


@pytest.fixture
async def machine():
    machine = Machine()
    machine.registry.push(IMAGE)
    return machine


@pytest.fixture
async def daemon(machine: Machine):
    daemon = machine.daemon()
    yield daemon
    await daemon.bury()


async def started(daemon: Daemon, command: str | tuple[str, ...] = "ls") -> OneOff:
    return await daemon.one_offs.start("shop", command, None, ACTOR)


async def watched(daemon: Daemon, run: OneOff, seen: int = 0) -> list[object]:
    return [piece if isinstance(piece, int) else piece[1].data async for piece in daemon.one_offs.watch(run, seen)]


async def test_it_runs_with_what_the_live_release_has(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=IMAGE, manifest={"resources": {"memory": "64M"}})
    live = await machine.store.active_release("shop")

    run = await started(daemon, ("npm", "run", "migrate"))

    (spec, _process) = machine.one_offs.started[0]
    assert (spec.role, spec.image_id, spec.command) == (Role.RUN, live.image_id, ("npm", "run", "migrate"))
    assert (spec.limits.memory, spec.host_port, spec.name) == (64 * 1024**2, None, f"pvdify-shop-run-v1-{spec.number}")
    assert spec.environment["PVDIFY_INSTANCE"] == run.id == f"run.{spec.number}"


async def test_what_it_writes_and_how_it_ended_is_told(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=IMAGE)
    run = await started(daemon)
    (_spec, process) = machine.one_offs.started[0]
    process.say("out")
    process.say("err", Stream.STDERR)
    process.exit(3)

    told = [piece async for piece in daemon.one_offs.watch(run, 0)]

    assert told == [
        (1, Output(stream=Stream.STDOUT, data=b"out")), (2, Output(stream=Stream.STDERR, data=b"err")), 3,
    ]  # fmt: skip


async def test_who_comes_back_hears_what_was_missed_and_nothing_twice(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=IMAGE)
    run = await started(daemon)
    (_spec, process) = machine.one_offs.started[0]
    for text in ("one", "two", "three"):
        process.say(text)
    async for number, _piece in daemon.one_offs.watch(run, 0):
        if number == 2:
            break
    process.exit(0)

    assert await watched(daemon, run, seen=1) == [b"two", b"three", 0]


async def test_input_that_is_sent_again_is_not_taken_twice(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=IMAGE)
    run = await started(daemon)

    await run.write(0, b"hello")
    await run.write(0, b"hello")
    await run.write(3, b"lo world")
    await run.close_input()

    assert await watched(daemon, run) == [b"hello", b" world", 0]


async def test_it_ends_when_nobody_is_there_any_more(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=IMAGE)
    run = await started(daemon)
    (spec, process) = machine.one_offs.started[0]

    await machine.clock.sleep(4)
    assert not process.is_gone
    assert spec.name in daemon.world.one_offs
    await machine.clock.sleep(3)

    assert process.is_gone
    assert spec.name not in daemon.world.one_offs
    with pytest.raises(OneOffNotFound):
        daemon.one_offs.find("shop", run.id)
    assert [event.action for event in await machine.store.events(None, 10)][:2] == ["run.ended", "run.started"]


async def test_it_goes_on_for_as_long_as_somebody_watches(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=IMAGE)
    run = await started(daemon)
    (_spec, process) = machine.one_offs.started[0]
    watching = daemon.one_offs.watch(run, 0)
    process.say("x")
    await anext(watching)

    await machine.clock.sleep(600)

    assert not process.is_gone
    await watching.aclose()
    await machine.clock.sleep(7)
    assert process.is_gone


async def test_a_daemon_that_stops_ends_them_and_the_next_one_takes_away_what_is_left(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=IMAGE)
    await started(daemon)
    (spec, process) = machine.one_offs.started[0]
    await machine.supervisor.start(spec)
    await daemon.reconciler.reconcile()
    assert spec.name in machine.supervisor.running

    await daemon.one_offs.close()
    await daemon.reconciler.reconcile()

    assert process.is_gone
    assert spec.name not in machine.supervisor.names


async def test_its_terminal_can_change_its_size(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=IMAGE)
    run = await daemon.one_offs.start("shop", "sh", TerminalSize(rows=24, columns=80), ACTOR)

    run.resize(TerminalSize(rows=50, columns=132))

    assert machine.one_offs.started[0][1].size == TerminalSize(rows=50, columns=132)


async def test_arguments_are_in_no_event(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=IMAGE)

    await started(daemon, "login --password s3cret")

    assert all("s3cret" not in event.text for event in await machine.store.events(None, 10))


async def test_what_cannot_be_run_is_refused(daemon: Daemon):
    with pytest.raises(AppNotFound):
        await started(daemon)
    await daemon.requests.create_app("shop", ACTOR)
    with pytest.raises(NothingRuns):
        await started(daemon)
    with pytest.raises(InvalidError):
        await started(daemon, ())
