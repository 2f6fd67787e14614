"""Parsers of system files and of program output. No I/O."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pvdify.installation.doctor.facts import Distribution, JournalSettings, Podman, Trial

_FAMILIES = {"debian": "debian", "ubuntu": "debian", "rhel": "rhel", "fedora": "rhel", "centos": "rhel"}
_LISTENING = "0A"


def distribution(os_release: str) -> Distribution:
    """Parse ``/etc/os-release``."""
    said = {name: value.strip("\"'") for name, _, value in (line.partition("=") for line in os_release.splitlines())}
    kinds = (said.get("ID", ""), *said.get("ID_LIKE", "").split())
    family = next((_FAMILIES[kind] for kind in kinds if kind in _FAMILIES), "")
    return Distribution(name=said.get("PRETTY_NAME", "this system"), family=family)


def podman(text: str) -> Podman | None:
    """Parse the output of ``podman info --format json``; return None for any other text."""
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
    """Parse the output of the trial container: lines ``name=value``."""
    said = dict(line.split("=", 1) for line in printed.splitlines() if "=" in line)
    return Trial(memory_limit=_number(said.get("memory", "")), open_files=_number(said.get("files", "")))


def listening_sockets(text: str) -> dict[int, set[str]]:
    """Parse ``/proc/net/tcp`` or ``tcp6``. Return port -> inodes of the sockets that listen there, on any address."""
    found: dict[int, set[str]] = {}
    for fields in map(str.split, text.splitlines()[1:]):
        if len(fields) > 9 and fields[3] == _LISTENING:
            found.setdefault(int(fields[1].rpartition(":")[2], 16), set()).add(fields[9])
    return found


def journal(files: Iterable[str]) -> JournalSettings:
    """Parse journald's files, in the order in which journald reads them: the last value of a setting applies."""
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
    """Return whether the clock follows time servers, according to ``timedatectl``; None if the output has no answer."""
    match = re.search(r"^\s*(?:System clock|NTP) synchronized: (yes|no)", text, re.MULTILINE)
    return match[1] == "yes" if match else None


def memory(meminfo: str) -> tuple[int | None, int | None]:
    """Parse ``/proc/meminfo``. Return total and available memory, in bytes."""
    said = {name: int(number) * 1024 for name, number in re.findall(r"^(\w+):\s+(\d+) kB$", meminfo, re.MULTILINE)}
    # Kernels before 3.14 have no MemAvailable; free memory plus caches is close to it.
    rest = sum(said.get(name, 0) for name in ("MemFree", "Buffers", "Cached"))
    return said.get("MemTotal"), said.get("MemAvailable", rest or None)


def _number(text: str) -> int | None:
    """Return the whole number in the text; None for any other text, such as ``max`` or ``unlimited``."""
    return int(text) if text.isdigit() else None
