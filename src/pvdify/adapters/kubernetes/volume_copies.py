"""The ``volume_copies`` port on a cluster: a helper pod mounts the volume, and tar runs at both ends of kubectl.

Nothing can be paused in a cluster, so a volume that is in use is copied only if the app's own commands have made its
files consistent. Kept are owners by number, modes, times in seconds, links; not extended attributes and holes.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import structlog

from pvdify.adapters.kubernetes import archive, manifests
from pvdify.adapters.kubernetes.cluster import Cluster, Refused
from pvdify.adapters.kubernetes.helper_pods import CONTAINER, HelperFailed, HelperPods
from pvdify.adapters.kubernetes.kubectl import Kubectl
from pvdify.adapters.kubernetes.manifests import Storage
from pvdify.adapters.kubernetes.names import INCOMPLETE, Scope, object_name
from pvdify.adapters.kubernetes.namespaces import Namespaces
from pvdify.adapters.kubernetes.volumes import ClusterVolumes
from pvdify.errors import BackupFailed, RuntimeUnavailable, VolumeExists, storage_error
from pvdify.plumbing.command_runner import Argv, CommandRunner, Completed

log = structlog.get_logger()
STALLED_SECONDS = 180.0  # without a byte in either direction
SPARE = 64 * 1024 * 1024  # bytes that a new claim has beyond a quarter more than its files take
LONGEST_WHY = 300  # characters of a program's words that an error quotes


class ClusterVolumeCopies:
    """Copies of one server's volumes in the cluster.

    Args:
        cluster: the API server.
        scope: this server's share of the cluster.
        namespaces: the namespaces of apps.
        volumes: the claims.
        storage: how claims are made; one for a restored volume is larger if its files need more.
        helpers: the pods that mount volumes.
        kubectl: builds the commands that run in them.
        runner: runs kubectl and tar.
    """

    def __init__(
        self, *, cluster: Cluster, scope: Scope, namespaces: Namespaces, volumes: ClusterVolumes, storage: Storage,
        helpers: HelperPods, kubectl: Kubectl, runner: CommandRunner,
    ) -> None:  # fmt: skip
        self._cluster, self._scope, self._namespaces, self._volumes = cluster, scope, namespaces, volumes
        self._storage, self._helpers, self._kubectl, self._runner = storage, helpers, kubectl, runner

    async def copy_out(
        self, id: str, into: Path, *, while_frozen: AbstractAsyncContextManager[None] | None
    ) -> float:  # fmt: skip
        """See the port. Nothing starts while a volume that is not in use is copied; a used one is refused."""
        app = (await self._volumes.find()).get(id)
        if app is None:
            raise BackupFailed(
                f"the volume {id} was not copied", why="the cluster does not have it",
                next="`pvdify volumes APP` shows the volumes of the app",
            )  # fmt: skip
        if while_frozen is None:
            await self._fetch(app, id, into, await self._volumes.node_of(id) or "")
            return 0.0
        async with while_frozen:
            if await self._volumes.is_in_use(id):
                raise _in_use(id)
            await self._fetch(app, id, into, "")
        return 0.0

    async def copy_in(self, app: str, id: str, content: Path, *, runtime: str = "") -> None:
        """See the port. Until all files are there, the claim has a mark with which no instance starts."""
        del runtime
        path = self._scope.path(app, "persistentvolumeclaims", object_name(id))
        is_new = await self._bring_claim(app, id, path, content)
        async with self._helper(app, id, await self._volumes.node_of(id) or "") as (namespace, pod):
            if not is_new:
                await self._check_empty(id, namespace, pod)
                await self._cluster.merge(path, {"metadata": {"annotations": {INCOMPLETE: "1"}}})
            await self._send(id, namespace, pod, content)
        if await self._cluster.merge(path, {"metadata": {"annotations": {INCOMPLETE: None}}}) is None:
            raise _failed(id, "its claim was deleted meanwhile")

    async def discard(self, id: str) -> None:
        """Remove a volume and the helpers that mount it. Absent is fine. Raises VolumeInUse, RuntimeUnavailable."""
        await self._helpers.clear(id)
        await self._volumes.discard(id)

    async def thaw(self) -> None:
        """See the port. Nothing is ever paused; helpers that were left are removed."""
        try:
            await self._helpers.clear()
        except RuntimeUnavailable as error:  # what is left ends by its own deadline
            log.warning("volume_copies.helpers_not_removed", why=error.why or error.what)

    async def _bring_claim(self, app: str, id: str, path: str, content: Path) -> bool:
        """Make the claim, with its mark, unless it is there; return whether it was made. An incomplete one is replaced.

        Raises RuntimeUnavailable, VolumeInUse.
        """
        self._namespaces.forget(app)  # it may have been deleted since: another object deletes namespaces
        await self._namespaces.ensure(app)
        there = await self._cluster.get(path)
        if there is not None and manifests.is_incomplete(there):
            await self._helpers.clear(id)
            await self._volumes.remove(id)
        elif there is not None:
            return False
        needed = await asyncio.to_thread(_bytes_in, content)
        storage = replace(self._storage, size=max(self._storage.size, needed + needed // 4 + SPARE))
        document = manifests.claim(self._scope, app, id, storage)
        document["metadata"]["annotations"][INCOMPLETE] = "1"
        try:
            await self._cluster.create(self._scope.path(app, "persistentvolumeclaims"), document)
        except Refused as refused:
            raise _failed(id, refused.message) from refused
        return True

    async def _check_empty(self, id: str, namespace: str, pod: str) -> None:
        async with self._runner.pipe(self._inside(namespace, pod, archive.IS_EMPTY)) as checking:
            done = await checking.wait()
        if done.exit_code == archive.HAS_CONTENT:
            raise VolumeExists(
                f"the volume {id} was not restored", why="it is there, and has content", next="`pvdify volumes APP`"
            )
        if done.exit_code != 0:
            raise _failed(id, _words(done))

    async def _fetch(self, app: str, id: str, into: Path, node: str) -> None:
        try:
            await asyncio.to_thread(into.mkdir, mode=0o700, exist_ok=True)
        except OSError as error:
            raise storage_error(
                RuntimeUnavailable, f"the volume {id} was not copied", error,
                next="check the disk of the server (`df -h`), then `pvdify backups:run`",
            ) from error  # fmt: skip
        async with self._helper(app, id, node) as (namespace, pod):
            read, unpack = self._inside(namespace, pod, archive.READ), archive.unpack(into)
            ending = archive.Ending()
            async with (
                _moving(id) as has_moved, self._runner.pipe(read) as source, self._runner.pipe(unpack) as target,
            ):  # fmt: skip
                async for piece in source.output():
                    has_moved()
                    if not await target.write(ending.take(piece)):
                        break
                await target.close_input()
                if (unpacked := await target.wait()).exit_code != 0:
                    raise _failed(id, f"tar on this machine: {_words(unpacked)}")
                done = await source.wait()
        if ending.code != 0 or done.exit_code != 0:
            cut = "" if ending.code is not None else "the stream from the cluster ended too early; "
            raise _failed(id, f"{cut}{_words(done)}")

    async def _send(self, id: str, namespace: str, pod: str, content: Path) -> None:
        write = self._inside(namespace, pod, archive.WRITE, has_input=True)
        async with (
            _moving(id) as has_moved, self._runner.pipe(archive.pack(content)) as source,
            self._runner.pipe(write) as target,
        ):  # fmt: skip
            async for piece in source.output():
                has_moved()
                if not await target.write(piece):
                    break
            else:
                if (packed := await source.wait()).exit_code != 0:
                    raise _failed(id, f"tar on this machine: {_words(packed)}")
            await target.close_input()
            said = b"".join([piece async for piece in target.output()])
            done = await target.wait()
        if done.exit_code != 0 or archive.COMPLETE not in said:
            raise _failed(id, _words(done))

    @asynccontextmanager
    async def _helper(self, app: str, id: str, node: str) -> AsyncIterator[tuple[str, str]]:
        """Yield the namespace and the name of a pod that has the volume mounted. Raises BackupFailed."""
        try:
            async with self._helpers.open(app, id, node) as pod:
                yield self._scope.namespace(app), pod
        except HelperFailed as error:
            raise _failed(id, str(error)) from error

    def _inside(self, namespace: str, pod: str, script: str, *, has_input: bool = False) -> Argv:
        return self._kubectl.script(namespace, pod, CONTAINER, script, has_input=has_input)


@asynccontextmanager
async def _moving(id: str) -> AsyncIterator[Callable[[], None]]:
    """Yield a function to call for each piece. Without a call for ``STALLED_SECONDS``, raises BackupFailed."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(STALLED_SECONDS) as limit:
            yield lambda: limit.reschedule(loop.time() + STALLED_SECONDS)
    except TimeoutError as error:
        raise _failed(id, f"nothing was transferred for {STALLED_SECONDS:g} s") from error


def _bytes_in(directory: Path) -> int:
    return sum(path.lstat().st_size for path in directory.rglob("*"))


def _words(done: Completed) -> str:
    said = done.stderr.strip()[-LONGEST_WHY:]
    return f"{said} (exit code {done.exit_code})" if said else f"exit code {done.exit_code}"


def _failed(id: str, why: str) -> BackupFailed:
    return BackupFailed(
        f"the files of the volume {id} were not copied", why=why,
        next="`kubectl get events` in the app's namespace shows more; then try again",
    )  # fmt: skip


def _in_use(id: str) -> BackupFailed:
    return BackupFailed(
        f"the volume {id} was not copied as it is at one moment",
        why="an instance in the cluster uses it, and nothing can be paused there",
        next="give the app a command that writes a consistent copy into the volume: `backup: {before: CMD}` in "
        "pvdify.yml, or stop the app for the backup",
    )
