"""The ``inspector`` port, on the kernel's files about a container's main process."""

from pathlib import Path

from pvdify.adapters.podman.calls import Calls
from pvdify.adapters.podman.instances import sockets
from pvdify.adapters.podman.instances.instance_dir import InstanceDir
from pvdify.adapters.podman.instances.usage import read_usage
from pvdify.model.instance import Listener, Usage


class PodmanInspector:
    """A reader of usage and listening sockets. Asks podman for the main process only if the instance's files lack it.

    Args:
        calls: this server's use of podman.
        run_dir: on tmpfs; contains the instances' directories.
    """

    def __init__(self, *, calls: Calls, run_dir: Path) -> None:
        self._calls = calls
        self._instances = run_dir / "instances"

    async def usage(self, name: str) -> Usage | None:
        files = InstanceDir(self._instances / name)
        return read_usage(files.pid) if files.is_running and files.pid is not None else None

    async def listeners(self, name: str) -> tuple[Listener, ...]:
        files = InstanceDir(self._instances / name)
        if files.is_running and files.pid is not None:
            return sockets.read_listeners(files.pid)
        container = files.container_id or await self._calls.look_up(name)
        known = await self._calls.inspect(container) if container else None
        return sockets.read_listeners(known.pid) if known and known.pid else ()
