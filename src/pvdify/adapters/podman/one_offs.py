"""The ``one_offs`` port on podman: ``podman run`` in the foreground, with us at its ends."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from pvdify.adapters.podman import commands
from pvdify.adapters.podman.calls import Calls
from pvdify.adapters.podman.instance_dir import InstanceDir
from pvdify.model.instance import InstanceSpec
from pvdify.model.one_off import Output, TerminalSize
from pvdify.ports.attached import Attached
from pvdify.ports.command_runner import Argv


class Attach(Protocol):
    """Starts a program with us at its ends."""

    def __call__(self, argv: Argv, *, directory: Path, terminal: TerminalSize | None) -> Awaitable[Attached]:
        """Raises RuntimeUnavailable when it is not installed."""
        ...


class PodmanOneOffs:
    """Config vars reach the container as those of every other one do: from tmpfs, unseen by podman.

    Args:
        calls: this server's use of podman.
        attach: starts podman.
        run_dir: on tmpfs.
    """

    def __init__(self, *, calls: Calls, attach: Attach, run_dir: Path) -> None:
        self._calls = calls
        self._attach = attach
        self._instances = run_dir / "instances"

    async def start(self, spec: InstanceSpec, terminal: TerminalSize | None) -> Attached:
        """See the port."""
        files, calls = InstanceDir(self._instances / spec.name), self._calls
        await calls.networks.ensure(spec.app, is_certain=True)
        files.write(spec.environment)
        files.forget_container()
        place = commands.Placement(
            container_name=spec.name,
            conmon=await calls.launcher(),
            cid_file=files.cid_file,
            pid_file=files.pid_file,
            conmon_pid_file=files.conmon_pid_file,
            log_file=None,
        )
        argv = commands.run_attached(
            calls.podman, spec, calls.server, place, has_init=await calls.needs_init(spec),
            is_on_terminal=terminal is not None,
        )  # fmt: skip
        files.unlock()  # for as long as it runs: this container is started once, by us, and goes when it has ended
        process = await self._attach(argv, directory=files.path, terminal=terminal)
        return _OneOff(process, self._remover(files))

    def _remover(self, files: InstanceDir) -> Callable[[], Awaitable[None]]:
        async def remove() -> None:
            container = files.container_id
            if container is not None:
                await self._calls.remove(container)
            files.remove()

        return remove


class _OneOff:
    """The attached podman, and what it made."""

    def __init__(self, process: Attached, remove: Callable[[], Awaitable[None]]) -> None:
        self._process = process
        self._remove = remove

    async def read(self) -> Output | None:
        """See the port."""
        return await self._process.read()

    async def write(self, data: bytes) -> None:
        """See the port."""
        await self._process.write(data)

    async def close_input(self) -> None:
        """See the port."""
        await self._process.close_input()

    def resize(self, size: TerminalSize) -> None:
        """See the port."""
        self._process.resize(size)

    async def wait(self) -> int:
        """See the port: podman passes on how the command ended."""
        return await self._process.wait()

    async def end(self) -> None:
        """See the port."""
        try:
            await self._remove()
        finally:
            await self._process.end()
