"""A running container's memory and CPU usage, from its cgroup: version 2, or version 1 of old kernels."""

from pathlib import Path

from pvdify.model.instance import Usage

CGROUPS, PROCESSES = Path("/sys/fs/cgroup"), Path("/proc")
NANOSECONDS, MICROSECONDS = 1e9, 1e6


def read_usage(pid: int, *, processes: Path = PROCESSES, cgroups: Path = CGROUPS) -> Usage | None:
    """Return the usage of the process's container; None if the process has ended or its cgroup is not found."""
    try:
        groups = _groups(processes / str(pid) / "cgroup")
        if "memory" in groups:
            return _version_1(cgroups, groups)
        return _version_2(cgroups / groups[""].lstrip("/"))
    except (OSError, KeyError, ValueError):
        return None


def _groups(file: Path) -> dict[str, str]:
    """Return the paths by controller from lines like ``4:memory:/machine.slice/…``; version 2 uses an empty name."""
    found: dict[str, str] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        found |= dict.fromkeys(controllers.split(","), path)
    return found


def _version_2(group: Path) -> Usage:
    memory = int((group / "memory.current").read_text(encoding="ascii"))
    cpu = _table(group / "cpu.stat")["usage_usec"] / MICROSECONDS
    return Usage(memory=_needed(memory, _table(group / "memory.stat")["inactive_file"]), cpu_seconds=cpu)


def _version_1(cgroups: Path, groups: dict[str, str]) -> Usage:
    memory = cgroups / "memory" / groups["memory"].lstrip("/")
    cpu = cgroups / "cpuacct" / groups["cpuacct"].lstrip("/")
    used = int((memory / "memory.usage_in_bytes").read_text(encoding="ascii"))
    nanoseconds = int((cpu / "cpuacct.usage").read_text(encoding="ascii"))
    droppable = _table(memory / "memory.stat")["total_inactive_file"]
    return Usage(memory=_needed(used, droppable), cpu_seconds=nanoseconds / NANOSECONDS)


def _needed(memory: int, droppable: int) -> int:
    """Return the memory without the inactive file cache, which the kernel frees when memory is needed."""
    return max(0, memory - droppable)


def _table(file: Path) -> dict[str, int]:
    rows = (line.split() for line in file.read_text(encoding="ascii").splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 2}
