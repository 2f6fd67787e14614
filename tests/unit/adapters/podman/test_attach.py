"""The exit code of a command that is ended: podman that is ended itself exits with 0."""

import asyncio
from pathlib import Path

from pvdify.adapters.podman.attached.attach import AttachedPodman
from pvdify.adapters.subprocess.attached import attach


async def nothing() -> None:
    """Nothing runs in a container here."""


async def start(folder: Path, script: str) -> AttachedPodman:
    return AttachedPodman(await attach(("sh", "-c", script), directory=folder, terminal=None), nothing)


async def test_a_command_that_was_ended_is_no_success_also_if_podman_exits_with_0(tmp_path: Path) -> None:
    command = await start(tmp_path, "trap 'exit 0' TERM; echo up; while :; do sleep 0.02; done")
    await command.read()
    waiting = asyncio.create_task(command.wait())

    await command.end()

    assert await waiting != 0
    assert await command.wait() != 0


async def test_a_command_that_was_ended_keeps_its_own_failure(tmp_path: Path) -> None:
    command = await start(tmp_path, "trap 'exit 7' TERM; echo up; while :; do sleep 0.02; done")
    await command.read()

    await command.end()

    assert await command.wait() == 7


async def test_a_command_that_was_seen_to_succeed_stays_a_success(tmp_path: Path) -> None:
    command = await start(tmp_path, "true")
    before = await command.wait()

    await command.end()

    assert (before, await command.wait()) == (0, 0)
