"""Network isolation: each app on its own network, on a real podman and a real packet filter."""

import asyncio
import contextlib
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pvdify.adapters.podman.attached.one_offs import PodmanOneOffs
from pvdify.adapters.podman.commands import list_on_network
from pvdify.adapters.podman.instances.instance_dir import InstanceDir
from pvdify.adapters.podman.labels import network_of
from pvdify.adapters.podman.networks import isolation, metadata
from pvdify.adapters.subprocess.attached import attach
from pvdify.adapters.subprocess.command_runner import SubprocessRunner
from pvdify.installation.containers import RemoveIsolation, RemoveNetworks
from pvdify.installation.doctor.trial import lets_apps_meet, try_container
from pvdify.installation.machine import Machine
from pvdify.model.endpoint import NO_ROUTE
from pvdify.model.instance import InstanceSpec, InstanceState, Limits, Role
from tests.support.addresses import own_address
from tests.support.endpoints import exposed
from tests.support.images import build_image, image_id, missing_for_podman
from tests.support.podman import PodmanServer, Supervisor, missing_for_user_namespaces, podman, podman_server
from tests.support.raw_packets import is_answered
from tests.support.waiting import until
from tools.free_port import free_port

pytestmark = [pytest.mark.podman, pytest.mark.skipif(bool(missing_for_podman()), reason=str(missing_for_podman()))]
PRODUCTION, PREVIEW, OTHER_PREVIEW = "shop", "shop-pr-7", "shop-pr-8"
CONFIGS = Path("/etc/containers/networks")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PodmanServer]:
    with podman_server(tmp_path) as server:
        yield server


@pytest.fixture(scope="module")
def image() -> str:
    return image_id(build_image(content="hello"))


def make_spec(image: str, app: str, number: int = 1, **parts) -> InstanceSpec:
    usual = {
        "name": f"pvdify-{app}-web-v1-{number}", "app": app, "process": "web", "slot": 1, "number": number,
        "image_id": image, "command": ("/bin/httpd", "-f", "-p", "8080", "-h", "/www"),
        "limits": Limits(memory=32 * 1024**2), "exposed": exposed(free_port()),
    }  # fmt: skip
    return InstanceSpec(**(usual | parts))


async def started(supervisor: Supervisor, spec: InstanceSpec) -> InstanceSpec:
    await supervisor.instances.start(spec)
    await until(lambda: supervisor.inspector.listeners(spec.name), f"{spec.name} does not listen")
    return spec


def ask(container: str, key: str) -> str:
    wanted = "{{range .NetworkSettings.Networks}}{{." + key + "}}{{end}}"
    return podman("container", "inspect", "--format", wanted, container)


def reaches(container: str, address: str, port: int) -> bool:
    """Whether a program in the container gets a connection."""
    question = ("podman", "exec", container, "/bin/busybox", "nc", "-w", "1", address, str(port))
    return subprocess.run(question, check=False, capture_output=True, stdin=subprocess.DEVNULL).returncode == 0


def pid_of(spec: InstanceSpec) -> int:
    return int(podman("container", "inspect", "--format", "{{.State.Pid}}", spec.name))


def reaches_from_here(port: int) -> bool:
    question = ("/bin/busybox", "nc", "-w", "1", "127.0.0.1", str(port))
    return subprocess.run(question, check=False, capture_output=True, stdin=subprocess.DEVNULL).returncode == 0


def state() -> str:
    """The packet filter and the networks, for the message of a failure."""
    questions = (("iptables", "-w", "5", "-S"), ("podman", "network", "ls"), ("podman", "ps", "--all"))
    return "\n".join(subprocess.run(it, check=False, capture_output=True, text=True).stdout for it in questions)


async def test_a_preview_reaches_no_other_app_by_any_address_of_it(server, image):
    supervisor = server.supervisor()
    apps = (PRODUCTION, PREVIEW, OTHER_PREVIEW)
    production, preview, other = [await started(supervisor, make_spec(image, app)) for app in apps]
    second = await started(supervisor, make_spec(image, PRODUCTION, number=2))

    address = {spec.name: ask(spec.name, "IPAddress") for spec in (production, preview, other, second)}

    assert not reaches(preview.name, address[production.name], 8080)
    assert not reaches(preview.name, address[other.name], 8080)
    assert not reaches(production.name, address[preview.name], 8080)
    for gateway in (ask(preview.name, "Gateway"), ask(production.name, "Gateway")):
        assert not reaches(preview.name, gateway, production.exposed.at.port)
    await until(lambda: reaches(production.name, address[second.name], 8080))
    await until(lambda: reaches(preview.name, address[preview.name], 8080))
    await until(lambda: all(reaches_from_here(spec.exposed.at.port) for spec in (production, preview, other)))


@pytest.fixture
def no_jump_of_pvdify() -> None:
    """The packet filter as before the first app: what an earlier test left would hide a fault."""
    while subprocess.run(isolation.DELETE, check=False, capture_output=True).returncode == 0:
        pass


async def end_an_app(supervisor: Supervisor, spec: InstanceSpec) -> None:
    await supervisor.instances.remove(spec.name)


async def let_the_doctor_try(_supervisor: Supervisor, _spec: InstanceSpec) -> None:
    await asyncio.to_thread(try_container, Machine(runner=SubprocessRunner()), "podman", free_port())


async def reload_the_firewall(supervisor: Supervisor, spec: InstanceSpec) -> None:
    """As csf does it; then the last container of a network ends, and pvdifyd looks at its containers."""
    subprocess.run(("iptables", "-w", "5", "-F", "FORWARD"), check=True)
    podman("network", "reload", "--all")
    await supervisor.instances.remove(spec.name)
    await supervisor.networks.keep_apart()


@pytest.mark.usefixtures("no_jump_of_pvdify")
@pytest.mark.parametrize("happens", [end_an_app, let_the_doctor_try, reload_the_firewall])
async def test_a_preview_reaches_no_other_app_after_the_last_container_of_a_third_network_ended(server, image, happens):
    """netavark 1.4 deletes its jump to the rules of all networks then."""
    supervisor = server.supervisor()
    apps = (PRODUCTION, PREVIEW, OTHER_PREVIEW)
    production, preview, other = [await started(supervisor, make_spec(image, app)) for app in apps]

    await happens(supervisor, other)

    rules = subprocess.run(("iptables", "-S"), check=True, capture_output=True, text=True).stdout
    assert not reaches(preview.name, ask(production.name, "IPAddress"), 8080), rules
    assert not reaches(production.name, ask(preview.name, "IPAddress"), 8080), rules
    await until(lambda: reaches_from_here(production.exposed.at.port))


async def test_a_preview_reaches_no_other_app_on_a_machine_without_rules_of_netavark(server, image):
    """netavark adds its rules behind a jump that is there already: accepting packets would come before it."""
    supervisor = server.supervisor()
    subprocess.run(("iptables", "-w", "5", "-F", "FORWARD"), check=True)
    apps = (PRODUCTION, PREVIEW, OTHER_PREVIEW)
    production, preview, other = [await started(supervisor, make_spec(image, app)) for app in apps]

    await end_an_app(supervisor, other)

    rules = subprocess.run(isolation.LIST_JUMPS, check=True, capture_output=True, text=True).stdout
    assert isolation.is_ahead(rules, f"-j {metadata.chain_of(server.server_id)}")
    assert not reaches(preview.name, ask(production.name, "IPAddress"), 8080), rules


@pytest.mark.usefixtures("no_jump_of_pvdify")
async def test_apps_are_apart_also_if_pvdifyd_looks_between_the_reloads_of_the_firewall_and_of_the_networks(
    server, image
):
    supervisor = server.supervisor()
    apps = (PRODUCTION, PREVIEW, OTHER_PREVIEW)
    production, preview, other = [await started(supervisor, make_spec(image, app)) for app in apps]
    subprocess.run(("iptables", "-w", "5", "-F", "FORWARD"), check=True)
    await supervisor.networks.keep_apart()
    podman("network", "reload", "--all")
    await supervisor.instances.remove(other.name)
    machine, address = Machine(runner=SubprocessRunner()), ask(production.name, "IPAddress")
    assert await asyncio.to_thread(lets_apps_meet, machine), state()
    await until(lambda: reaches(preview.name, address, 8080), f"nothing is to be closed here: {state()}")

    await supervisor.networks.keep_apart()

    assert not await asyncio.to_thread(lets_apps_meet, machine)
    assert not reaches(preview.name, address, 8080)


@pytest.mark.usefixtures("no_jump_of_pvdify")
async def test_the_doctor_leaves_the_packet_filter_as_it_was_after_the_reload_of_a_firewall(server, image):
    """Until pvdifyd looks, only netavark's jump is there, which goes with the doctor's own container."""
    supervisor = server.supervisor()
    for app in (PRODUCTION, PREVIEW):
        await started(supervisor, make_spec(image, app))
    subprocess.run(("iptables", "-w", "5", "-F", "FORWARD"), check=True)
    podman("network", "reload", "--all")
    machine = Machine(runner=SubprocessRunner())

    await asyncio.to_thread(try_container, machine, "podman", free_port())

    assert not await asyncio.to_thread(lets_apps_meet, machine)


@pytest.mark.usefixtures("no_jump_of_pvdify")
async def test_the_doctor_sees_that_the_packet_filter_lets_apps_meet(server, image):
    supervisor = server.supervisor()
    for app in (PRODUCTION, PREVIEW):
        await started(supervisor, make_spec(image, app))
    machine, jump = Machine(runner=SubprocessRunner()), ("iptables", "-D", "FORWARD", "-j", isolation.CHAIN)

    answers = [await asyncio.to_thread(lets_apps_meet, machine)]
    subprocess.run(isolation.DELETE, check=True)
    while subprocess.run(jump, check=False, capture_output=True).returncode == 0:
        pass
    answers.append(await asyncio.to_thread(lets_apps_meet, machine))
    await supervisor.networks.keep_apart()
    answers.append(await asyncio.to_thread(lets_apps_meet, machine))

    assert answers == [False, True, False]


def test_uninstalling_removes_the_jump_of_the_packet_filter_with_the_last_server(server, tmp_path):
    machine = Machine(runner=SubprocessRunner())
    with podman_server(tmp_path / "other") as other:
        for each in (server, other):
            asyncio.run(each.calls().networks.ensure(PRODUCTION))
        subprocess.run(("iptables", "-w", "5", "-N", isolation.CHAIN), check=False, capture_output=True)
        asyncio.run(server.calls(allows_metadata=True).networks.keep_apart())
        action = RemoveIsolation(server=server.server_id)
        is_kept_for_the_other = action.is_done(machine)
        asyncio.run(other.calls().networks.remove(PRODUCTION))
        is_left, found = not action.is_done(machine), state()

        action.apply(machine)

    assert (is_kept_for_the_other, is_left) == (True, True), found
    for question in (isolation.IS_THERE, isolation.IS_LOOPBACK_CLOSED):
        assert subprocess.run(question, check=False, capture_output=True).returncode != 0


async def test_a_preview_reaches_addresses_outside_this_machine(server, image):
    preview = await started(server.supervisor(), make_spec(image, PREVIEW))
    beyond, router, address = f"beyond-{server.server_id}", "198.51.100.1", "198.51.100.2"
    link = f"b{server.server_id}"
    commands = (
        f"ip netns add {beyond}",
        f"ip link add {link} type veth peer name inside netns {beyond}",
        f"ip address add {router}/30 dev {link}",
        f"ip link set {link} up",
        f"ip -n {beyond} address add {address}/30 dev inside",
        f"ip -n {beyond} link set inside up",
    )
    try:
        for command in commands:
            subprocess.run(command.split(), check=True, capture_output=True)
        listening = ("ip", "netns", "exec", beyond, "/bin/busybox", "nc", "-l", "-p", "8080")
        with subprocess.Popen(listening, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as listener:
            is_reached = any(reaches(preview.name, address, 8080) for _ in range(20))  # it may not listen yet
            listener.kill()
    finally:
        subprocess.run(("ip", "netns", "delete", beyond), check=False, capture_output=True)
        subprocess.run(("ip", "link", "delete", link), check=False, capture_output=True)

    assert is_reached


async def test_a_one_off_command_is_on_its_apps_network_alone(server, image):
    production = await started(server.supervisor(), make_spec(image, PRODUCTION))
    address = ask(production.name, "IPAddress")
    one_offs = PodmanOneOffs(calls=server.calls(), attach=attach, run_dir=server.run_dir)

    codes = []
    for app in (PRODUCTION, PREVIEW):
        spec = make_spec(
            image, app, name=f"pvdify-{app}-run-v1-1", process="run", role=Role.RUN, exposed=NO_ROUTE,
            command=f"/bin/busybox nc -w 1 {address} 8080 </dev/null",
        )  # fmt: skip
        process = await one_offs.start(spec, None)
        codes.append(await process.wait())
        await process.end()

    assert codes[0] == 0
    assert codes[1] != 0


async def test_a_removed_network_is_created_again(server, image):
    supervisor = server.supervisor()
    spec = await started(supervisor, make_spec(image, PREVIEW))
    network = network_of(server.server_id, PREVIEW)

    await supervisor.instances.remove(spec.name)
    podman("network", "rm", network)
    await started(supervisor, spec)
    await supervisor.instances.stop(spec.name, 0)
    # by force podman would remove the container, too; the file alone goes where a disk is restored without /etc
    (CONFIGS / f"{network}.json").unlink()
    await started(supervisor, spec)

    assert await supervisor.networks.apps() == {PREVIEW}
    assert [found.state for found in await supervisor.instances.find()] == [InstanceState.RUNNING]


async def test_a_network_that_a_power_cut_left_half_written_is_made_again(server, image):
    spec = await started(server.supervisor(), make_spec(image, PREVIEW))
    await server.supervisor().instances.remove(spec.name)
    config = CONFIGS / f"{network_of(server.server_id, PREVIEW)}.json"
    config.write_text(config.read_text()[:100])

    await started(server.supervisor(), spec)

    assert await server.supervisor().networks.apps() == {PREVIEW}


async def test_servers_that_make_networks_at_the_same_time_get_different_ones(server, image, tmp_path):
    with podman_server(tmp_path / "other") as other:
        servers = (server, other)
        apps = [f"app{number}" for number in range(4)]

        await asyncio.gather(*(each.calls().networks.ensure(app) for each in servers for app in apps))

        names = [network_of(each.server_id, app) for each in servers for app in apps]
        wanted = "{{range .Subnets}}{{.Subnet}}{{end}}"
        subnets = {podman("network", "inspect", "--format", wanted, name) for name in names}
        assert len(subnets) == len(names)
        for app in apps:
            await server.supervisor().networks.remove(app)
        assert await server.supervisor().networks.apps() == frozenset()
        assert await other.supervisor().networks.apps() == set(apps)


async def test_an_instance_on_the_shared_network_of_earlier_versions_starts_again_where_it_was(server, image):
    spec = await started(server.supervisor(), make_spec(image, PRODUCTION))
    await server.supervisor().instances.stop(spec.name, 0)
    podman("network", "connect", "podman", spec.name)
    podman("network", "disconnect", network_of(server.server_id, PRODUCTION), spec.name)
    await server.supervisor().networks.remove(PRODUCTION)

    await started(server.supervisor(), spec)

    assert podman(*list_on_network("podman", server.server_id, "podman")[1:]) == spec.name
    await until(lambda: reaches_from_here(spec.exposed.at.port))


def test_uninstalling_removes_the_networks(server):
    machine, action = Machine(runner=SubprocessRunner()), RemoveNetworks(server=server.server_id)
    asyncio.run(server.calls().networks.ensure(PRODUCTION))
    asyncio.run(server.calls().networks.make_private("db.shop"))
    assert not action.is_done(machine)

    action.apply(machine)

    assert server.server_id not in podman("network", "ls", "--format", "{{.Name}}")

    assert action.is_done(machine)
    assert asyncio.run(server.supervisor().networks.apps()) == frozenset()


def test_the_doctor_verifies_network_isolation_and_leaves_no_network():
    trial = try_container(Machine(runner=SubprocessRunner()), "podman", free_port())

    assert (trial.refusal, trial.is_apart) == ("", True)
    assert "pvdify-doctor" not in podman("network", "ls")


class Closing(socketserver.TCPServer):
    """Accepts connections and closes them, also on a port whose last connection was closed a moment ago."""

    allow_reuse_address = True


@pytest.fixture
def metadata_service() -> Iterator[str]:
    """A cloud's metadata service: a link-local address that answers on port 80 and is the name server."""
    address = "169.254.169.254"
    with own_address(address, "lo"), contextlib.ExitStack() as listening:
        for port in (80, 53):
            server = listening.enter_context(Closing((address, port), socketserver.BaseRequestHandler))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            listening.callback(server.shutdown)
        yield address


@pytest.mark.parametrize("has_user_namespaces", [False, True])
@pytest.mark.parametrize("is_allowed", [False, True])
async def test_the_metadata_service_of_a_cloud_is_reached_only_where_settings_allow_it(
    server, image, metadata_service, is_allowed, has_user_namespaces
):
    if has_user_namespaces and (missing := missing_for_user_namespaces()):
        pytest.skip(missing)
    calls = server.calls(allows_metadata=is_allowed, has_user_namespaces=has_user_namespaces)
    app = await started(server.supervisor_on(calls), make_spec(image, PRODUCTION))

    assert reaches(app.name, metadata_service, 80) is is_allowed
    assert reaches(app.name, metadata_service, 53)
    assert not InstanceDir(server.run_dir / "instances" / app.name).reaches_metadata
    assert is_answered(pid_of(app), metadata_service, 80) is is_allowed
    assert is_answered(pid_of(app), metadata_service, 53)


async def test_packets_that_a_program_writes_itself_do_not_reach_the_loopback_of_the_server(server, image):
    """netavark lets them in. Without pvdify's rule they are answered, else this test would prove nothing."""
    supervisor = server.supervisor()
    app = await started(supervisor, make_spec(image, PREVIEW, capabilities=("NET_RAW",)))
    with Closing(("127.0.0.1", 0), socketserver.BaseRequestHandler) as listener:
        port, answers = listener.server_address[1], [is_answered(pid_of(app), "127.0.0.1", listener.server_address[1])]
        subprocess.run(isolation.OPEN_LOOPBACK, check=True)
        answers.append(is_answered(pid_of(app), "127.0.0.1", port))
        await supervisor.networks.keep_apart()
        answers.append(is_answered(pid_of(app), "127.0.0.1", port))

    assert answers == [False, True, False]
    await until(lambda: reaches_from_here(app.exposed.at.port))


async def test_rules_against_metadata_services_follow_the_networks(server, image):
    def interfaces() -> set[str]:
        printed = subprocess.run(metadata.list_rules(server.server_id), check=False, capture_output=True, text=True)
        return {line.split()[3] for line in printed.stdout.splitlines() if line.startswith("-A")}

    supervisor = server.supervisor()
    apps = [await started(supervisor, make_spec(image, app)) for app in (PRODUCTION, PREVIEW)]
    both = interfaces()
    subprocess.run(metadata.removal(server.server_id)[-2], check=True)  # as the reload of a firewall
    await supervisor.instances.remove(apps[1].name)
    await supervisor.networks.remove(PREVIEW)
    await server.supervisor().networks.keep_apart()
    after = interfaces()
    machine, action = Machine(runner=SubprocessRunner()), RemoveIsolation(server=server.server_id)
    was_done = await asyncio.to_thread(action.is_done, machine)
    await asyncio.to_thread(action.apply, machine)

    assert (len(both), len(after), was_done) == (2, 1, False)
    assert after < both
    assert interfaces() == set()
    forward = subprocess.run(("iptables", "-w", "5", "-S"), check=True, capture_output=True, text=True).stdout
    assert metadata.chain_of(server.server_id) not in forward
