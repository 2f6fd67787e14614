"""Memory and CPU use of control groups, in version 1 and 2. No function raises: None means that a value is unknown."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pvdify.model.capacity import Usage

PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")
_NO_LIMIT = 1 << 60  # bytes; for "no limit", version 1 reports a number above the memory of any machine


def usage_of(pid: int, proc: Path = PROC, cgroups: Path = CGROUPS) -> Usage | None:
    """Return the use of the control group that a process is in; None if the process has ended.

    Memory does not include the file cache that the kernel can drop at once.
    """
    groups = _groups(proc / str(pid) / "cgroup")
    if groups is None:
        return None
    if "memory" in groups:
        return _first_version(groups, cgroups)
    return _second_version(cgroups / groups[""].lstrip("/")) if "" in groups else None


def _groups(file: Path) -> dict[str, str] | None:
    """Return controller -> path of its group; the controller "" is version 2. None if the process has ended."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    parts = (line.split(":", 2) for line in lines)
    return {controller: path for _, controllers, path in parts for controller in controllers.split(",")}


def _first_version(groups: Mapping[str, str], cgroups: Path) -> Usage:
    memory = cgroups / "memory" / groups["memory"].lstrip("/")
    cpu = cgroups / "cpuacct" / groups.get("cpuacct", "").lstrip("/")
    nanoseconds = _number(cpu / "cpuacct.usage") if "cpuacct" in groups else None
    return Usage(
        memory=_working_set(_number(memory / "memory.usage_in_bytes"), memory, "total_inactive_file"),
        memory_limit=_limit(_number(memory / "memory.limit_in_bytes")),
        cpu_seconds=None if nanoseconds is None else nanoseconds / 1e9,
    )


def _second_version(group: Path) -> Usage:
    microseconds = _fields(group / "cpu.stat").get("usage_usec")
    return Usage(
        memory=_working_set(_number(group / "memory.current"), group, "inactive_file"),
        memory_limit=_limit(_number(group / "memory.max")),
        cpu_seconds=None if microseconds is None else microseconds / 1e6,
    )


def _working_set(used: int | None, group: Path, droppable: str) -> int | None:
    return None if used is None else max(0, used - _fields(group / "memory.stat").get(droppable, 0))


def _limit(number: int | None) -> int | None:
    return None if number is None or number >= _NO_LIMIT else number


def _number(file: Path) -> int | None:
    with suppress(OSError, ValueError):
        return int(file.read_text(encoding="ascii"))
    return None


def _fields(file: Path) -> dict[str, int]:
    with suppress(OSError, ValueError):
        pairs = (line.split() for line in file.read_text(encoding="ascii").splitlines())
        return {name: int(value) for name, value in pairs}
    return {}
