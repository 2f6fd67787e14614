"""Understanding what files and programs say of a machine. Pure."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pvdify.installation.doctor.facts import Distribution, JournalSettings, Podman, Trial

_FAMILIES = {"debian": "debian", "ubuntu": "debian", "rhel": "rhel", "fedora": "rhel", "centos": "rhel"}
_LISTENING = "0A"


def distribution(os_release: str) -> Distribution:
    """``/etc/os-release``."""
    said = {name: value.strip("\"'") for name, _, value in (line.partition("=") for line in os_release.splitlines())}
    kinds = (said.get("ID", ""), *said.get("ID_LIKE", "").split())
    family = next((_FAMILIES[kind] for kind in kinds if kind in _FAMILIES), "")
    return Distribution(name=said.get("PRETTY_NAME", "this system"), family=family)


def podman(text: str) -> Podman | None:
    """``podman info --format json``; None for anything else."""
    try:
        said: Mapping[str, Any] = json.loads(text)
        host = said["host"]
        return Podman(
            version=tuple(int(number) for number in re.findall(r"\d+", said["version"]["Version"])[:3]),
            runtime=host["ociRuntime"]["name"],
            cgroups=host.get("cgroupVersion", "v1"),
            network=host.get("networkBackend", ""),
            storage=said["store"]["graphDriverName"],
        )
    except (ValueError, KeyError, TypeError):
        return None


def trial(printed: str) -> Trial:
    """What the trial container found: lines of ``name=value``."""
    said = dict(line.split("=", 1) for line in printed.splitlines() if "=" in line)
    return Trial(memory_limit=_number(said.get("memory", "")), open_files=_number(said.get("files", "")))


def listening_sockets(text: str) -> dict[int, set[str]]:
    """``/proc/net/tcp`` or ``tcp6``: port -> inodes of the sockets that listen there, on any address."""
    found: dict[int, set[str]] = {}
    for fields in map(str.split, text.splitlines()[1:]):
        if len(fields) > 9 and fields[3] == _LISTENING:
            found.setdefault(int(fields[1].rpartition(":")[2], 16), set()).add(fields[9])
    return found


def journal(files: Iterable[str]) -> JournalSettings:
    """The texts of journald's files, in the order in which they are read: the last that names a setting decides."""
    said: dict[str, str] = {}
    for text in files:
        for line in text.splitlines():
            name, is_set, value = line.strip().partition("=")
            if is_set and not name.startswith(("#", ";")):
                said[name.strip()] = value.strip()
    return JournalSettings(
        storage=said.get("Storage", "").lower(),
        max_use=said.get("SystemMaxUse", ""),
        max_age=said.get("MaxRetentionSec", ""),
        burst=said.get("RateLimitBurst", ""),
    )


def is_clock_kept(text: str) -> bool | None:
    """``timedatectl``: whether the clock follows time servers; None where it does not say."""
    match = re.search(r"^\s*(?:System clock|NTP) synchronized: (yes|no)", text, re.MULTILINE)
    return match[1] == "yes" if match else None


def memory(meminfo: str) -> tuple[int | None, int | None]:
    """``/proc/meminfo``: all, and what is available, in bytes."""
    said = {name: int(number) * 1024 for name, number in re.findall(r"^(\w+):\s+(\d+) kB$", meminfo, re.MULTILINE)}
    # kernels before 3.14 do not say what is available; what they could drop at once comes close
    rest = sum(said.get(name, 0) for name in ("MemFree", "Buffers", "Cached"))
    return said.get("MemTotal"), said.get("MemAvailable", rest or None)


def _number(text: str) -> int | None:
    """Whole numbers alone; ``max`` and ``unlimited`` are none."""
    return int(text) if text.isdigit() else None
