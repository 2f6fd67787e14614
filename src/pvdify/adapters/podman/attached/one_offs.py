"""The ``one_offs`` port on podman: ``podman run`` in the foreground, attached to the client."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from pvdify.adapters.podman import commands
from pvdify.adapters.podman.attached.attach import Attach, AttachedPodman
from pvdify.adapters.podman.calls import Calls
from pvdify.adapters.podman.instances.instance_dir import InstanceDir, writing_files
from pvdify.model.instance import InstanceSpec
from pvdify.model.one_off import TerminalSize
from pvdify.ports.attached import Attached


class PodmanOneOffs:
    """A starter of attached one-off containers. They get config vars as instances do: from tmpfs, not from podman.

    Args:
        calls: this server's use of podman.
        attach: starts podman.
        run_dir: on tmpfs; contains the instances' directories.
    """

    def __init__(self, *, calls: Calls, attach: Attach, run_dir: Path) -> None:
        self._calls = calls
        self._attach = attach
        self._instances = run_dir / "instances"

    async def start(self, spec: InstanceSpec, terminal: TerminalSize | None) -> Attached:
        files, calls = InstanceDir(self._instances / spec.name), self._calls
        await calls.networks.ensure_for(spec, is_certain=True)
        await calls.volumes.ensure(spec)
        with writing_files(spec.name):
            files.write(spec.environment)
        files.forget_container()
        place = commands.Placement(
            database=calls.database.id,
            first_user=await calls.first_user_of(spec.app),
            storage=calls.storage,
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
        files.unlock()  # until the end: this container is started only once, and podman removes it when it has ended
        process = await self._attach(argv, directory=files.path, terminal=terminal)
        return AttachedPodman(process, self._remover(files, spec.stop_timeout))

    def _remover(self, files: InstanceDir, grace: float) -> Callable[[], Awaitable[None]]:
        async def remove() -> None:
            container = files.container_id
            if container is not None:
                await self._calls.end_processes(files, grace)
                await self._calls.remove(container)
            files.remove()

        return remove
