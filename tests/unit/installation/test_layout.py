from pathlib import Path

from pvdify.installation.layout import closed_above


def test_the_topmost_directory_closed_to_others_is_found(tmp_path: Path) -> None:
    program = tmp_path / "private" / "venv" / "haproxy"
    program.parent.mkdir(parents=True)
    (tmp_path / "private").chmod(0o700)
    (tmp_path / "private" / "venv").chmod(0o700)
    outer = closed_above(tmp_path / "haproxy")

    assert closed_above(program) == (outer or tmp_path / "private")


def test_most_programs_can_be_reached_by_all() -> None:
    assert closed_above(Path("/bin/true")) is None
