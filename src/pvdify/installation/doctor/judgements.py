"""Judge the facts: one function per check, with the command that repairs what is missing. No I/O."""

import re
from collections.abc import Callable, Iterable
from datetime import timedelta

from pvdify import __version__
from pvdify.adapters.haproxy import config, parse
from pvdify.adapters.host.file_systems import IN_MEMORY
from pvdify.adapters.podman.networks.isolation import CHAIN
from pvdify.installation.doctor.facts import Distribution, Facts, Trial
from pvdify.installation.doctor.verdicts import amount, broken, ok, warning
from pvdify.wire.answers import Check

OLDEST_KERNEL = (3, 10)
OLDEST_SYSTEMD = 219
PREFERRED_HAPROXY = (2, 8)  # the oldest version with all counters that pvdify reads
OLD_HAPROXY = timedelta(days=365)
OLDEST_PODMAN = (4, 0)
TRIAL_MEMORY = 64 * 1024 * 1024
FEW_OPEN_FILES = 4096
LITTLE_DISK = 5 * 1024**3
FEW_INODES = 50_000
LITTLE_MEMORY = 512 * 1024**2
SMALL_BURST = 10_000  # lines in 30 s; journald's default
_RHEL = ("podman", "runc", "catatonit", "skopeo")
_PODMAN = {
    "debian": ("podman", "runc", "catatonit", "netavark", "aardvark-dns", "iptables", "skopeo"),
    "rhel": _RHEL,
    "": _RHEL,
}
_USERS_OFF = 'set user_namespaces = "off"'
CONTAINERS_CONF = "/etc/containers/containers.conf.d"


def judge(facts: Facts) -> tuple[Check, ...]:
    """Return all checks, in the order in which they should be repaired."""
    needless = OF_CONTAINERS_HERE if facts.settings.runtime == "kubernetes" else ()
    return tuple(each(facts) for each in JUDGEMENTS if each not in needless)


def package(facts: Facts) -> Check:
    """Check that pvdifyd can be imported. An upgrade that cannot start must not replace a running server."""
    if facts.package_refusal:
        return broken(
            "package", f"pvdify {__version__} is incomplete: {facts.package_refusal}",
            "install it again with pip, with all its dependencies",
        )  # fmt: skip
    return ok("package", f"pvdify {__version__}")


def database(facts: Facts) -> Check:
    """Check that the database is neither lost nor damaged. Without it, pvdifyd refuses to start.

    With an empty database, the reconciler would remove all containers as orphans.
    """
    if facts.database_trouble:
        known = f"the newest copy is {facts.database_copy}" if facts.database_copy else "no copy of it is known here"
        return broken(
            "database", f"{facts.database_trouble}; {known}",
            "pvdify server restore FILE; to start with an empty one: pvdifyd --new-database",
        )  # fmt: skip
    return ok("database", "no problem found")


def kernel(facts: Facts) -> Check:
    """Check that the kernel is 3.10 or newer."""
    version = _numbers(facts.kernel)
    shared = ", shared with others by OpenVZ" if facts.is_openvz else ""
    text = f"Linux {facts.kernel}{shared}"
    if version and version < OLDEST_KERNEL:
        return broken("kernel", f"{text} is older than 3.10", "move to a machine with a newer kernel")
    return ok("kernel", text)


def systemd(facts: Facts) -> Check:
    """Check that systemd is process 1 and new enough. Its units keep the server and its apps running."""
    if facts.systemd is None:
        return warning(
            "systemd", "it is not process 1 here: nothing starts pvdifyd again, and it cannot be installed",
            "use a machine or container with systemd; for a test, `pvdifyd --runtime podman` needs no systemd",
        )  # fmt: skip
    if facts.systemd < OLDEST_SYSTEMD:
        return broken("systemd", f"version {facts.systemd} is older than {OLDEST_SYSTEMD}", "upgrade the system")
    return ok("systemd", f"version {facts.systemd}")


def podman(facts: Facts) -> Check:
    """Check that podman works, is 4.0 or newer, and has a storage driver that shares image layers."""
    if facts.podman is None:
        if facts.podman_refusal:
            return broken("podman", f"it does not work: {facts.podman_refusal}", "podman info --log-level=debug")
        return broken("podman", "not installed", _install(facts.distribution, _PODMAN[facts.distribution.family]))
    found = facts.podman
    text = (
        f"{'.'.join(map(str, found.version))} with {found.runtime}, cgroups {found.cgroups}, "
        f"network {found.network or 'unknown'}, storage {found.storage}"
    )
    if found.version < OLDEST_PODMAN:
        return broken("podman", f"{text}: older than 4.0", _install(facts.distribution, ("podman",)))
    if found.storage == "vfs":
        return warning(
            "podman", f"{text}: every container copies its whole image", "install fuse-overlayfs, or use another disk"
        )
    return ok("podman", text)


def restic(facts: Facts) -> Check:
    """Check that restic is installed. It makes the backups; the server runs without it."""
    if facts.restic_refusal:
        return warning(
            "restic", f"it does not work, so no backups can be made: {facts.restic_refusal}", "restic version"
        )
    if not facts.has_restic:
        return warning("restic", "not installed, so no backups can be made", _install(facts.distribution, ("restic",)))
    return ok("restic", "installed")


def skopeo(facts: Facts) -> Check:
    """Check that skopeo is installed. It resolves image tags to digests."""
    if facts.skopeo_refusal:
        command = f"{facts.settings.skopeo_binary} --version"
        return broken("skopeo", f"it does not work: {facts.skopeo_refusal}", command)
    if not facts.has_skopeo:
        return broken("skopeo", "not installed", _install(facts.distribution, ("skopeo",)))
    return ok("skopeo", "installed")


def containers(facts: Facts) -> Check:
    """Check that a container starts, and that its memory limit is enforced."""
    if facts.trial is None:
        why = "only root can try" if not facts.is_root else "not tried: podman is missing or does not work"
        return warning("containers", why, "sudo pvdify doctor" if not facts.is_root else "repair podman first")
    if facts.trial.refusal:
        return broken("containers", f"none starts: {facts.trial.refusal}", _repair_of_start(facts, facts.trial))
    limit = facts.trial.memory_limit
    if limit is None or limit > TRIAL_MEMORY:
        return broken(
            "containers", "one starts, but its memory limit does not hold",
            "enable the memory controller: add `cgroup_enable=memory swapaccount=1` to the kernel's command line",
        )  # fmt: skip
    return ok("containers", "one starts, its memory limit holds")


def networks(facts: Facts) -> Check:
    """Check that containers of one app cannot reach those of another app, which matters most for previews."""
    if facts.trial is None or facts.trial.refusal:
        return ok("networks", "not tried")
    if not facts.trial.is_apart:
        return warning(
            "networks", "this podman does not isolate networks: a preview can reach the containers of other apps",
            f"{_install(facts.distribution, ('podman', 'netavark'))}, in a version that supports `isolate`",
        )  # fmt: skip
    if old := facts.on_shared_network:
        return warning(
            "networks", f"on podman's shared network since before an upgrade: {', '.join(old)}",
            "`pvdify deploy APP` for each of their apps: new instances are on their app's own network",
        )  # fmt: skip
    if facts.lets_apps_meet:
        return broken(
            "networks", f"each app reaches the containers of the others: no rule of the packet filter leads to {CHAIN}",
            "systemctl restart pvdifyd",
        )  # fmt: skip
    return ok("networks", "each app has its own, isolated from the others")


def user_namespaces(facts: Facts) -> Check:
    """Check that containers with user namespaces work, if the setting is on. pvdifyd does not start otherwise."""
    name = "user namespaces"
    if facts.settings.user_namespaces == "off":
        return ok(name, "off, as is the setting user_namespaces")
    if facts.settings.runtime == "kubernetes":
        return broken(name, "they are for containers of this machine, and these are in a cluster", _USERS_OFF)
    if facts.trial is None:
        return ok(name, "not tried")
    if found := facts.no_user_namespaces:
        return broken(name, found.why, found.next)
    ids = facts.settings.user_ids
    return ok(name, f"a container was tried; {len(ids)} apps and services can have users of their own")


def container_disk(facts: Facts) -> Check:
    """Say whether the setting max_container_disk can be kept here. It needs XFS; elsewhere the use is measured."""
    return ok("container disk", facts.layer_bound.text if facts.layer_bound else "not tried")


def open_files(facts: Facts) -> Check:
    """Check the limit of open files in a container. An instance needs one for each connection."""
    found = facts.trial.open_files if facts.trial else None
    if found is None:
        return ok("open files", "not tried")
    if found < FEW_OPEN_FILES:
        return warning(
            "open files", f"a container may have {found} open",
            _setting("containers", 'default_ulimits = ["nofile=65536:65536"]'),
        )  # fmt: skip
    return ok("open files", f"a container may have {found} open")


def init(facts: Facts) -> Check:
    """Check that catatonit is installed. As process 1, it keeps a container running until all programs have ended."""
    if not facts.has_init:
        return warning(
            "init", "catatonit is missing: a container ends with its first program, even if others still run",
            _install(facts.distribution, ("catatonit",)),
        )  # fmt: skip
    return ok("init", "catatonit is installed")


def ports(facts: Facts) -> Check:
    """Check that the server's ports are free, or in use by the server itself. Other programs may use 80 and 443."""
    wanted = {facts.settings.listen.port: "listen", facts.settings.router_listen.port: "router_listen"}
    taken = {port: facts.listeners[port] for port in wanted if port in facts.listeners and port not in facts.own_ports}
    if taken:
        port, holder = next(iter(taken.items()))
        return broken(
            "ports", f"{port} ({wanted[port]}) is in use by {holder or 'another program'}",
            f"stop it, or `pvdify server install --set {wanted[port]}=127.0.0.1:{_another(port, facts)}`",
        )  # fmt: skip
    inside = sum(1 for port in facts.settings.ports if port in facts.listeners)
    free = f"{facts.settings.ports}: {_count(facts.settings.ports) - inside} free for instances"
    web = sorted({facts.listeners[port] or "something" for port in (80, 443) if port in facts.listeners})
    beside = f"; {' and '.join(web)} may keep 80 and 443" if web and not {80, 443} & set(wanted) else ""
    return ok("ports", f"{', '.join(map(str, wanted))} for pvdify; {free}{beside}")


def disk(facts: Facts) -> Check:
    """Check the free space and inodes for images, logs and the database."""
    if not facts.disks:
        return warning("disk", "cannot be read", "df -h")
    least = min(facts.disks, key=lambda each: each.free)
    text = f"{amount(least.free)} of {amount(least.total)} free for {least.path}"
    if least.free < facts.settings.min_free_disk:
        return broken(
            "disk", f"{text}, less than a deploy needs", "free some space: `podman system df` shows the size of images"
        )
    scarce = min((each.free_inodes for each in facts.disks if each.free_inodes is not None), default=None)
    if scarce is not None and scarce < FEW_INODES:
        return warning("disk", f"{text}, but only {scarce} more files can be made", "df -i")
    if least.free < LITTLE_DISK:
        return warning("disk", f"{text}; a few images fill that", "podman system df")
    return ok("disk", text)


def run_directory(facts: Facts) -> Check:
    """Check that the run directory is in memory. It contains config vars in clear, which instances start with."""
    where, kind = facts.settings.run_dir, facts.run_file_system
    if kind and kind not in IN_MEMORY:
        return warning(
            "run directory", f"{where} is on {kind}: secrets are written to a disk",
            "mount /run as tmpfs, as systemd does",
        )  # fmt: skip
    return ok("run directory", f"{where} is in memory" if kind else f"the file system of {where} cannot be read")


def memory(facts: Facts) -> Check:
    """Check the available memory. During a switch, two releases run."""
    if facts.total_memory is None or facts.available_memory is None:
        return warning("memory", "cannot be read", "free -m")
    text = f"{amount(facts.available_memory)} of {amount(facts.total_memory)} available"
    if facts.available_memory < facts.settings.min_free_memory:
        return broken("memory", f"{text}, less than a deploy needs", "stop what uses it: ps aux --sort=-rss | head")
    if facts.available_memory < LITTLE_MEMORY:
        return warning("memory", f"{text}; during a switch both releases run", "ps aux --sort=-rss | head")
    return ok("memory", text)


def clock(facts: Facts) -> Check:
    """Check that the clock follows time servers. Tokens expire by the clock, and logs are sorted by it."""
    if facts.is_openvz:
        return ok("clock", "kept by the host")
    if facts.is_clock_kept is None:
        return warning("clock", "systemd does not report whether it is synchronized", "timedatectl")
    if not facts.is_clock_kept:
        return warning("clock", "not synchronized", _clock_command(facts.distribution))
    return ok("clock", "synchronized with time servers")


def journal(facts: Facts) -> Check:
    """Check that journald keeps logs across reboots, limits them by size and age, and drops no lines."""
    found = facts.journal
    wrong = []
    if found.storage == "volatile" or not (found.storage == "persistent" or facts.has_persistent_journal):
        wrong.append("logs are lost at a reboot")
    if not found.max_use or not found.max_age:
        wrong.append("logs are limited only by journald's defaults")
    if found.burst != "0" and (not found.burst.isdecimal() or int(found.burst) <= SMALL_BURST):
        wrong.append("lines are dropped when an app writes many")
    if wrong:
        return warning("journal", "; ".join(wrong), "pvdify server install")
    return ok("journal", f"persistent, up to {found.max_use} and {found.max_age}, up to {found.burst} lines in 30 s")


def haproxy(facts: Facts) -> Check:
    """Check that the router's program runs and is recent.

    Warn if the distribution's HAProxy could be used instead: the distribution keeps it up to date.
    """
    version = parse.version(facts.haproxy or "")
    name = facts.settings.router_binary or "the HAProxy that comes with pvdify"
    if version is None:
        return broken("haproxy", f"{name} does not run here", _other_haproxy(facts.distribution))
    if version.number < config.OLDEST:
        return broken("haproxy", f"{name} is {version.text}, older than 2.6", _other_haproxy(facts.distribution))
    bugs = f"; known bugs: {version.known_bugs}" if version.known_bugs else ""
    if version.released and facts.today and facts.today - version.released > OLD_HAPROXY:
        text = f"{version.text} is of {version.released}, more than a year old{bugs}"
        return warning("haproxy", text, _newer_haproxy(facts))
    own = parse.version(facts.distribution_haproxy or "")
    if not facts.settings.router_binary and own is not None and own.number >= PREFERRED_HAPROXY:
        text = f"{version.text} of pvdify is used, although this system keeps {own.text} up to date"
        return warning("haproxy", text, "pvdify server install --set router_binary=/usr/sbin/haproxy")
    return ok("haproxy", version.text + (f" of {version.released}{bugs}" if version.released else ""))


def firewall(facts: Facts) -> Check:
    """Check for firewalls that drop podman's rules when they are reloaded. pvdify needs no port opened."""
    if not facts.firewalls:
        return ok("firewall", "no firewall found that manages rules; pvdify needs no open port")
    names = " and ".join(facts.firewalls)
    return warning(
        "firewall", f"{names}: a reload may drop the rules of containers",
        "run `podman network reload --all` after each reload (docs/howto/run-beside-a-firewall.md)",
    )  # fmt: skip


JUDGEMENTS: tuple[Callable[[Facts], Check], ...] = (
    package, database, kernel, systemd, podman, skopeo, restic, containers, networks, user_namespaces,
    container_disk, open_files, init, ports, disk, run_directory, memory, clock, journal, haproxy, firewall,
)  # fmt: skip


# not needed if all run on a cluster
OF_CONTAINERS_HERE = (podman, skopeo, containers, networks, container_disk, open_files, init)


def _repair_of_start(facts: Facts, trial: Trial) -> str:
    """Return the command that repairs the first known cause in podman's message, else general advice."""
    words = trial.refusal.lower()
    if "rlimit" in words or "ulimit" in words:
        return _setting("containers", 'default_ulimits = ["nofile=20000:20000", "nproc=10000:10000"]')
    runtime = facts.podman.runtime if facts.podman else ""
    if runtime == "crun" and ("cgroup" in words or "invalid argument" in words or "function not implemented" in words):
        return f"{_install(facts.distribution, ('runc',))} && " + _setting("engine", 'runtime = "runc"')
    if "iptables" in words or "nft" in words or "netavark" in words:
        return _install(facts.distribution, ("netavark", "iptables"))
    if "overlay" in words:
        return _install(facts.distribution, ("fuse-overlayfs",))
    return "fix what podman reports, and try `pvdify doctor` again"


def _setting(section: str, line: str) -> str:
    text = f"[{section}]\n{line}\n".replace("\n", "\\n")
    return f"mkdir -p {CONTAINERS_CONF} && printf '{text}' > {CONTAINERS_CONF}/50-{section}.conf"


def _install(distribution: Distribution, packages: Iterable[str]) -> str:
    manager = {"debian": "apt-get install", "rhel": "dnf install"}.get(distribution.family)
    return f"{manager} {' '.join(packages)}" if manager else f"install {', '.join(packages)}"


def _clock_command(distribution: Distribution) -> str:
    package = "chrony" if distribution.family == "rhel" else "systemd-timesyncd"
    return f"{_install(distribution, (package,))} and `timedatectl set-ntp true`"


def _newer_haproxy(facts: Facts) -> str:
    if facts.settings.router_binary:
        return f"{_install(facts.distribution, ('haproxy',))}, then `pvdify server install`"
    return f"upgrade pvdify, or {_other_haproxy(facts.distribution)}, if that is 2.8 or newer"


def _other_haproxy(distribution: Distribution) -> str:
    return f"{_install(distribution, ('haproxy',))} and `pvdify server install --set router_binary=/usr/sbin/haproxy`"


def _another(port: int, facts: Facts) -> int:
    return next(number for number in range(port + 1, 65536) if number not in facts.listeners)


def _count(ports: Iterable[int]) -> int:
    return sum(1 for _ in ports)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:2])
