"""Builders of the arguments of podman, skopeo and other programs; pure. Uses only options of both podman 4.3 and 5."""

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
    filler_of,
    network_of,
    private_network_of,
    volume_of,
)
from pvdify.model.endpoint import NO_ROUTE
from pvdify.model.instance import InstanceSpec, Role
from pvdify.model.private_network import PrivateNetwork
from pvdify.model.volume import Mount
from pvdify.plumbing.command_runner import Argv
from pvdify.setting_parsers import IDS_OF_A_CONTAINER

# A program can start as root, change a directory's owner, switch to another user, and listen on port 80. It cannot
# trace, mount, make devices, forge packets (NET_RAW) or change another program's capabilities. File capabilities
# (SETFCAP) would have no effect, because of no-new-privileges.
CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID")
LARGEST_LOG = "20mb"
IN_OWN_SCOPE = ("systemd-run", "--quiet", "--scope", "--")


@dataclass(frozen=True, kw_only=True)
class Placement:
    """A container's name and files on this host, and the program that podman starts as conmon.

    ``log_file``: None for the journal, where the lines have ``log_tag``. Without file and tag the output is dropped.
    ``database``: the id of the database that the container is made with. ``first_user``: the user of this host that
    root in the container is; the container's other users follow it. None without a user namespace. ``storage``:
    podman's options, before its command, that limit what the container writes into itself.
    """

    container_name: str
    conmon: Path
    cid_file: Path
    pid_file: Path
    conmon_pid_file: Path
    log_file: Path | None
    log_tag: str = ""
    database: str = ""
    first_user: int | None = None
    storage: Argv = ()


def run_instance(binary: str, spec: InstanceSpec, server: str, place: Placement, *, has_init: bool) -> Argv:
    """Make a container and start it."""
    start = ("--conmon", str(place.conmon), "run", "--detach")
    return (binary, *place.storage, *start, *_container(spec, server, place, has_init=has_init))


def create_instance(binary: str, spec: InstanceSpec, server: str, place: Placement, *, has_init: bool) -> Argv:
    """Make a container without starting it."""
    return (binary, *place.storage, "create", *_container(spec, server, place, has_init=has_init))


def run_attached(
    binary: str, spec: InstanceSpec, server: str, place: Placement, *, has_init: bool, is_on_terminal: bool
) -> Argv:
    """Make and start a container, and stay attached to its input and output. podman removes it at its end.

    podman reserves no key for detaching, and does not forward signals to the container.
    """
    start = ("--conmon", str(place.conmon), "run", "--rm", "--interactive", "--detach-keys=", "--sig-proxy=false")
    terminal = ("--tty",) if is_on_terminal else ()
    return (binary, *place.storage, *start, *terminal, *_container(spec, server, place, has_init=has_init))


def exec_attached(
    binary: str, conmon: Path, container: str, command: str | tuple[str, ...], *, is_on_terminal: bool
) -> Argv:
    """Run a command in a running container, and stay attached to its input and output."""
    terminal = ("--tty",) if is_on_terminal else ()
    words = ("/bin/sh", "-c", command) if isinstance(command, str) else command
    return (binary, "--conmon", str(conmon), "exec", "--interactive", "--detach-keys=", *terminal, container, *words)


def run_in_unit(binary: str, spec: InstanceSpec, server: str, place: Placement, *, has_init: bool) -> Argv:
    """Make and start a container in a unit: conmon is the unit's main process, and notifies systemd when it is ready.

    podman's own events are off, because the unit's journal is for the app's output.
    """
    start = ("--events-backend", "none", "--conmon", str(place.conmon), "run", "--detach")
    unit = ("--sdnotify", "conmon", "--cgroups", "no-conmon")
    return (binary, *place.storage, *start, *unit, *_container(spec, server, place, has_init=has_init))


def end_processes(directory: Path) -> Argv:
    """Send the stop signal to every process of the container. The caller appends the seconds of grace."""
    return (sys.executable, "-IS", stopper.__file__, str(directory))


def stop_in_unit(binary: str, cid_file: Path) -> Argv:
    """Send process 1 of the unit's container SIGTERM, then SIGKILL. The caller appends ``--time SECONDS``."""
    return (binary, "--events-backend", "none", "stop", "--ignore", "--cidfile", str(cid_file))


def remove_in_unit(binary: str, cid_file: Path) -> Argv:
    """Remove the container of the unit's earlier start, with its anonymous volumes."""
    return (binary, "rm", "--force", "--ignore", "--time", "0", "--volumes", "--cidfile", str(cid_file))


def ask_exit_code(binary: str, container: str) -> Argv:
    """Print a container's exit code."""
    return (binary, "container", "inspect", "--format", "{{.State.ExitCode}}", container)


def start_container(binary: str, conmon: Path, container: str) -> Argv:
    """Start a container that was made or has exited."""
    return (binary, "--conmon", str(conmon), "start", container)


def stop_container(binary: str, container: str, grace: float) -> Argv:
    """Send process 1 SIGTERM, and SIGKILL after ``grace`` seconds, rounded up to whole seconds."""
    return (binary, "stop", "--ignore", "--time", str(math.ceil(grace)), container)


def remove_container(binary: str, container: str) -> Argv:
    """Kill and remove a container, with its anonymous volumes."""
    return (binary, "rm", "--force", "--ignore", "--time", "0", "--volumes", container)


def list_containers(binary: str, server: str, *, app: str | None = None, name: str | None = None) -> Argv:
    """List every container of this server, of one app or one name if given, as JSON."""
    wanted = {SERVER: server, APP: app, NAME: name}
    filters = tuple(f"--filter=label={key}={value}" for key, value in wanted.items() if value is not None)
    return (binary, "ps", "--all", "--format", "json", *filters)


def create_network(binary: str, server: str, app: str, *, is_isolated: bool) -> Argv:
    """Make an app's network; podman chooses a free subnet. ``is_isolated``: other isolated networks cannot reach it.

    DNS is off: instances of one app do not call each other by name, and this saves a name server.
    podman's events are off, so that they do not appear in the journal of a unit that runs this.
    """
    labels = tuple(f"--label={key}={value}" for key, value in ((SERVER, server), (APP, app)))
    apart = ("--opt", "isolate=true") if is_isolated else ()
    start = ("--events-backend", "none", "network", "create", "--disable-dns")
    return (binary, *start, *apart, *labels, network_of(server, app))


def create_private_network(binary: str, server: str, id: str, subnet: str | None, *, is_isolated: bool) -> Argv:
    """Make the network of a link, with this subnet, or if None with a subnet that podman chooses.

    Not ``--internal``: netavark does not isolate internal networks, so every container could reach them.
    """
    labels = tuple(f"--label={key}={value}" for key, value in ((SERVER, server), (PRIVATE, id)))
    apart = ("--opt", "isolate=true") if is_isolated else ()
    chosen = ("--subnet", subnet) if subnet is not None else ()
    start = ("--events-backend", "none", "network", "create", "--disable-dns")
    return (binary, *start, *apart, *chosen, *labels, private_network_of(server, id))


def ask_for_subnet(binary: str, network: str) -> Argv:
    """Print the first subnet of a network."""
    return (binary, "network", "inspect", "--format", "{{(index .Subnets 0).Subnet}}", network)


def connect_service(binary: str, server: str, container: str, network: PrivateNetwork) -> Argv:
    """Connect a running service to the network of a link."""
    address = ("--ip", network.address, "--mac-address", network.hardware_address)
    return (binary, "network", "connect", *address, private_network_of(server, network.id), container)


def disconnect_service(binary: str, server: str, container: str, network: PrivateNetwork) -> Argv:
    """Disconnect a service from the network of a link."""
    return (binary, "network", "disconnect", private_network_of(server, network.id), container)


def remove_network(binary: str, network: str) -> Argv:
    """Remove a network that no container is on."""
    return (binary, "network", "rm", network)


def list_networks(binary: str, server: str) -> Argv:
    """List every network of this server as JSON."""
    return (binary, "network", "ls", "--format", "json", f"--filter=label={SERVER}={server}")


def list_on_network(binary: str, server: str, network: str) -> Argv:
    """List the names of this server's containers on a network, one in each line."""
    wanted = (f"--filter=label={SERVER}={server}", f"--filter=network={network}")
    return (binary, "ps", "--all", "--format", "{{.Names}}", *wanted)


def create_volume(binary: str, server: str, app: str, id: str) -> Argv:
    """Make an empty volume; fail if it exists."""
    labels = tuple(f"--label={key}={value}" for key, value in ((SERVER, server), (APP, app), (VOLUME, id)))
    return (binary, "--events-backend", "none", "volume", "create", *labels, volume_of(server, id))


def is_volume_there(binary: str, server: str, id: str) -> Argv:
    """Exit with 0 if the volume exists, with 1 if not."""
    return (binary, "volume", "exists", volume_of(server, id))


def ask_if_untouched(binary: str, server: str, id: str) -> Argv:
    """Print `true` if no container has mounted the volume yet, else `false`."""
    return (binary, "volume", "inspect", "--format", "{{.NeedsChown}}", volume_of(server, id))


def create_filler(binary: str, spec: InstanceSpec, server: str, mounts: tuple[Mount, ...]) -> Argv:
    """Make a container without a user namespace that mounts these volumes. Its program is never started."""
    entrypoint, arguments = _command(spec.command)
    return (
        *(binary, "--events-backend", "none", "create", "--name", filler_of(server)),
        *("--pull=never", "--http-proxy=false", "--no-healthcheck", "--network", "none", "--log-driver", "none"),
        *(f"--volume={volume_of(server, it.volume or '')}:{it.path}" for it in mounts),
        *entrypoint,
        spec.image_id,
        *arguments,
    )


def initialize_container(binary: str, container: str) -> Argv:
    """Mount everything of a container, which fills new volumes from the image, without starting its program."""
    return (binary, "--events-backend", "none", "init", container)


def list_volumes(binary: str, server: str) -> Argv:
    """List every volume of this server as JSON."""
    return (binary, "volume", "ls", "--format", "json", f"--filter=label={SERVER}={server}")


def ask_for_mountpoint(binary: str, volume: str) -> Argv:
    """Print a volume's directory on this host."""
    return (binary, "volume", "inspect", "--format", "{{.Mountpoint}}", volume)


def copy_directory(source: str, target: str) -> Argv:
    """Copy everything in a directory into another one, with owners, modes and times."""
    return ("cp", "--archive", "--reflink=auto", "--no-target-directory", "--", source, target)


def count_bytes(directory: str) -> Argv:
    """Print the bytes on disk of a directory, a tab, and its name."""
    return ("du", "--summarize", "--block-size=1", "--one-file-system", "--", directory)


def ask_for_layers(binary: str, containers: tuple[str, ...]) -> Argv:
    """Print for each container its id, a tab, and its writable layer's directory on this host."""
    return (binary, "container", "inspect", "--format", "{{.ID}}\t{{.GraphDriver.Data.UpperDir}}", *containers)


def count_bytes_gently(directories: tuple[str, ...]) -> Argv:
    """As ``count_bytes``, for several directories, at the lowest CPU priority."""
    return ("nice", "-n", "19", "du", "--summarize", "--block-size=1", "--one-file-system", "--", *directories)


def remove_volume(binary: str, volume: str) -> Argv:
    """Remove a volume that no container mounts."""
    return (binary, "volume", "rm", volume)


def list_users_of_image(binary: str, image_id: str) -> Argv:
    """List the ids of all containers made from this image."""
    return (binary, "ps", "--all", "--quiet", f"--filter=ancestor={image_id}")


def inspect_container(binary: str, container: str) -> Argv:
    """Print everything that podman knows about one container, as JSON."""
    return (binary, "container", "inspect", container)


def inspect_image(binary: str, image: str) -> Argv:
    """Print everything that podman knows about one stored image, as JSON."""
    return (binary, "image", "inspect", image)


def list_images(binary: str, pattern: str) -> Argv:
    """List the stored images with a name that matches the pattern, with all their names, as JSON.

    Without a pattern the whole list fails if the storage contains an incomplete manifest list.
    """
    return (binary, "images", "--format", "json", f"--filter=reference={pattern}")


def tag_image(binary: str, image_id: str, name: str) -> Argv:
    """Add a name to a stored image."""
    return (binary, "tag", image_id, name)


def untag_image(binary: str, image_id: str, name: str) -> Argv:
    """Remove one name from a stored image; the image and its other names stay."""
    return (binary, "untag", image_id, name)


def untag_wholly(binary: str, image_id: str) -> Argv:
    """Remove every name from a stored image, because podman refuses to remove an image with several names by its id."""
    return (binary, "untag", image_id)


def remove_images(binary: str, names: tuple[str, ...]) -> Argv:
    """Remove images by name or id; never by force, so that podman refuses for images in use."""
    return (binary, "rmi", *names)


def pull_image(binary: str, pinned: str, *, is_loopback: bool, auth_file: Path | None = None) -> Argv:
    """Pull an image by its digest."""
    return (binary, "pull", "--quiet", *_tls(is_loopback=is_loopback), *_auth(auth_file), pinned)


def ask_for_store(binary: str) -> Argv:
    """Print the directory that images and containers are stored in."""
    return (binary, "info", "--format", "{{.Store.GraphRoot}}")


def ask_for_containers(binary: str) -> Argv:
    """Print the directory that images and containers are stored in, a tab, and the name of the storage driver."""
    return (binary, "info", "--format", "{{.Store.GraphRoot}}\t{{.Store.GraphDriverName}}")


def bring_to_disk(directory: str) -> Argv:
    """Write all unwritten data of this directory's file system to disk."""
    return ("sync", "--file-system", directory)


def ask_registry(
    skopeo: str, reference: str, *, is_loopback: bool, seconds: int, auth_file: Path | None = None
) -> Argv:
    """Print the digest that a tag has now in the registry; for an image of several platforms that of the list."""
    limit = ("--command-timeout", f"{seconds}s")
    question = ("inspect", "--no-tags", "--format", "{{.Digest}}")
    return (skopeo, *limit, *question, *_tls(is_loopback=is_loopback), *_auth(auth_file), f"docker://{reference}")


def ask_for_manifest(
    skopeo: str, pinned: str, *, is_loopback: bool, seconds: int, auth_file: Path | None = None
) -> Argv:
    """Print the manifest for a digest as the registry stores it: of one image, or the list for several platforms."""
    limit = ("--command-timeout", f"{seconds}s")
    return (skopeo, *limit, "inspect", "--raw", *_tls(is_loopback=is_loopback), *_auth(auth_file), f"docker://{pinned}")


def log_in(binary: str, host: str, username: str, auth_file: Path, *, is_loopback: bool) -> Argv:
    """Log in to a registry with the password on stdin; if the registry accepts it, write it to ``auth_file``."""
    login = ("--username", username, "--password-stdin", "--authfile", str(auth_file))
    return (binary, "login", *login, *_tls(is_loopback=is_loopback), host)


def read_conmon_path(binary: str) -> Argv:
    """Print the path of the conmon that podman uses."""
    return (binary, "info", "--format", "{{.Host.Conmon.Path}}")


def replaces_entrypoint(command: str | tuple[str, ...] | None) -> bool:
    """Return whether the command replaces the image's ENTRYPOINT: a string for a shell, or a program's full path."""
    return isinstance(command, str) or bool(command and command[0].startswith("/"))


def _container(spec: InstanceSpec, server: str, place: Placement, *, has_init: bool) -> Argv:
    entrypoint, arguments = _command(spec.command)
    return (
        *("--name", place.container_name),
        *(f"--label={key}={value}" for key, value in Identity.of(spec, server, place.database).labels().items()),
        *_files(place),
        *_limits(spec),
        *_privileges(spec.capabilities),
        *map_users(place.first_user),
        *("--pull=never", "--http-proxy=false", "--no-healthcheck"),
        *(("--init",) if has_init else ()),
        *("--network", network_of(server, spec.app)),
        *_private_networks(spec, server),
        *_publish(spec),
        *_mounts(spec, server, is_mapped=place.first_user is not None),
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
        *("--memory-swap", memory),  # memory and swap together, so the container gets no swap
        *cpu,
        *("--pids-limit", str(spec.limits.pids)),
        *("--stop-timeout", str(math.ceil(spec.stop_timeout))),
    )


def _privileges(more: tuple[str, ...]) -> Argv:
    added = (f"--cap-add={capability}" for capability in dict.fromkeys((*CAPABILITIES, *more)))
    return ("--security-opt", "no-new-privileges", "--cap-drop=all", *added)


def map_users(first: int | None) -> Argv:
    """Return the options that give a container a user namespace, in which root is this user of the host."""
    if first is None:
        return ()
    return ("--uidmap", f"0:{first}:{IDS_OF_A_CONTAINER}", "--gidmap", f"0:{first}:{IDS_OF_A_CONTAINER}")


def _publish(spec: InstanceSpec) -> Argv:
    if spec.exposed is NO_ROUTE:
        return ()
    return ("--publish", f"{spec.exposed.at}:{spec.exposed.port}")


def _private_networks(spec: InstanceSpec, server: str) -> Argv:
    """Return the options for private networks: a service gets its fixed address, an app the service's host name."""
    words: list[str] = []
    for each in spec.networks:
        name = private_network_of(server, each.id)
        if spec.role is Role.SERVICE:
            words += ("--network", f"{name}:ip={each.address},mac={each.hardware_address}")
        else:
            words += ("--network", name, "--add-host", f"{each.hostname}:{each.address}")
    return tuple(words)


def _mounts(spec: InstanceSpec, server: str, *, is_mapped: bool) -> Argv:
    """Return the options for mounts. A path without a volume gets an anonymous one, removed with the container.

    ``is_mapped``: the owners in a volume are the container's own users, not those of its user namespace. podman before
    5.1 would copy the image's content into it with the wrong owners, so `nocopy`: it has been filled before.
    """
    options = ":idmap,nocopy" if is_mapped else ""
    places = (f"{volume_of(server, it.volume)}:{it.path}{options}" if it.volume else it.path for it in spec.mounts)
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
