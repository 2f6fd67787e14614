"""The ``inside`` port on podman: ``podman exec``, and connections into a container's network."""

import asyncio
import os
import shutil
import signal
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

from pvdify.adapters.podman import commands
from pvdify.adapters.podman.attached import relay
from pvdify.adapters.podman.attached.attach import Attach, AttachedPodman
from pvdify.adapters.podman.calls import Calls
from pvdify.adapters.podman.instances import launch
from pvdify.adapters.podman.instances.instance_dir import InstanceDir, writing_files
from pvdify.adapters.podman.instances.launcher import remove_entrance, write_entrance
from pvdify.errors import NothingRuns
from pvdify.model.one_off import TerminalSize
from pvdify.ports.attached import Attached

HANG_UP_SECONDS = 2.0  # between SIGHUP and SIGKILL for the processes of a command
REPORT_SECONDS = 1.0  # after the end of a command until podman has exited with its exit code


class PodmanInside:
    """Commands and connections inside running containers.

    A command gets the config vars that its instance was started with. They come from tmpfs; podman never sees them.

    Args:
        calls: this server's use of podman.
        attach: starts programs.
        run_dir: on tmpfs; contains the instances' directories.
    """

    def __init__(self, *, calls: Calls, attach: Attach, run_dir: Path) -> None:
        self._calls = calls
        self._attach = attach
        self._instances = run_dir / "instances"

    async def enter(
        self, instance: str, number: int, command: str | tuple[str, ...], terminal: TerminalSize | None
    ) -> Attached:
        files = self._running(instance)
        place, launcher = files.path / f"exec-{number}", await self._calls.launcher()
        try:
            with writing_files(instance):
                place.mkdir(mode=0o700)
                (place / launch.ENVIRONMENT).symlink_to(files.environment_file)
                entrance = write_entrance(launcher, place, number)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        argv = commands.exec_attached(
            self._calls.podman, entrance, files.container_id or "", command, is_on_terminal=terminal is not None
        )
        try:
            process = await self._attach(argv, directory=place, terminal=terminal)
        except BaseException:
            _clear(place, entrance)
            raise
        return AttachedPodman(process, partial(_end_command, place, files, process), partial(_clear, place, entrance))

    async def connect(self, instance: str, port: int) -> Attached:
        files = self._running(instance)
        argv = (sys.executable, "-IS", relay.__file__, str(files.pid), str(port))
        return await self._attach(argv, directory=files.path, terminal=None)

    def _running(self, instance: str) -> InstanceDir:
        files = InstanceDir(self._instances / instance)
        if not files.is_running:
            raise NothingRuns(f"{instance} does not run any more", next="`pvdify ps` shows what runs")
        return files


async def _end_command(place: Path, files: InstanceDir, podman: Attached) -> None:
    """End the command in the container, and let podman report how it ended.

    podman that is ended itself would leave the command running, and exit with 0. At the first look podman may be
    starting the command.
    """
    for _ in range(2):
        await _hang_up(place, files)
        with suppress(TimeoutError):
            async with asyncio.timeout(REPORT_SECONDS):
                await podman.wait()
                return


async def _hang_up(place: Path, files: InstanceDir) -> None:
    """End the command's processes in the container."""
    pid = launch.pid_of_command(str(place))
    if pid is None or not _is_inside(pid, files.pid):
        return
    for number, pause in ((signal.SIGHUP, HANG_UP_SECONDS), (signal.SIGKILL, 0.0)):
        with suppress(ProcessLookupError):
            os.killpg(pid, number)  # the OCI runtime starts the command as leader of a session
        for _ in range(int(pause / 0.1)):
            if not _is_inside(pid, files.pid):
                return
            await asyncio.sleep(0.1)


def _is_inside(pid: int, container: int | None) -> bool:
    """Return whether the process is in the container's pid namespace; the kernel may have reused the pid."""
    try:
        return Path(f"/proc/{pid}/ns/pid").readlink() == Path(f"/proc/{container}/ns/pid").readlink()
    except OSError:
        return False


def _clear(place: Path, entrance: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    remove_entrance(entrance)
