import dataclasses
import functools
from pathlib import Path

import pytest

from pvdify.adapters.podman import commands
from pvdify.model.endpoint import NO_ROUTE
from pvdify.model.instance import InstanceSpec, Limits, Role, Secret
from pvdify.model.volume import Mount
from tests.support.endpoints import exposed

PLACE = commands.Placement(
    container_name="pvdify-shop-web-v42-1",
    conmon=Path("/data/logs/.conmon"),
    cid_file=Path("/run/i/cid"),
    pid_file=Path("/run/i/gate/pid"),
    conmon_pid_file=Path("/run/i/gate/conmon.pid"),
    log_file=Path("/data/logs/shop/pvdify-shop-web-v42-1.log"),
)


def make_spec(**parts) -> InstanceSpec:
    usual = {
        "name": "pvdify-shop-web-v42-1",
        "app": "shop",
        "process": "web",
        "slot": 42,
        "number": 1,
        "operation": "op7",
        "image_id": "f00d",
        "environment": {"PASSWORD": Secret("hunter2")},
        "exposed": exposed(3001),
        "limits": Limits(memory=512 * 1024**2, cpu=0.5),
        "stop_timeout": 9.5,
    }
    return InstanceSpec(**(usual | parts))


def run(**parts) -> tuple[str, ...]:
    return commands.run_instance("podman", make_spec(**parts), "abc", PLACE, has_init=True)


def test_an_instance_is_run_with_all_its_labels_files_limits_and_no_privileges():
    assert run(command="npm start") == (
        *("podman", "--conmon", "/data/logs/.conmon", "run", "--detach"),
        *("--name", "pvdify-shop-web-v42-1"),
        "--label=io.pvdify.server=abc",
        "--label=io.pvdify.name=pvdify-shop-web-v42-1",
        "--label=io.pvdify.app=shop",
        "--label=io.pvdify.process=web",
        "--label=io.pvdify.slot=42",
        "--label=io.pvdify.number=1",
        "--label=io.pvdify.role=instance",
        "--label=io.pvdify.operation=op7",
        "--label=io.pvdify.port=3001",
        "--label=io.pvdify.host=127.0.0.1",
        *("--cidfile", "/run/i/cid"),
        *("--pidfile", "/run/i/gate/pid"),
        *("--conmon-pidfile", "/run/i/gate/conmon.pid"),
        *("--log-driver", "k8s-file"),
        *("--log-opt", "path=/data/logs/shop/pvdify-shop-web-v42-1.log"),
        *("--log-opt", "max-size=20mb"),
        *("--memory", "536870912b", "--memory-swap", "536870912b"),
        *("--cpus", "0.5", "--pids-limit", "2048", "--stop-timeout", "10"),
        *("--security-opt", "no-new-privileges", "--cap-drop=all"),
        *("--cap-add=CHOWN", "--cap-add=DAC_OVERRIDE", "--cap-add=FOWNER", "--cap-add=KILL"),
        *("--cap-add=NET_BIND_SERVICE", "--cap-add=SETGID", "--cap-add=SETUID"),
        *("--pull=never", "--http-proxy=false", "--no-healthcheck", "--init"),
        *("--network", "pvdify-abc-shop"),
        *("--publish", "127.0.0.1:3001:8080"),
        *("--entrypoint", '["/bin/sh", "-c", "npm start"]'),
        "f00d",
    )


def test_a_hook_without_ports_and_cpu_limit_is_only_created():
    spec = make_spec(role=Role.HOOK, exposed=NO_ROUTE, limits=Limits(memory=1024), command=("release",))

    argv = commands.create_instance("podman", spec, "abc", PLACE, has_init=False)

    assert argv[:4] == ("podman", "create", "--name", "pvdify-shop-web-v42-1")
    assert argv[-2:] == ("f00d", "release")
    assert {"--label=io.pvdify.role=hook", "--label=io.pvdify.port="} < set(argv)
    assert not {"--publish", "--cpus", "--init", "--detach"} & set(argv)


@pytest.mark.parametrize("is_on_terminal", [False, True])
def test_every_new_container_has_the_limit_of_what_it_writes_into_itself(is_on_terminal):
    limit = ("--storage-opt", "overlay.size=1024")
    place, spec = dataclasses.replace(PLACE, storage=limit), make_spec()
    attached = functools.partial(commands.run_attached, is_on_terminal=is_on_terminal)

    for build in (commands.run_instance, commands.create_instance, attached, commands.run_in_unit):
        without = build("podman", spec, "abc", PLACE, has_init=True)
        assert build("podman", spec, "abc", place, has_init=True) == ("podman", *limit, *without[1:])


@pytest.mark.parametrize(
    ("command", "end"),
    [
        ("a 'b' \"c\" ä", ("--entrypoint", '["/bin/sh", "-c", "a \'b\' \\"c\\" \\u00e4"]', "f00d")),
        (("/app", "--flag", "a b"), ("--entrypoint", '["/app", "--flag", "a b"]', "f00d")),
        (("worker", "--flag"), ("127.0.0.1:3001:8080", "f00d", "worker", "--flag")),
        (None, ("127.0.0.1:3001:8080", "f00d")),
        ((), ("127.0.0.1:3001:8080", "f00d")),
    ],
)
def test_the_command_decides_whether_the_entrypoint_is_replaced(command, end):
    assert run(command=command)[-len(end) :] == end


def test_config_vars_are_on_no_command_line():
    assert not any("PASSWORD" in word or "hunter2" in word for word in run())


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (
            commands.start_container("podman", Path("/x/.conmon"), "c1"),
            ("podman", "--conmon", "/x/.conmon", "start", "c1"),
        ),
        (commands.stop_container("podman", "c1", 1.2), ("podman", "stop", "--ignore", "--time", "2", "c1")),
        (
            commands.remove_container("podman", "c1"),
            ("podman", "rm", "--force", "--ignore", "--time", "0", "--volumes", "c1"),
        ),
        (
            commands.list_containers("podman", "abc", app="shop"),
            (
                *("podman", "ps", "--all", "--format", "json"),
                *("--filter=label=io.pvdify.server=abc", "--filter=label=io.pvdify.app=shop"),
            ),
        ),
        (
            commands.create_network("podman", "abc", "shop-pr-7", is_isolated=True),
            (
                *("podman", "--events-backend", "none", "network", "create", "--disable-dns", "--opt", "isolate=true"),
                *("--label=io.pvdify.server=abc", "--label=io.pvdify.app=shop-pr-7", "pvdify-abc-shop-pr-7"),
            ),
        ),
        (commands.remove_network("podman", "pvdify-abc-shop"), ("podman", "network", "rm", "pvdify-abc-shop")),
        (
            commands.list_networks("podman", "abc"),
            ("podman", "network", "ls", "--format", "json", "--filter=label=io.pvdify.server=abc"),
        ),
        (
            commands.list_on_network("podman", "abc", "podman"),
            (
                *("podman", "ps", "--all", "--format", "{{.Names}}"),
                *("--filter=label=io.pvdify.server=abc", "--filter=network=podman"),
            ),
        ),
        (
            commands.list_users_of_image("podman", "f00d"),
            ("podman", "ps", "--all", "--quiet", "--filter=ancestor=f00d"),
        ),
        (commands.inspect_container("podman", "c1"), ("podman", "container", "inspect", "c1")),
        (commands.inspect_image("podman", "f00d"), ("podman", "image", "inspect", "f00d")),
        (
            commands.list_images("podman", "localhost/x:*"),
            ("podman", "images", "--format", "json", "--filter=reference=localhost/x:*"),
        ),
        (commands.tag_image("podman", "f00d", "localhost/x:v1"), ("podman", "tag", "f00d", "localhost/x:v1")),
        (commands.untag_image("podman", "f00d", "localhost/x:v1"), ("podman", "untag", "f00d", "localhost/x:v1")),
        (commands.remove_images("podman", ("a", "b")), ("podman", "rmi", "a", "b")),
        (
            commands.pull_image("podman", "ghcr.io/org/shop@sha256:1", is_loopback=False),
            ("podman", "pull", "--quiet", "ghcr.io/org/shop@sha256:1"),
        ),
        (
            commands.pull_image("podman", "ghcr.io/a@sha256:1", is_loopback=False, auth_file=Path("/run/auth.json")),
            ("podman", "pull", "--quiet", "--authfile", "/run/auth.json", "ghcr.io/a@sha256:1"),
        ),
        (
            commands.log_in("podman", "127.0.0.1:5000", "octocat", Path("/run/x.json"), is_loopback=True),
            (
                *("podman", "login", "--username", "octocat", "--password-stdin", "--authfile", "/run/x.json"),
                *("--tls-verify=false", "127.0.0.1:5000"),
            ),
        ),
        (
            commands.ask_registry("skopeo", "127.0.0.1:5000/shop:v1", is_loopback=True, seconds=20),
            (
                *("skopeo", "--command-timeout", "20s", "inspect", "--no-tags", "--format", "{{.Digest}}"),
                *("--tls-verify=false", "docker://127.0.0.1:5000/shop:v1"),
            ),
        ),
        (
            commands.ask_for_manifest("skopeo", "ghcr.io/o/a@sha256:aa", is_loopback=False, seconds=20),
            ("skopeo", "--command-timeout", "20s", "inspect", "--raw", "docker://ghcr.io/o/a@sha256:aa"),
        ),
    ],
)
def test_whole_command_lines(argv, expected):
    assert argv == expected


def mapped(**parts) -> tuple[str, ...]:
    place = dataclasses.replace(PLACE, first_user=2013265920)
    return commands.run_instance("podman", make_spec(**parts), "abc", place, has_init=True)


def test_users_of_a_container_are_mapped_and_volumes_keep_their_owners():
    mounts = (Mount(path="/cache"), Mount(path="/data", volume="shop-data-1"))
    mapping = ("--uidmap", "0:2013265920:65536", "--gidmap", "0:2013265920:65536")

    argv, plain = mapped(mounts=mounts), run(mounts=mounts)

    at = argv.index("--uidmap")
    assert argv[at : at + 4] == mapping
    assert {"--volume=/cache", "--volume=pvdify-abc-shop-data-1:/data:idmap,nocopy"} < set(argv)
    assert {"--volume=/cache", "--volume=pvdify-abc-shop-data-1:/data"} < set(plain)
    assert set(argv) - set(plain) == {*mapping, "--volume=pvdify-abc-shop-data-1:/data:idmap,nocopy"}


@pytest.mark.parametrize(
    "build",
    [
        commands.run_instance,
        commands.create_instance,
        commands.run_in_unit,
        functools.partial(commands.run_attached, is_on_terminal=False),
    ],
)
def test_every_way_to_make_a_container_maps_its_users(build):
    place = dataclasses.replace(PLACE, first_user=2013265920)

    assert "0:2013265920:65536" in build("podman", make_spec(), "abc", place, has_init=True)
    assert not any("2013265920" in word for word in build("podman", make_spec(), "abc", PLACE, has_init=True))


def test_a_filler_mounts_new_volumes_without_a_user_namespace_or_a_network():
    spec = make_spec(command=("worker",), exposed=NO_ROUTE)

    assert commands.create_filler("podman", spec, "abc", (Mount(path="/data", volume="shop-data-1"),)) == (
        *("podman", "--events-backend", "none", "create", "--name", "pvdify-abc.filler"),
        *("--pull=never", "--http-proxy=false", "--no-healthcheck", "--network", "none", "--log-driver", "none"),
        "--volume=pvdify-abc-shop-data-1:/data",
        *("f00d", "worker"),
    )
