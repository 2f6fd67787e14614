"""One-off commands: their environment, their viewers, and how long they run."""

import pytest

from pvdify.engine.running.one_offs import InstanceSelector, OneOff
from pvdify.errors import AppNotFound, InvalidError, NothingRuns, OneOffNotFound
from pvdify.model.config import ConfigVar
from pvdify.model.endpoint import NO_ROUTE
from pvdify.model.instance import Role, Secret
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


async def test_a_one_off_runs_with_the_image_and_config_of_the_live_release(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=IMAGE, manifest={"resources": {"memory": "64M"}})
    live = await machine.store.active_release("shop")

    run = await started(daemon, ("npm", "run", "migrate"))

    (spec, _process) = machine.one_offs.started[0]
    assert (spec.role, spec.image_id, spec.command) == (Role.RUN, live.image_id, ("npm", "run", "migrate"))
    assert (spec.limits.memory, spec.exposed, spec.name) == (
        64 * 1024**2,
        NO_ROUTE,
        f"pvdify-shop-run-v1-{spec.number}",
    )
    assert spec.environment["PVDIFY_INSTANCE"] == run.id == f"run.{spec.number}"


async def test_output_and_exit_code_of_a_one_off_are_reported(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=IMAGE)
    run = await started(daemon)
    (_spec, process) = machine.one_offs.started[0]
    process.say("out")
    process.say("err", Stream.STDERR)
    process.exit(3)

    pieces = [piece async for piece in daemon.one_offs.watch(run, 0)]

    assert pieces == [
        (1, Output(stream=Stream.STDOUT, data=b"out")), (2, Output(stream=Stream.STDERR, data=b"err")), 3,
    ]  # fmt: skip


async def test_a_reconnecting_viewer_gets_missed_output_once(machine: Machine, daemon: Daemon):
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


async def test_repeated_input_is_not_written_twice(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=IMAGE)
    run = await started(daemon)

    await run.write(0, b"hello")
    await run.write(0, b"hello")
    await run.write(3, b"lo world")
    await run.close_input()

    assert await watched(daemon, run) == [b"hello", b" world", 0]


async def test_a_one_off_without_a_viewer_is_ended(machine: Machine, daemon: Daemon):
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


async def test_a_one_off_runs_as_long_as_it_has_a_viewer(machine: Machine, daemon: Daemon):
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


async def test_stopping_the_daemon_ends_one_offs_and_the_next_start_removes_leftovers(machine: Machine, daemon: Daemon):
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


async def test_the_terminal_of_a_one_off_can_be_resized(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=IMAGE)
    run = await daemon.one_offs.start("shop", "sh", TerminalSize(rows=24, columns=80), ACTOR)

    run.resize(TerminalSize(rows=50, columns=132))

    assert machine.one_offs.started[0][1].size == TerminalSize(rows=50, columns=132)


async def test_arguments_are_in_no_event(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=IMAGE)

    await started(daemon, "login --password s3cret")

    assert all("s3cret" not in event.text for event in await machine.store.events(None, 10))


async def test_invalid_one_offs_are_refused(daemon: Daemon):
    with pytest.raises(AppNotFound):
        await started(daemon)
    await daemon.requests.create_app("shop", ACTOR)
    with pytest.raises(NothingRuns):
        await started(daemon)
    with pytest.raises(InvalidError):
        await started(daemon, ())


@pytest.mark.parametrize("word", ["a\0b", "\x1b[2J", "half \ud800"])
async def test_a_command_with_control_characters_is_refused(machine: Machine, daemon: Daemon, word: str):
    await daemon.deploy(image=IMAGE)

    with pytest.raises(InvalidError, match="a command cannot hold"):
        await started(daemon, ("echo", word))

    assert "pvdify-shop-run-v1-1" not in machine.supervisor.names


async def test_raw_output_is_byte_for_byte_and_the_secrets_in_it_are_counted_and_an_event(
    machine: Machine, daemon: Daemon
):
    await daemon.requests.create_app("shop", ACTOR)
    await daemon.requests.change_config("shop", {"API_PW": ConfigVar(value=Secret("blue-sky"), is_secret=True)}, ACTOR)
    await daemon.deploy(image=IMAGE)
    run = await daemon.one_offs.start("shop", "dump", None, ACTOR, [Stream.STDOUT])
    (_spec, process) = machine.one_offs.started[0]
    for text in ("1,a blue-s", "ky day\r\n2,blue-sky\0", "\udcff"):
        process.say(text)
    process.say("blue-sky", Stream.STDERR)
    process.exit(0)

    pieces = [piece async for piece in daemon.one_offs.watch(run, 0)]
    await machine.clock.sleep(6)

    written = [piece[1] for piece in pieces if not isinstance(piece, int)]
    assert b"".join(it.data for it in written if it.stream is Stream.STDOUT) == b"1,a blue-sky day\r\n2,blue-sky\0\xff"
    assert [it.data for it in written if it.stream is Stream.STDERR] == [b"***"]
    assert run.passed == {"API_PW": 2}
    events = await machine.store.events("shop")
    assert [event.text for event in events if event.action == "run.revealed"] == [f"{run.id} dump wrote API_PW"]


async def test_exec_enters_the_first_web_instance_of_the_live_release(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=IMAGE, manifest={"processes": {"web": {"count": 2}, "worker": {"command": ["work"]}}})

    run = await daemon.one_offs.enter("shop", InstanceSelector(), ("bash",), None, ACTOR)
    await daemon.one_offs.enter("shop", InstanceSelector(process="web", number=2), "ls", None, ACTOR)
    await daemon.one_offs.enter("shop", InstanceSelector(process="worker"), "ls", None, ACTOR)

    assert [instance for instance, _, _ in machine.inside.entered] == [
        "pvdify-shop-web-v1-1", "pvdify-shop-web-v1-2", "pvdify-shop-worker-v1-1",
    ]  # fmt: skip
    assert daemon.one_offs.find("shop", run.id) is run
    texts = [event.text for event in await machine.store.events("shop", 3)]
    assert [text.partition(" ")[2] for text in texts] == ["ls in worker.1", "ls in web.2", "bash in web.1"]


async def test_exec_into_a_missing_instance_names_it(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=IMAGE)

    with pytest.raises(NothingRuns, match=r"shop has no running instance web\.7"):
        await daemon.one_offs.enter("shop", InstanceSelector(process="web", number=7), "ls", None, ACTOR)
    with pytest.raises(AppNotFound):
        await daemon.one_offs.connect("blog", InstanceSelector(), 80, ACTOR)


async def test_output_of_exec_is_redacted_and_bytes_of_a_tunnel_are_not(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=IMAGE)
    await daemon.requests.change_config(
        "shop", {"KEY": ConfigVar(value=Secret("s3cret-value"), is_secret=True)}, ACTOR
    )  # fmt: skip
    command = await daemon.one_offs.enter("shop", InstanceSelector(), "env", None, ACTOR)
    connection = await daemon.one_offs.connect("shop", InstanceSelector(), 5432, ACTOR)
    for process in (machine.inside.entered[0][2], machine.inside.connected[0][2]):
        process.say("s3cret-value")
        process.exit(0)

    assert b"s3cret-value" not in b"".join(it for it in await watched(daemon, command) if isinstance(it, bytes))
    assert await watched(daemon, connection) == [b"s3cret-value", 0]
    assert machine.inside.connected[0][:2] == ("pvdify-shop-web-v1-1", 5432)


async def test_an_exec_without_a_viewer_is_ended(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=IMAGE)
    await daemon.one_offs.enter("shop", InstanceSelector(), "sleep 600", None, ACTOR)

    await machine.clock.sleep(7)

    assert machine.inside.entered[0][2].is_gone
