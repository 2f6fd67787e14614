"""Reserved disk space, which is released when the disk is full."""

from pathlib import Path

from pvdify.adapters.files.reserve import NAME, Reserve

MORE_THAN_ANY_DISK = 1 << 62


def test_the_reserve_is_allocated_and_released_once(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path, size=65536)

    reserve.make()
    taken = (tmp_path / NAME).stat()
    given_up = (reserve.release(), reserve.release())

    assert taken.st_blocks * 512 >= 65536
    assert given_up == (True, False)
    assert list(tmp_path.iterdir()) == []


def test_no_reserve_is_allocated_on_a_disk_that_is_nearly_full(tmp_path: Path) -> None:
    Reserve(tmp_path, size=MORE_THAN_ANY_DISK).make()

    assert list(tmp_path.iterdir()) == []


def test_the_reserve_is_allocated_again_after_a_release(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path, size=65536)
    reserve.make()
    reserve.release()

    reserve.make()

    assert (tmp_path / NAME).stat().st_size == 65536
