"""The ``volumes`` port: named podman volumes, which podman fills from the image when they are first mounted.

podman gives a new volume the content, owner and mode of the image's directory. If the image has no such directory, the
container's user is the owner. For a container with a user namespace, podman before 5.1 gives it the wrong owners. So a
container without one, whose program never starts, is the first to mount it.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Protocol

from pvdify.adapters.podman import commands, parse, refusals
from pvdify.adapters.podman.labels import filler_of, volume_of
from pvdify.adapters.podman.reading import read
from pvdify.errors import VolumeInUse, VolumeNotCopied
from pvdify.model.instance import InstanceSpec
from pvdify.plumbing.command_runner import Argv, Completed

COUNT_SECONDS = 20.0  # the longest counting a volume may take
COPY_SECONDS = 3 * 3600.0  # the longest copying a volume may take
MISSING, IN_USE = 1, 2  # exit codes of `podman volume rm`


class Run(Protocol):
    """A function that runs a program to its end."""

    def __call__(self, argv: Argv, *, timeout: float = ...) -> Awaitable[Completed]:
        """Raises RuntimeUnavailable."""
        ...


class PodmanVolumes:
    """One server's volumes in podman's storage. They are named by their ids, so a new name of the app changes nothing.

    Args:
        run: runs podman to its end.
        server_id: in the labels of this server's volumes.
        binary: the podman command.
        has_user_namespaces: containers have them.
    """

    def __init__(self, *, run: Run, server_id: str, binary: str, has_user_namespaces: bool = False) -> None:
        self._has_user_namespaces = has_user_namespaces
        self._filling = asyncio.Lock()
        self._run = run
        self._server = server_id
        self._podman = binary
        self._made: set[str] = set()

    async def ensure(self, spec: InstanceSpec) -> None:
        """Make the volumes that this container mounts and that are missing. Raises RuntimeUnavailable."""
        wanted = {mount.volume for mount in spec.mounts if mount.volume is not None}
        for id in sorted(wanted - self._made):
            if not await self._is_there(id):
                done = await self._run(commands.create_volume(self._podman, self._server, spec.app, id))
                if done.exit_code != 0 and not await self._is_there(id):
                    raise refusals.unavailable(done)
        if self._has_user_namespaces and wanted - self._made:
            async with self._filling:
                await self._fill(spec, wanted - self._made)
        self._made |= wanted

    async def _fill(self, spec: InstanceSpec, ids: set[str]) -> None:
        """Fill those of these volumes that no container has mounted yet from the image. Raises RuntimeUnavailable."""
        untouched = {id for id in ids if await self._is_untouched(id)}
        mounts = tuple(mount for mount in spec.mounts if mount.volume in untouched)
        if not mounts:
            return
        await self._remove_filler()  # one that an earlier pvdifyd left
        try:
            done = await self._run(commands.create_filler(self._podman, spec, self._server, mounts))
            if done.exit_code == 0:
                # The program of the image may be missing, which fails after the volumes were filled.
                done = await self._run(commands.initialize_container(self._podman, filler_of(self._server)))
        finally:
            await self._remove_filler()
        if done.exit_code != 0 and any([await self._is_untouched(id) for id in sorted(untouched)]):
            raise refusals.unavailable(done)

    async def _remove_filler(self) -> None:
        await self._run(commands.remove_container(self._podman, filler_of(self._server)))

    async def _is_untouched(self, id: str) -> bool:
        done = await self._run(commands.ask_if_untouched(self._podman, self._server, id))
        if done.exit_code != 0:
            raise refusals.unavailable(done)
        return done.stdout.strip() == "true"

    async def survives_rename(self, id: str) -> bool:  # noqa: ARG002 - see the port
        return True

    async def find(self) -> Mapping[str, str]:
        done = await self._run(commands.list_volumes(self._podman, self._server))
        if done.exit_code != 0:
            raise refusals.unavailable(done)
        return await read(done.stdout, lambda text: parse.volumes(text, self._server))

    async def size(self, id: str) -> int | None:
        """See the port. Counts with ``du``, because podman counts all volumes or none."""
        done = await self._run(commands.ask_for_mountpoint(self._podman, volume_of(self._server, id)))
        if done.exit_code != 0:
            return None
        try:
            async with asyncio.timeout(COUNT_SECONDS):
                counted = await self._run(commands.count_bytes(done.stdout.strip()))
        except TimeoutError:
            return None
        first = counted.stdout.split("\t", 1)[0]
        return int(first) if first.isdigit() else None

    async def copy(self, source: str, target: str, app: str) -> None:
        if await self._is_there(target):
            await self.remove(target)
        made = await self._run(commands.create_volume(self._podman, self._server, app, target))
        if made.exit_code != 0:
            raise refusals.unavailable(made)
        places = [
            await self._run(commands.ask_for_mountpoint(self._podman, volume_of(self._server, id)))
            for id in (source, target)
        ]
        if failed := next((done for done in places if done.exit_code != 0), None):
            raise refusals.unavailable(failed)
        argv = commands.copy_directory(places[0].stdout.strip(), places[1].stdout.strip())
        done = await self._run(argv, timeout=COPY_SECONDS)
        if done.exit_code != 0:
            raise VolumeNotCopied(
                f"the volume {source} was not copied",
                why=refusals.words_of(done.stderr),
                next="`df` on the server shows whether there is room for a copy",
            )

    async def remove(self, id: str) -> None:
        self._made.discard(id)
        argv = commands.remove_volume(self._podman, volume_of(self._server, id))
        done = await self._run(argv)
        if done.exit_code == IN_USE:
            async with self._filling:
                await self._remove_filler()  # one that an earlier pvdifyd left
            done = await self._run(argv)
        if done.exit_code in (0, MISSING):
            return
        if done.exit_code == IN_USE:
            raise VolumeInUse(
                f"the volume {id} was not removed",
                why="a container still mounts it",
                next="`pvdify ps` shows what runs",
            )
        raise refusals.unavailable(done)

    async def _is_there(self, id: str) -> bool:
        return (await self._run(commands.is_volume_there(self._podman, self._server, id))).exit_code == 0
