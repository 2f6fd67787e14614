"""Observe the facts about a machine, without changing it. A fact that cannot be observed is None or empty."""

import asyncio
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pvdify.adapters.files.earlier_life import DATABASE, newest_copy, traces_in
from pvdify.adapters.haproxy import commands as haproxy_commands
from pvdify.adapters.haproxy.bundled import bundled_binary
from pvdify.adapters.host.file_systems import kind_of
from pvdify.adapters.podman.commands import list_on_network
from pvdify.adapters.podman.layers.bounds import find_layers
from pvdify.adapters.podman.refusals import words_of
from pvdify.adapters.podman.storage_conf import container_storage
from pvdify.adapters.podman.users.support import Obstacle, Run, find_obstacle
from pvdify.adapters.sqlite import checking
from pvdify.adapters.systemd import commands as systemd_commands
from pvdify.adapters.systemd import parse as systemd_parse
from pvdify.adapters.systemd.server_units import DAEMON, ROUTER_SOCKET
from pvdify.errors import PvdifyError, RuntimeUnavailable
from pvdify.installation.doctor import parse
from pvdify.installation.doctor.facts import Disk, Facts, JournalSettings, Podman
from pvdify.installation.doctor.trial import lets_apps_meet, try_container
from pvdify.installation.machine import Machine
from pvdify.plumbing.command_runner import Argv, Completed
from pvdify.settings import DEFAULT_FILE, SYSTEMD_IS_HERE, Settings, load

PERSISTENT_JOURNAL = Path("/var/log/journal")
INITS = tuple(
    Path(folder, "catatonit")
    for folder in (
        "/usr/libexec/podman",
        "/usr/local/libexec/podman",
        "/usr/local/lib/podman",
        "/usr/libexec",
        "/usr/bin",
    )
)  # where podman searches for its init program
DISTRIBUTION_HAPROXY = "/usr/sbin/haproxy"
SHARED_NETWORK = "podman"  # podman's default network
CSF = Path("/etc/csf/csf.conf")
FIREWALL_UNITS = ("firewalld", "nftables", "netfilter-persistent")
JOURNALD_FOLDERS = tuple(Path(root, "systemd") for root in ("/usr/lib", "/usr/local/lib", "/run", "/etc"))
DAEMON_MODULES = ("pvdify.daemon.main", "pvdify.daemon.bootstrap", "pvdify.daemon.serving")
LOOK_SECONDS = 30.0


def observe(machine: Machine, settings: Settings) -> Facts:
    """Return all facts. Takes about a second, most of it for the trial container."""
    is_root = os.geteuid() == 0
    listeners = _listeners()
    skopeo, restic = ask(machine, (settings.skopeo_binary, "--version")), ask(machine, ("restic", "version"))
    podman, refusal = ask_podman(machine, settings.podman_binary)
    total, available = parse.memory(_text(Path("/proc/meminfo")))
    can_try = is_root and podman is not None
    trouble = _database_trouble(settings.data_dir)
    copy = newest_copy(settings.data_dir) if trouble else None
    return Facts(
        settings=settings,
        is_root=is_root,
        distribution=parse.distribution(_text(Path("/etc/os-release"))),
        package_refusal=package_refusal(machine),
        kernel=platform.release(),
        is_openvz=Path("/proc/vz").exists() and not Path("/proc/bc").exists(),
        systemd=_systemd(machine),
        podman=podman,
        podman_refusal=refusal,
        has_skopeo=skopeo.is_working,
        skopeo_refusal=skopeo.refusal,
        has_restic=restic.is_working,
        restic_refusal=restic.refusal,
        has_init=any(path.exists() for path in INITS),
        trial=try_container(machine, settings.podman_binary, _free_port(settings, listeners)) if can_try else None,
        lets_apps_meet=lets_apps_meet(machine) if can_try else False,
        no_user_namespaces=_no_user_namespaces(machine, settings) if can_try else None,
        layer_bound=asyncio.run(find_layers(machine.runner, settings)).bound if can_try else None,
        on_shared_network=_on_shared_network(machine, settings) if can_try else (),
        database_trouble=trouble,
        database_copy=str(copy.file) if copy else "",
        listeners=listeners,
        own_ports=own_ports(machine, DEFAULT_FILE),
        disks=tuple(_disks(settings.data_dir, container_storage())),
        run_file_system=kind_of(settings.run_dir),
        total_memory=total,
        available_memory=available,
        is_clock_kept=parse.is_clock_kept(_printed(machine, ("timedatectl",)) or ""),
        journal=_journal(),
        has_persistent_journal=PERSISTENT_JOURNAL.is_dir(),
        haproxy=_haproxy(machine, settings.router_binary),
        distribution_haproxy=_printed(machine, haproxy_commands.version(DISTRIBUTION_HAPROXY)),
        today=datetime.now(UTC).date(),
        firewalls=_firewalls(machine),
    )


def package_refusal(machine: Machine) -> str:
    """Return the last line of Python's error if pvdifyd cannot be imported: an upgrade may have been incomplete.

    Returns "" on a machine that is too busy to import it in time.
    """
    question = (sys.executable, "-P", "-c", f"import {', '.join(DAEMON_MODULES)}")
    try:
        done = machine.ask(question, within=LOOK_SECONDS)
    except RuntimeUnavailable:
        return ""
    return "" if done.exit_code == 0 else (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A program's answer. ``refusal``: why it does not work; "" if it works, or is not installed."""

    is_working: bool
    output: str = ""
    refusal: str = ""


def ask(machine: Machine, argv: Argv, within: float = LOOK_SECONDS) -> Answer:
    """Run a program. One that is missing, one that fails and one that hangs are different answers."""
    try:
        done = machine.ask(argv, within=within)
    except PvdifyError as error:
        return Answer(is_working=False, refusal=str(error) if shutil.which(argv[0]) else "")
    is_working = done.exit_code == 0
    return Answer(is_working=is_working, output=done.stdout, refusal="" if is_working else words_of(done.stderr))


def ask_podman(machine: Machine, binary: str, within: float = LOOK_SECONDS) -> tuple[Podman | None, str]:
    """Return what podman reports about itself, else why it does not; both are empty if it is not installed."""
    answer = ask(machine, (binary, "info", "--format", "json"), within)
    found = parse.podman(answer.output)
    return found, "its answer cannot be read" if answer.is_working and not found else answer.refusal


def _no_user_namespaces(machine: Machine, settings: Settings) -> Obstacle | None:
    """Return why a container with a user namespace does not work here; None if it does, or if the setting is off."""
    if settings.user_namespaces == "off":
        return None

    podman, first_user = settings.podman_binary, settings.user_ids[0]
    try:
        return asyncio.run(find_obstacle(_runner(machine), podman, platform.release(), first_user))
    except RuntimeUnavailable as error:
        return Obstacle(why=error.why or error.what, next=error.next or "podman info")


def _runner(machine: Machine) -> Run:
    async def run(argv: Argv, seconds: float) -> Completed:
        return await machine.runner.run(argv, timeout=seconds)

    return run


def _on_shared_network(machine: Machine, settings: Settings) -> tuple[str, ...]:
    printed = _printed(machine, list_on_network(settings.podman_binary, settings.server_id, SHARED_NETWORK))
    return tuple(sorted((printed or "").split()))


def _database_trouble(data_dir: Path) -> str:
    """Describe what is wrong with the database of a server that has run here.

    Empty if nothing is wrong, or if only root can read the data directory.
    """
    file = data_dir / DATABASE
    with suppress(OSError):
        if not checking.is_there(file):
            traces = traces_in(data_dir)
            return f"{file} is missing, but there is {'; '.join(traces)}" if traces else ""
        if damage := checking.damage(file):
            return f"{file} is damaged: {damage}"
    return ""


def _systemd(machine: Machine) -> int | None:
    if not SYSTEMD_IS_HERE.is_dir():
        return None
    return systemd_parse.version(_printed(machine, systemd_commands.read_version()) or "")


def _haproxy(machine: Machine, binary: str) -> str | None:
    with suppress(PvdifyError):
        return _printed(machine, haproxy_commands.version(binary or bundled_binary()))
    return None


def own_ports(machine: Machine, file: Path) -> frozenset[int]:
    """Return the ports on which units of pvdify listen now, by the settings file; others may be wanted."""
    with suppress(PvdifyError):
        present = load({}, {}, file)
        owners = {DAEMON: present.listen.port, ROUTER_SOCKET: present.router_listen.port}
        return frozenset(port for unit, port in owners.items() if machine.unit(unit).is_active)
    return frozenset()


def _firewalls(machine: Machine) -> tuple[str, ...]:
    found = ["csf"] if CSF.exists() else []
    with suppress(PvdifyError):
        found += [name for name in FIREWALL_UNITS if machine.unit(f"{name}.service").is_active]
    return tuple(found)


def _listeners() -> dict[int, str]:
    """Return port -> name of the program that listens there; the name is empty if only root may see it."""
    sockets: dict[int, set[str]] = {}
    for name in ("tcp", "tcp6"):
        for port, inodes in parse.listening_sockets(_text(Path("/proc/net", name))).items():
            sockets.setdefault(port, set()).update(inodes)
    owners = dict(_socket_owners()) if sockets else {}
    return {port: next((owners[each] for each in inodes if each in owners), "") for port, inodes in sockets.items()}


def _socket_owners() -> Iterator[tuple[str, str]]:
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            name = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
            for descriptor in (process / "fd").iterdir():
                with suppress(OSError):
                    target = os.readlink(descriptor)  # noqa: PTH115 - a socket is no path
                    if target.startswith("socket:["):
                        yield target[8:-1], name


def _free_port(settings: Settings, listeners: dict[int, str]) -> int:
    return next((port for port in reversed(list(settings.ports)) if port not in listeners), settings.ports.last)


def _disks(*directories: Path) -> Iterator[Disk]:
    for path in directories:
        with suppress(OSError):
            existing = next(each for each in (path, *path.parents) if each.exists())
            stat = os.statvfs(existing)
            # File systems that create inodes on demand (btrfs) report 0.
            inodes = stat.f_favail if stat.f_files else None
            unit = stat.f_frsize
            yield Disk(path=path, free=stat.f_bavail * unit, total=stat.f_blocks * unit, free_inodes=inodes)


def _journal() -> JournalSettings:
    """Read journald's main file, then all drop-ins, sorted by name.

    Of files with the same name, only the one in the last folder counts, as for journald itself.
    """
    main = [folder / "journald.conf" for folder in JOURNALD_FOLDERS if (folder / "journald.conf").is_file()][-1:]
    drop_ins = {path.name: path for folder in JOURNALD_FOLDERS for path in (folder / "journald.conf.d").glob("*.conf")}
    return parse.journal(map(_text, (*main, *(drop_ins[name] for name in sorted(drop_ins)))))


def _printed(machine: Machine, argv: Argv) -> str | None:
    """Return a program's output; None if the program is missing or failed."""
    with suppress(PvdifyError):
        done = machine.ask(argv, within=LOOK_SECONDS)
        return done.stdout if done.exit_code == 0 else None
    return None


def _text(file: Path) -> str:
    with suppress(OSError):
        return file.read_text(encoding="utf-8", errors="replace")
    return ""
