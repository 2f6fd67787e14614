"""A root file system without an image, for containers that try what this machine can do: its own programs, mounted."""

import os
from collections.abc import Iterator
from pathlib import Path

_FOLDERS = ("usr", "bin", "sbin", "lib", "lib64")


def link_programs(rootfs: Path) -> Iterator[str]:
    """Copy the machine's symbolic links (``/bin`` to ``usr/bin``) into ``rootfs``, and make mount points.

    Yield the folders of the machine that have to be mounted. Raises OSError.
    """
    for name in _FOLDERS:
        here = Path("/", name)
        if here.is_symlink():
            (rootfs / name).symlink_to(os.readlink(here))  # noqa: PTH115 - keeps the target relative
        elif here.is_dir():
            (rootfs / name).mkdir()
            yield name
