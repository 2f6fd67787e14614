"""The facts observed on a machine; None if a fact could not be observed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pvdify.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """``name`` as people say it; ``family``: ``debian``, ``rhel`` or empty."""

    name: str = "this system"
    family: str = ""


@dataclass(frozen=True, kw_only=True)
class Podman:
    """podman as it describes itself; ``version`` in numbers."""

    version: tuple[int, ...]
    runtime: str
    cgroups: str
    network: str
    storage: str


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A container that was started as an app's is, on a network of its own.

    ``refusal``: why it did not start; else what it found inside. ``is_apart``: podman keeps such networks apart.
    """

    refusal: str = ""
    is_apart: bool = True
    memory_limit: int | None = None
    open_files: int | None = None


@dataclass(frozen=True, kw_only=True)
class Disk:
    """The file system that a directory is, or will be, on."""

    path: Path
    free: int
    total: int
    free_inodes: int | None


@dataclass(frozen=True, kw_only=True)
class JournalSettings:
    """What is in force for journald: as its files say it, empty for its own defaults."""

    storage: str = ""
    max_use: str = ""
    max_age: str = ""
    burst: str = ""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything that is judged.

    Args:
        settings: those of the server that runs here or is to.
        is_root: whether all could be looked at.
        package_refusal: why pvdifyd could not even start, as Python says it; empty if it can.
        kernel: its release.
        is_openvz: the kernel is shared with other tenants, and not ours to choose.
        systemd: its version; None: it is not process 1.
        podman: None: not installed, or it says ``podman_refusal``.
        on_shared_network: instances from before each app had a network of its own.
        database_trouble: why pvdifyd would refuse to start with its database; empty if it would not.
        database_copy: the newest backup or copy of the database that is known, if there is trouble.
        listeners: TCP port -> who listens there, as far as known, on loopback or everywhere.
        run_file_system: what the run directory is on; empty: not known.
        own_ports: those at which an installed pvdify listens now.
        is_clock_kept: something keeps it right.
        haproxy: the router's version, as it prints it; distribution_haproxy: that of the distribution's program.
        today: the date by which versions are old.
        firewalls: names of those that manage this machine's packet filter.
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
    has_restic: bool = False
    has_init: bool = False
    trial: Trial | None = None
    on_shared_network: tuple[str, ...] = ()
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
