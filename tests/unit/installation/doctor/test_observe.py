"""What programs answer: a podman that is missing, one that fails and one that hangs need different repairs."""

from pathlib import Path

from pvdify.adapters.subprocess.command_runner import SubprocessRunner
from pvdify.errors import RuntimeUnavailable
from pvdify.installation.doctor.observe import ask, ask_podman, package_refusal
from pvdify.installation.machine import Machine
from pvdify.plumbing.command_runner import Argv, Completed

MACHINE = Machine(runner=SubprocessRunner())


def test_a_podman_that_hangs_is_not_reported_as_missing(tmp_path: Path) -> None:
    found, refusal = ask_podman(MACHINE, program(tmp_path, "sleep 60"), within=0.2)

    assert found is None
    assert "did not answer within" in refusal


def test_a_podman_that_fails_is_reported_with_its_message(tmp_path: Path) -> None:
    _, refusal = ask_podman(MACHINE, program(tmp_path, "echo 'Error: no space left on device' >&2; exit 125"))

    assert "no space left on device" in refusal


def test_a_missing_podman_has_no_message(tmp_path: Path) -> None:
    assert ask_podman(MACHINE, str(tmp_path / "podman")) == (None, "")


def test_every_program_that_hangs_is_reported_as_such(tmp_path: Path) -> None:
    hanging = ask(MACHINE, (program(tmp_path, "sleep 60"), "--version"), within=0.2)

    assert not hanging.is_working
    assert "did not answer" in hanging.refusal
    assert not ask(MACHINE, (str(tmp_path / "skopeo"), "--version")).refusal


class Busy:
    """A machine on which nothing answers in time."""

    async def run(self, argv: Argv, **_: object) -> Completed:
        raise RuntimeUnavailable(f"{argv[0]} did not answer within 30 s")


def test_a_machine_that_is_too_busy_says_nothing_about_the_package() -> None:
    assert package_refusal(Machine(runner=Busy())) == ""  # type: ignore[arg-type]


def program(folder: Path, script: str) -> str:
    file = folder / "podman"
    file.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    file.chmod(0o755)
    return str(file)
