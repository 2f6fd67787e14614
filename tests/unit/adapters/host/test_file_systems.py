from pathlib import Path

import pytest

from pvdify.adapters.host.file_systems import kind_of

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
25 22 0:23 / /run rw,nosuid shared:2 - tmpfs tmpfs rw,size=800M
31 25 8:2 / /run/pvdify/on\\040disk rw - xfs /dev/sdb rw
32 22 0:40 / /srv rw - tmpfs tmpfs rw
33 22 8:3 / /srv rw - btrfs /dev/sdc rw
"""


@pytest.mark.parametrize(
    ("directory", "expected"),
    [
        ("/run/pvdify", "tmpfs"),
        ("/run/pvdify/on disk/deep", "xfs"),
        ("/running", "ext4"),
        ("/srv/pvdify", "btrfs"),  # what was mounted there last
    ],
)
def test_the_nearest_mount_above_a_directory_counts(tmp_path: Path, directory: str, expected: str) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)

    assert kind_of(Path(directory), mounts) == expected


def test_without_the_kernels_mount_list_the_file_system_is_unknown(tmp_path: Path) -> None:
    assert kind_of(Path("/run"), tmp_path / "missing") == ""
