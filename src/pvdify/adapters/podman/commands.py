"""Everything that is run, as whole argument tuples; pure. Only flags that podman 4.3 and 5 both know."""

import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path

from pvdify.adapters.podman import stopper
from pvdify.adapters.podman.labels import (
    APP,
    NAME,
    PRIVATE,
    SERVER,
    VOLUME,
    Identity,
    network_of,
    private_network_of,
    volume_of,
)
from pvdify.model.endpoint import NO_ROUTE
from pvdify.model.instance import InstanceSpec, Role
from pvdify.model.private_network import PrivateNetwork
from pvdify.plumbing.command_runner import Argv

# Enough to start as root, fix a directory's owner and go on as another user, and to listen on port 80; not enough to
# trace, mount, make devices, forge packets (NET_RAW) or change another program's capabilities. File capabilities
# (SETFCAP) would have no effect: new privileges are off.
CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID")
LARGEST_LOG = "20mb"


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where on this host a container's files are, and what starts it.

    ``log_file``: None for the journal, where ``log_tag`` tells its lines; without either, what it writes is not kept.
    ``database``: the id of the one that the container is made with.
    """

    container_name: str
    conmon: Path
    cid_file: Path
    pid_file: Path
    conmon_pid_file: Path
    log_file: Path | None
    log_tag: str = ""
    database: str = ""


def run_instance(binary: str, spec: InstanceSpec, server: str, place: Placement, *, has_init: bool) -> Argv:
    """Make a container and start it."""
    start = ("--conmon", str(place.conmon), "run", "--detach")
    return (binary, *start, *_container(spec, server, place, has_init=has_init))


def create_instance(binary: str, spec: InstanceSpec, server: str, place: Placement, *, has_init: bool) -> Argv:
    """Make a container without starting it."""
    return (binary, "create", *_container(spec, server, place, has_init=has_init))


def run_attached(
    binary: str, spec: InstanceSpec, server: str, place: Placement, *, has_init: bool, is_on_terminal: bool
) -> Argv:
    """Make a container, start it, and stay for its input and output; it is removed when it has ended.

    No key is podman's own, and a signal to podman is not one to the container.
    """
    start = ("--conmon", str(place.conmon), "run", "--rm", "--interactive", "--detach-keys=", "--sig-proxy=false")
    terminal = ("--tty",) if is_on_terminal else ()
    return (binary, *start, *terminal, *_container(spec, server, place, has_init=has_init))


def exec_attached(
    binary: str, conmon: Path, container: str, command: str | tuple[str, ...], *, is_on_terminal: bool
) -> Argv:
    """Run a command in a container that runs, and stay for its input and output."""
    terminal = ("--tty",) if is_on_terminal else ()
    words = ("/bin/sh", "-c", command) if isinstance(command, str) else command
    return (binary, "--conmon", str(conmon), "exec", "--interactive", "--detach-keys=", *terminal, container, *words)


def run_in_unit(binary: str, spec: InstanceSpec, server: str, place: Placement, *, has_init: bool) -> Argv:
    """Make a container and start it from a unit: conmon is the unit's main process, and tells when it is ready.

    podman's own events stay out of the unit's journal, which is the program's.
    """
    start = ("--events-backend", "none", "--conmon", str(place.conmon), "run", "--detach")
    unit = ("--sdnotify", "conmon", "--cgroups", "no-conmon")
    return (binary, *start, *unit, *_container(spec, server, place, has_init=has_init))


def end_processes(directory: Path) -> Argv:
    """Send the stop signal to every process of the container; the seconds that they have are added."""
    return (sys.executable, "-IS", stopper.__file__, str(directory))


def stop_in_unit(binary: str, cid_file: Path) -> Argv:
    """SIGTERM to process 1 of what the unit started, then SIGKILL; the seconds in between are added as ``--time``."""
    return (binary, "--events-backend", "none", "stop", "--ignore", "--cidfile", str(cid_file))


def remove_in_unit(binary: str, cid_file: Path) -> Argv:
    """Remove what the unit started before, with the volumes that only this container had."""
    return (binary, "rm", "--force", "--ignore", "--time", "0", "--volumes", "--cidfile", str(cid_file))


def ask_exit_code(binary: str, container: str) -> Argv:
    """How a container ended, as a number."""
    return (binary, "container", "inspect", "--format", "{{.State.ExitCode}}", container)


def start_container(binary: str, conmon: Path, container: str) -> Argv:
    """Start what was made or has exited."""
    return (binary, "--conmon", str(conmon), "start", container)


def stop_container(binary: str, container: str, grace: float) -> Argv:
    """SIGTERM to process 1, then SIGKILL after ``grace`` seconds (whole ones, rounded up)."""
    return (binary, "stop", "--ignore", "--time", str(math.ceil(grace)), container)


def remove_container(binary: str, container: str) -> Argv:
    """Kill and remove, with the volumes that only this container had."""
    return (binary, "rm", "--force", "--ignore", "--time", "0", "--volumes", container)


def list_containers(binary: str, server: str, *, app: str | None = None, name: str | None = None) -> Argv:
    """Every container of this server, of one app or of one name."""
    wanted = {SERVER: server, APP: app, NAME: name}
    filters = tuple(f"--filter=label={key}={value}" for key, value in wanted.items() if value is not None)
    return (binary, "ps", "--all", "--format", "json", *filters)


def create_network(binary: str, server: str, app: str, *, is_isolated: bool) -> Argv:
    """Make an app's network; podman chooses a free subnet. ``is_isolated``: no other such network reaches it.

    Names are of no use there: instances of one app do not call each other, and it saves a name server.
    podman's own events stay out of the journal of a unit that runs this.
    """
    labels = tuple(f"--label={key}={value}" for key, value in ((SERVER, server), (APP, app)))
    apart = ("--opt", "isolate=true") if is_isolated else ()
    start = ("--events-backend", "none", "network", "create", "--disable-dns")
    return (binary, *start, *apart, *labels, network_of(server, app))


def create_private_network(binary: str, server: str, id: str, subnet: str | None, *, is_isolated: bool) -> Argv:
    """Make the network of a link, with this subnet or one that podman chooses.

    Not ``--internal``: to such networks netavark applies no isolation, and every container reaches them.
    """
    labels = tuple(f"--label={key}={value}" for key, value in ((SERVER, server), (PRIVATE, id)))
    apart = ("--opt", "isolate=true") if is_isolated else ()
    chosen = ("--subnet", subnet) if subnet is not None else ()
    start = ("--events-backend", "none", "network", "create", "--disable-dns")
    return (binary, *start, *apart, *chosen, *labels, private_network_of(server, id))


def ask_for_subnet(binary: str, network: str) -> Argv:
    """The first subnet of a network."""
    return (binary, "network", "inspect", "--format", "{{(index .Subnets 0).Subnet}}", network)


def connect_service(binary: str, server: str, container: str, network: PrivateNetwork) -> Argv:
    """Put a running service on the network of a link."""
    address = ("--ip", network.address, "--mac-address", network.hardware_address)
    return (binary, "network", "connect", *address, private_network_of(server, network.id), container)


def disconnect_service(binary: str, server: str, container: str, network: PrivateNetwork) -> Argv:
    """Take a service off the network of a link."""
    return (binary, "network", "disconnect", private_network_of(server, network.id), container)


def remove_network(binary: str, network: str) -> Argv:
    """Remove a network that no container is on."""
    return (binary, "network", "rm", network)


def list_networks(binary: str, server: str) -> Argv:
    """Every network of this server."""
    return (binary, "network", "ls", "--format", "json", f"--filter=label={SERVER}={server}")


def list_on_network(binary: str, server: str, network: str) -> Argv:
    """The name of every container of this server that is on a network, one a line."""
    wanted = (f"--filter=label={SERVER}={server}", f"--filter=network={network}")
    return (binary, "ps", "--all", "--format", "{{.Names}}", *wanted)


def create_volume(binary: str, server: str, app: str, id: str) -> Argv:
    """Make an empty volume; fails where it is there."""
    labels = tuple(f"--label={key}={value}" for key, value in ((SERVER, server), (APP, app), (VOLUME, id)))
    return (binary, "--events-backend", "none", "volume", "create", *labels, volume_of(server, id))


def is_volume_there(binary: str, server: str, id: str) -> Argv:
    """Exit with 0 if the volume is stored, with 1 if not."""
    return (binary, "volume", "exists", volume_of(server, id))


def list_volumes(binary: str, server: str) -> Argv:
    """Every volume of this server."""
    return (binary, "volume", "ls", "--format", "json", f"--filter=label={SERVER}={server}")


def ask_for_mountpoint(binary: str, volume: str) -> Argv:
    """The directory on this host that a volume is."""
    return (binary, "volume", "inspect", "--format", "{{.Mountpoint}}", volume)


def copy_directory(source: str, target: str) -> Argv:
    """Copy everything in a directory into another one, with owners, modes and times."""
    return ("cp", "--archive", "--reflink=auto", "--no-target-directory", "--", source, target)


def count_bytes(directory: str) -> Argv:
    """Bytes of disk that a directory takes, and a tab, and its name."""
    return ("du", "--summarize", "--block-size=1", "--one-file-system", "--", directory)


def ask_for_layers(binary: str, containers: tuple[str, ...]) -> Argv:
    """For each container its id, a tab, and the directory on this host that it writes to."""
    return (binary, "container", "inspect", "--format", "{{.ID}}\t{{.GraphDriver.Data.UpperDir}}", *containers)


def count_bytes_gently(directories: tuple[str, ...]) -> Argv:
    """As ``count_bytes``, of several, after everything else that wants the processor."""
    return ("nice", "-n", "19", "du", "--summarize", "--block-size=1", "--one-file-system", "--", *directories)


def remove_volume(binary: str, volume: str) -> Argv:
    """Remove a volume that no container has."""
    return (binary, "volume", "rm", volume)


def list_users_of_image(binary: str, image_id: str) -> Argv:
    """Ids of all containers made of this image."""
    return (binary, "ps", "--all", "--quiet", f"--filter=ancestor={image_id}")


def inspect_container(binary: str, container: str) -> Argv:
    """All that podman knows of one container."""
    return (binary, "container", "inspect", container)


def inspect_image(binary: str, image: str) -> Argv:
    """All that podman knows of one stored image."""
    return (binary, "image", "inspect", image)


def list_images(binary: str, pattern: str) -> Argv:
    """The stored images with a name like this, with all their names.

    Without a pattern the list fails as a whole when anybody has left half a manifest list in the storage.
    """
    return (binary, "images", "--format", "json", f"--filter=reference={pattern}")


def tag_image(binary: str, image_id: str, name: str) -> Argv:
    """Give a stored image one more name."""
    return (binary, "tag", image_id, name)


def untag_image(binary: str, image_id: str, name: str) -> Argv:
    """Take one name from a stored image, and nothing else."""
    return (binary, "untag", image_id, name)


def untag_wholly(binary: str, image_id: str) -> Argv:
    """Take every name from a stored image: by its id alone podman removes none that has several."""
    return (binary, "untag", image_id)


def remove_images(binary: str, names: tuple[str, ...]) -> Argv:
    """Remove by name or id; never by force, so what is in use stays."""
    return (binary, "rmi", *names)


def pull_image(binary: str, pinned: str, *, is_loopback: bool, auth_file: Path | None = None) -> Argv:
    """Fetch by digest."""
    return (binary, "pull", "--quiet", *_tls(is_loopback=is_loopback), *_auth(auth_file), pinned)


def ask_for_store(binary: str) -> Argv:
    """The directory that images and containers are stored in."""
    return (binary, "info", "--format", "{{.Store.GraphRoot}}")


def bring_to_disk(directory: str) -> Argv:
    """Have everything written that this directory's file system still holds in memory."""
    return ("sync", "--file-system", directory)


def ask_registry(
    skopeo: str, reference: str, *, is_loopback: bool, seconds: int, auth_file: Path | None = None
) -> Argv:
    """The digest that a registry gives for a tag now; of the whole list where the image is for several platforms."""
    limit = ("--command-timeout", f"{seconds}s")
    question = ("inspect", "--no-tags", "--format", "{{.Digest}}")
    return (skopeo, *limit, *question, *_tls(is_loopback=is_loopback), *_auth(auth_file), f"docker://{reference}")


def ask_for_manifest(
    skopeo: str, pinned: str, *, is_loopback: bool, seconds: int, auth_file: Path | None = None
) -> Argv:
    """A registry's own words on a digest: the manifest of an image, or the list of those for several platforms."""
    limit = ("--command-timeout", f"{seconds}s")
    return (skopeo, *limit, "inspect", "--raw", *_tls(is_loopback=is_loopback), *_auth(auth_file), f"docker://{pinned}")


def log_in(binary: str, host: str, username: str, auth_file: Path, *, is_loopback: bool) -> Argv:
    """Ask a registry whether it takes a login whose password is on stdin, and write that down in the file."""
    who = ("--username", username, "--password-stdin", "--authfile", str(auth_file))
    return (binary, "login", *who, *_tls(is_loopback=is_loopback), host)


def read_conmon_path(binary: str) -> Argv:
    """Where podman's own container monitor is."""
    return (binary, "info", "--format", "{{.Host.Conmon.Path}}")


def replaces_entrypoint(command: str | tuple[str, ...] | None) -> bool:
    """Whether the command runs instead of the image's ENTRYPOINT: a shell's string, or a program by its full path."""
    return isinstance(command, str) or bool(command and command[0].startswith("/"))


def _container(spec: InstanceSpec, server: str, place: Placement, *, has_init: bool) -> Argv:
    entrypoint, arguments = _command(spec.command)
    return (
        *("--name", place.container_name),
        *(f"--label={key}={value}" for key, value in Identity.of(spec, server, place.database).labels().items()),
        *_files(place),
        *_limits(spec),
        *_privileges(spec.capabilities),
        *("--pull=never", "--http-proxy=false", "--no-healthcheck"),
        *(("--init",) if has_init else ()),
        *("--network", network_of(server, spec.app)),
        *_private_networks(spec, server),
        *_publish(spec),
        *_mounts(spec, server),
        *entrypoint,
        spec.image_id,
        *arguments,
    )


def _files(place: Placement) -> Argv:
    return (
        *("--cidfile", str(place.cid_file)),
        *("--pidfile", str(place.pid_file)),
        *("--conmon-pidfile", str(place.conmon_pid_file)),
        *_log(place),
    )


def _log(place: Placement) -> Argv:
    if place.log_file is None and not place.log_tag:
        return ("--log-driver", "none")
    if place.log_file is None:
        return ("--log-driver", "journald", "--log-opt", f"tag={place.log_tag}")
    limit = ("--log-opt", f"max-size={LARGEST_LOG}")
    return ("--log-driver", "k8s-file", "--log-opt", f"path={place.log_file}", *limit)


def _limits(spec: InstanceSpec) -> Argv:
    memory = f"{spec.limits.memory}b"
    cpu = () if spec.limits.cpu is None else ("--cpus", f"{spec.limits.cpu:g}")
    return (
        *("--memory", memory),
        *("--memory-swap", memory),  # the same: no swap on top
        *cpu,
        *("--pids-limit", str(spec.limits.pids)),
        *("--stop-timeout", str(math.ceil(spec.stop_timeout))),
    )


def _privileges(more: tuple[str, ...]) -> Argv:
    added = (f"--cap-add={capability}" for capability in dict.fromkeys((*CAPABILITIES, *more)))
    return ("--security-opt", "no-new-privileges", "--cap-drop=all", *added)


def _publish(spec: InstanceSpec) -> Argv:
    if spec.exposed is NO_ROUTE:
        return ()
    return ("--publish", f"{spec.exposed.at}:{spec.exposed.port}")


def _private_networks(spec: InstanceSpec, server: str) -> Argv:
    """A service has its address in each; an app finds the address in its hosts file."""
    words: list[str] = []
    for each in spec.networks:
        name = private_network_of(server, each.id)
        if spec.role is Role.SERVICE:
            words += ("--network", f"{name}:ip={each.address},mac={each.hardware_address}")
        else:
            words += ("--network", name, "--add-host", f"{each.hostname}:{each.address}")
    return tuple(words)


def _mounts(spec: InstanceSpec, server: str) -> Argv:
    """A path alone gets a volume that podman removes with the container."""
    places = (f"{volume_of(server, it.volume)}:{it.path}" if it.volume else it.path for it in spec.mounts)
    return tuple(f"--volume={place}" for place in places)


def _command(command: str | tuple[str, ...] | None) -> tuple[Argv, Argv]:
    if isinstance(command, str):
        return ("--entrypoint", json.dumps(["/bin/sh", "-c", command])), ()
    if command and replaces_entrypoint(command):
        return ("--entrypoint", json.dumps(list(command))), ()
    return (), command or ()


def _auth(file: Path | None) -> Argv:
    return ("--authfile", str(file)) if file else ()


def _tls(*, is_loopback: bool) -> Argv:
    return ("--tls-verify=false",) if is_loopback else ()
