"""Types of the file systems that directories are on."""

import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
IN_MEMORY = frozenset({"tmpfs", "ramfs"})  # their content is never on a disk, except in swap
_OCTAL = re.compile(r"\\([0-7]{3})")


def kind_of(directory: Path, mounts: Path = MOUNTS) -> str:
    """Return the type of a directory's file system, such as ``ext4``; "" if the kernel does not list it.

    The directory need not exist.
    """
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    found: dict[Path, str] = {}
    for line in lines:
        before, _, after = line.partition(" - ")
        point = _OCTAL.sub(lambda code: chr(int(code[1], 8)), before.split()[4])
        found[Path(point)] = after.split()[0]  # a later mount hides an earlier one at the same place
    real = directory.resolve()
    return next((found[each] for each in (real, *real.parents) if each in found), "")
