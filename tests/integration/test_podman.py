"""Behaviour of a real podman: shared by servers, without secrets in it, and changed by other programs."""

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pvdify.adapters.podman.calls import Calls
from pvdify.errors import RuntimeUnavailable, StartFailed
from pvdify.model.instance import Exit, InstanceSpec, InstanceState, Limits, Role, Secret
from tests.support.endpoints import exposed
from tests.support.images import build_image, image_id, missing_for_podman
from tests.support.podman import PodmanServer, Supervisor, podman, podman_server
from tests.support.waiting import until
from tools.free_port import free_port

pytestmark = [pytest.mark.podman, pytest.mark.skipif(bool(missing_for_podman()), reason=str(missing_for_podman()))]
NAME = "pvdify-shop-web-v1-1"
SLEEPER = ("/bin/sleep", "1000")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PodmanServer]:
    with podman_server(tmp_path) as server:
        yield server


@pytest.fixture
def supervisor(server: PodmanServer) -> Supervisor:
    return server.supervisor()


@pytest.fixture(scope="module")
def image() -> str:
    return image_id(build_image(content="hello"))


def make_spec(image: str, **parts) -> InstanceSpec:
    usual = {"name": NAME, "app": "shop", "process": "web", "slot": 1, "number": 1, "image_id": image}
    return InstanceSpec(**(usual | {"command": SLEEPER, "limits": Limits(memory=32 * 1024**2)} | parts))


async def output_of(supervisor: Supervisor, spec: InstanceSpec) -> list[str]:
    await supervisor.instances.start(spec)
    await supervisor.instances.wait(spec.name)
    return [line.text for line in await supervisor.logs.tail([spec.name], 1000)]


async def test_a_start_is_one_call_where_the_network_and_its_rules_exist_and_waiting_one_more(
    server, supervisor, image
):
    await supervisor.instances.start(make_spec(image, name="pvdify-shop-web-v1-2", number=2))
    server.runner.calls.clear()
    spec = make_spec(image, command="sleep 0.3; exit 4")

    await supervisor.instances.start(spec)
    await supervisor.instances.start(spec)
    assert [argv[3] for argv in server.runner.calls] == ["run"]
    assert await server.supervisor().instances.wait(NAME) == Exit(code=4)

    assert [argv[1:3] for argv in server.runner.calls[1:]] == [("container", "inspect")]


async def test_config_vars_reach_the_program_whatever_their_names_and_values(supervisor, image):
    wanted = {
        "PATH": "/bin:/nowhere",
        "HOME": "/elsewhere",
        "LD_PRELOAD": "",
        "CONTAINERS_CONF": "/none",
        "TMPDIR": "/none",
        "http_proxy": "http://127.0.0.1:1",
        "GREETING": "replaced",
        "QUOTES": "\"'`$HOME\\",
        "UMLAUT": "grüße",
        "EMPTY": "",
    }
    many = {"LINES": Secret("one\ntwo"), **{name: Secret(value) for name, value in wanted.items()}}

    lines = await output_of(supervisor, make_spec(image, command="env", environment=many))

    seen = dict(line.split("=", 1) for line in lines if "=" in line)
    assert {name: seen.get(name) for name in wanted} == wanted
    assert lines[lines.index("LINES=one") + 1] == "two"


async def test_config_vars_are_not_visible_and_on_no_disk(server, supervisor, image):
    value = f"hidden-{os.urandom(8).hex()}"

    await supervisor.instances.start(make_spec(image, environment={"PASSWORD": Secret(value)}))

    assert value not in podman("container", "inspect", f"{NAME}")
    assert not any(value in " ".join(argv) for argv in server.runner.calls)
    storage = podman("info", "--format", "{{.Store.GraphRoot}}")
    found = subprocess.run(("grep", "-rlF", value, f"{storage}/libpod", f"{storage}/overlay-containers"), check=False)
    assert found.returncode == 1
    kept = [path for path in server.run_dir.rglob("*") if path.is_file() and value.encode() in path.read_bytes()]
    assert {path.name for path in kept} == {"environment", "config.json"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in (*kept, server.run_dir / "instances" / NAME))
    await supervisor.instances.remove(NAME)
    assert not list((server.run_dir / "instances").iterdir())


async def test_by_hand_a_container_does_not_start_without_its_config_vars(server, supervisor, image):
    await supervisor.instances.start(make_spec(image))
    await supervisor.instances.stop(NAME, 0)

    for verb in ("start", "restart", "start"):
        by_hand = subprocess.run(("podman", verb, NAME), check=False, capture_output=True, text=True)
        assert by_hand.returncode != 0
        assert "only-pvdify-starts-this" in by_hand.stderr

    await supervisor.instances.start(make_spec(image))
    (found,) = await supervisor.instances.find()
    assert found.state is InstanceState.RUNNING


async def test_two_servers_share_one_podman_without_seeing_each_other(supervisor, image, tmp_path):
    with podman_server(tmp_path / "other") as other_server:
        other = other_server.supervisor()
        await other.instances.start(make_spec(image, number=2))

        await supervisor.instances.start(make_spec(image))
        await supervisor.instances.start(make_spec(image))

        (ours,), (theirs,) = await supervisor.instances.find(), await other.instances.find()
        assert (ours.name, ours.number, theirs.name, theirs.number) == (NAME, 1, NAME, 2)
        await supervisor.instances.remove(NAME)
        assert await supervisor.instances.find() == ()
        assert [found.state for found in await other.instances.find()] == [InstanceState.RUNNING]


async def test_containers_of_an_interrupted_daemon_are_adopted(server, supervisor, image):
    await supervisor.instances.create(make_spec(image))
    subprocess.run(("rm", "-rf", str(server.run_dir)), check=True)  # as a boot does
    successor = server.supervisor()

    await successor.instances.start(make_spec(image))

    (found,) = await successor.instances.find()
    assert (found.name, found.state) == (NAME, InstanceState.RUNNING)
    await successor.instances.stop(NAME, 0)
    assert await successor.instances.wait(NAME) == Exit(code=137)


async def test_after_a_boot_the_config_vars_are_put_back(server, supervisor, image):
    spec = make_spec(image, command='echo "GREETING is $GREETING"', environment={"GREETING": Secret("hello")})
    await output_of(supervisor, spec)
    subprocess.run(("rm", "-rf", str(server.run_dir)), check=True)
    successor = server.supervisor()

    await output_of(successor, spec)

    assert [line.text for line in await successor.logs.tail([NAME], 10)] == ["GREETING is hello"] * 2


async def test_an_instance_that_lost_its_conmon_is_watched_and_replaced(server, supervisor, image):
    directory = server.run_dir / "instances" / NAME
    await supervisor.instances.start(make_spec(image))
    waiting = asyncio.create_task(supervisor.instances.wait(NAME))
    await asyncio.sleep(0.1)

    os.kill(int((directory / "conmon.pid").read_text()), signal.SIGKILL)
    await asyncio.sleep(0.5)

    assert not waiting.done()
    await supervisor.instances.start(make_spec(image))
    assert [found.state for found in await supervisor.instances.find()] == [InstanceState.RUNNING]
    os.kill(int((directory / "pid").read_text()), signal.SIGKILL)
    assert await waiting == Exit(code=137)
    assert [found.state for found in await supervisor.instances.find()] == [InstanceState.EXITED]
    await supervisor.instances.start(make_spec(image))
    (found,) = await supervisor.instances.find()
    assert (found.state, found.restarts) == (InstanceState.RUNNING, 0)


async def test_a_program_without_a_signal_handler_stops_at_once(supervisor, image):
    await supervisor.instances.start(make_spec(image))  # as process 1, sleep would not notice SIGTERM

    started = time.monotonic()
    await supervisor.instances.stop(NAME, 60)

    assert time.monotonic() - started < 30


async def test_an_image_with_its_own_init_keeps_it_as_process_1(supervisor):
    of_their_own = {"entrypoint": ("/bin/tini", "--"), "command": ("/bin/cat", "/proc/1/comm")}
    with_init = image_id(build_image(content="hello", **of_their_own))
    without = image_id(build_image(content="hello", command=("/bin/cat", "/proc/1/comm")))

    theirs = await output_of(supervisor, make_spec(with_init, command=None))
    ours = await output_of(supervisor, make_spec(without, name="pvdify-shop-web-v1-2", command=None))

    assert theirs == ["cat"]
    assert ours != ["cat"]


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("/no/such",), "the image has no /no/such"),
        (("/etc/passwd",), "/etc/passwd cannot be executed"),
        (("/www/health",), "/www/health cannot be executed"),
    ],
)
async def test_a_program_that_cannot_be_executed_is_a_failed_start(supervisor, image, command, why):
    with pytest.raises(StartFailed) as failure:
        await supervisor.instances.start(make_spec(image, command=command))

    assert why in failure.value.why
    assert await supervisor.instances.find() == ()


async def test_limits_and_privileges_are_in_force(supervisor, image):
    script = "cat /proc/self/status; cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max"

    lines = await output_of(supervisor, make_spec(image, command=script))

    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert int(status["CapEff"], 16) == sum(1 << bit for bit in (0, 1, 3, 5, 6, 7, 10))
    assert status["NoNewPrivs"] == "1"
    assert str(32 * 1024**2) in lines


def is_listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


async def test_published_ports_are_for_this_machine_only(supervisor, image):
    port = free_port()
    await supervisor.instances.start(
        make_spec(image, command=("/bin/httpd", "-f", "-p", "80", "-h", "/www"), exposed=exposed(port, 80))
    )

    await until(lambda: is_listening(port), "no program listens")
    address = next(iter(podman("container", "inspect", "--format", "{{.HostConfig.PortBindings}}", NAME).split()))
    assert "127.0.0.1" in address


async def test_long_lines_are_whole_and_streams_are_separate(supervisor, image):
    script = "head -c 20000 /dev/zero | tr '\\0' x; echo; echo oops >&2"
    spec = make_spec(image, command=f"/bin/busybox sh -c {script!r}")

    await supervisor.instances.start(spec)
    await supervisor.instances.wait(NAME)

    lines = {line.stream: line.text for line in await supervisor.logs.tail([NAME], 10)}
    assert (len(lines["stdout"]), lines["stderr"]) == (20000, "oops")


async def test_following_survives_the_logs_replacement(server, supervisor, image):
    spec, texts = make_spec(image, command="for i in $(seq 1 400000); do echo line $i; done; echo last"), []
    await supervisor.instances.start(make_spec(image, command=spec.command))

    async def follow() -> None:
        async for line in supervisor.logs.follow([NAME], since=(await supervisor.instances.find())[0].started_at):
            texts.append(line.text)
            if line.text == "last":
                return

    await asyncio.wait_for(follow(), 60)

    assert texts[-1] == "last"
    assert (server.log_dir / "shop" / f"{NAME}.log").stat().st_size < 25_000_000


async def test_without_podman_the_package_is_named(server):
    calls = Calls(runner=server.runner, server_id="x", launcher_dir=server.log_dir, binary="no-such-podman")
    supervisor = server.supervisor_on(calls)

    with pytest.raises(RuntimeUnavailable) as failure:
        await supervisor.instances.find()

    assert "apt-get install no-such-podman" in failure.value.next


async def test_hook_output_is_read_without_touching_the_disk(server, supervisor, image):
    spec = make_spec(
        image, name="pvdify-shop-pre_deploy-v1-1", process="pre_deploy", role=Role.HOOK,
        command=("/bin/sh", "-c", "set -x; echo $TOKEN"), environment={"TOKEN": Secret("correct-horse-battery")},
    )  # fmt: skip

    await supervisor.instances.start(spec)
    await supervisor.instances.wait(spec.name)

    lines = {line.text for line in await supervisor.logs.tail([spec.name], 10)}
    assert "correct-horse-battery" in lines
    written = [path for path in server.log_dir.rglob("*") if path.is_file()]
    assert not [path for path in written if b"correct-horse-battery" in path.read_bytes()]
    await supervisor.instances.remove(spec.name)
    assert not (server.run_dir / "instances" / spec.name).exists()
