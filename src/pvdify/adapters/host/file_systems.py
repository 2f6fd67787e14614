"""Which kind of file system a directory is on."""

import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
IN_MEMORY = frozenset({"tmpfs", "ramfs"})  # nothing written there reaches a disk, swap aside
_OCTAL = re.compile(r"\\([0-7]{3})")


def kind_of(directory: Path, mounts: Path = MOUNTS) -> str:
    """Return its name, like ``ext4``, also for a directory that is missing yet; empty if the kernel does not say."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    found: dict[Path, str] = {}
    for line in lines:
        before, _, after = line.partition(" - ")
        point = _OCTAL.sub(lambda code: chr(int(code[1], 8)), before.split()[4])
        found[Path(point)] = after.split()[0]  # of several at one place, the last one is seen
    real = directory.resolve()
    return next((found[each] for each in (real, *real.parents) if each in found), "")
