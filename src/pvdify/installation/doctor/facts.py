"""The facts observed on a machine; None if a fact could not be observed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pvdify.adapters.podman.users.support import Obstacle
from pvdify.model.layer_bound import LayerBound
from pvdify.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """A Linux distribution. ``name``: its display name; ``family``: ``debian``, ``rhel`` or empty."""

    name: str = "this system"
    family: str = ""


@dataclass(frozen=True, kw_only=True)
class Podman:
    """The properties that podman reports about itself."""

    version: tuple[int, ...]
    runtime: str
    cgroups: str
    network: str
    storage: str


@dataclass(frozen=True, kw_only=True)
class Trial:
    """The result of starting a container like an app's, on a network of its own.

    ``refusal``: why the container did not start, empty if it did. ``is_apart``: podman isolates such networks from each
    other. ``memory_limit`` in bytes, ``open_files``: the limits inside the container.
    """

    refusal: str = ""
    is_apart: bool = True
    memory_limit: int | None = None
    open_files: int | None = None


@dataclass(frozen=True, kw_only=True)
class Disk:
    """The file system of a directory, which need not exist yet. Sizes in bytes."""

    path: Path
    free: int
    total: int
    free_inodes: int | None


@dataclass(frozen=True, kw_only=True)
class JournalSettings:
    """The settings in journald's files; empty where journald's default applies."""

    storage: str = ""
    max_use: str = ""
    max_age: str = ""
    burst: str = ""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The facts that are judged. Sizes in bytes.

    Args:
        settings: the settings of the server that runs here, or that is to be installed.
        is_root: whether the doctor runs as root. Other users cannot observe all facts.
        package_refusal: Python's error message if the modules of pvdifyd cannot be imported; empty if they can.
        kernel: the kernel's release.
        is_openvz: whether the kernel is shared with other tenants, who cannot choose it.
        systemd: the version of systemd; None if systemd is not process 1.
        podman: None if podman is not installed, or failed or hung, as ``podman_refusal`` says.
        has_skopeo, has_restic: whether the program works; ``…_refusal`` says why not if it is installed.
        no_user_namespaces: why the setting user_namespaces cannot be on here; None if it can, or if it is off.
        layer_bound: how much a container could write into itself; None if it was not tried.
        lets_apps_meet: the packet filter has rules that isolate the networks of apps, and does not use them.
        on_shared_network: names of instances that were started before each app had a network of its own.
        database_trouble: why pvdifyd would refuse to start with its database; empty if it would start.
        database_copy: the newest known backup or copy of the database; empty unless there is trouble.
        listeners: TCP port -> name of the program that listens there on any address; the name is empty if unknown.
        run_file_system: type of the run directory's file system; empty if unknown.
        own_ports: the ports on which an installed pvdify listens now.
        is_clock_kept: whether the clock follows time servers; None if unknown.
        haproxy: the version text of the router's program; distribution_haproxy: of the distribution's program.
        today: the date to which the release dates of versions are compared.
        firewalls: names of the programs that manage this machine's packet filter.
    """

    settings: Settings
    is_root: bool = True
    distribution: Distribution = field(default_factory=Distribution)
    package_refusal: str = ""
    kernel: str = ""
    is_openvz: bool = False
    systemd: int | None = None
    podman: Podman | None = None
    podman_refusal: str = ""
    has_skopeo: bool = False
    skopeo_refusal: str = ""
    has_restic: bool = False
    restic_refusal: str = ""
    has_init: bool = False
    trial: Trial | None = None
    no_user_namespaces: Obstacle | None = None
    layer_bound: LayerBound | None = None
    on_shared_network: tuple[str, ...] = ()
    lets_apps_meet: bool = False
    database_trouble: str = ""
    database_copy: str = ""
    listeners: Mapping[int, str] = field(default_factory=dict)
    own_ports: frozenset[int] = frozenset()
    disks: tuple[Disk, ...] = ()
    run_file_system: str = ""
    total_memory: int | None = None
    available_memory: int | None = None
    open_files: int | None = None
    is_clock_kept: bool | None = None
    journal: JournalSettings = field(default_factory=JournalSettings)
    has_persistent_journal: bool = False
    haproxy: str | None = None
    distribution_haproxy: str | None = None
    today: date | None = None
    firewalls: tuple[str, ...] = ()
