"""The ``volume_copies`` port: copies of podman volumes, while the containers that mount them are paused for a moment.

podman pauses a container with the kernel's freezer: its processes stop between two instructions and cannot detect it.
The files are then as after a power loss, which databases recover from. Connections wait meanwhile.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from itertools import count
from pathlib import Path

import structlog

from pvdify.adapters.podman import commands, refusals
from pvdify.adapters.podman.labels import volume_of
from pvdify.adapters.podman.volumes.tree_copy import TreeCopy
from pvdify.errors import BackupFailed, PvdifyError, RuntimeUnavailable, VolumeExists, storage_error
from pvdify.plumbing.command_runner import Argv, Completed
from pvdify.timing import BackOff

log = structlog.get_logger()
MOST_FROZEN = 10.0  # seconds; how long containers may be paused for a copy
PASSES = 3  # the most passes before the containers are paused
BACK_OFF = BackOff(first=1.0, longest=30.0)  # before another try to unpause
LITTLE = 64 * 1024 * 1024  # bytes; after a pass that copied no more, the containers are paused


class PodmanVolumeCopies:
    """Copies of one server's volumes.

    Args:
        run: runs podman to its end.
        server_id: in the labels of this server's volumes.
        binary: the podman command.
        mark: the file with the ids of the paused containers, so that a restarted pvdifyd can unpause them.
        back_off: before another try to unpause.
    """

    def __init__(
        self, *, run: Callable[[Argv], Awaitable[Completed]], server_id: str, binary: str, mark: Path,
        back_off: BackOff = BACK_OFF,
    ) -> None:  # fmt: skip
        self._run = run
        self._server = server_id
        self._podman = binary
        self._mark = mark
        self._back_off = back_off
        self._freezing = asyncio.Lock()  # there is one mark

    async def copy_out(
        self, id: str, into: Path, *, while_frozen: AbstractAsyncContextManager[None] | None
    ) -> float:  # fmt: skip
        copy = TreeCopy(source=await self._mountpoint(id), target=into)
        await self._pass(copy, id)
        if while_frozen is None or not await self._users(id):
            return 0.0
        for _ in range(PASSES - 1):
            if copy.copied <= LITTLE:
                break
            await self._pass(copy, id)
        async with while_frozen, self._freezing:
            return await self._pass_frozen(copy, id)

    async def copy_in(self, app: str, id: str, content: Path, *, runtime: str = "") -> None:
        """See the port. Runtimes on this machine share volumes."""
        del runtime
        await self._pass(TreeCopy(source=content, target=await self.new_directory(app, id)), id)

    async def directory(self, id: str) -> Path:
        """Return a volume's directory. Raises BackupFailed (there is no such volume), RuntimeUnavailable."""
        return await self._mountpoint(id)

    async def new_directory(self, app: str, id: str) -> Path:
        """Make a volume unless it is there, and return its directory. Raises VolumeExists if it has content.

        Raises RuntimeUnavailable.
        """
        if (await self._run(commands.is_volume_there(self._podman, self._server, id))).exit_code != 0:
            done = await self._run(commands.create_volume(self._podman, self._server, app, id))
            if done.exit_code != 0:
                raise refusals.unavailable(done)
        target = await self._mountpoint(id)
        if any(target.iterdir()):
            raise VolumeExists(
                f"the volume {id} was not restored", why="it exists and has content", next=f"`pvdify volumes {app}`"
            )
        return target

    async def flush(self, id: str) -> None:
        """Wait until the disk has all that was written to the volume. Raises BackupFailed, RuntimeUnavailable."""
        done = await self._run(("sync", "--file-system", str(await self._mountpoint(id))))
        if done.exit_code != 0:
            raise BackupFailed(
                f"the volume {id} was not copied", why=refusals.words_of(done.stderr),
                next="check the disk of the server (`df -h`)",
            )  # fmt: skip

    async def is_used(self, id: str) -> bool:
        """Return whether a running container mounts the volume. Raises RuntimeUnavailable."""
        return bool(await self._users(id))

    async def thaw(self) -> None:
        try:
            containers = self._mark.read_text(encoding="utf-8").split()
        except FileNotFoundError:
            return
        log.warning("backup.thawed", containers=containers, why="pvdify ended while they were paused for a backup")
        await self._unpause(containers)

    async def _pass_frozen(self, copy: TreeCopy, id: str) -> float:
        containers = await self._users(id)
        if not containers:
            await self._pass(copy, id)
            return 0.0
        with _copying(id):
            await asyncio.to_thread(self._write_mark, containers)
        begun = time.monotonic()
        try:
            await self._pause(containers, id)
            copy.deadline = time.monotonic() + MOST_FROZEN
            await self._pass(copy, id)
        finally:
            await asyncio.shield(self._unpause(containers))
        return time.monotonic() - begun

    async def _pass(self, copy: TreeCopy, id: str) -> None:
        try:
            with _copying(id):
                await asyncio.to_thread(copy.update)
        except TimeoutError as error:
            raise BackupFailed(
                f"the volume {id} was not copied as it is at one moment",
                why=f"its files change faster than they can be copied in {MOST_FROZEN:g} s, and the app must not stand "
                "still for longer",
                next="give the app a command that writes a copy into the volume: `backup: {before: CMD}` in pvdify.yml",
            ) from error

    def _write_mark(self, containers: list[str]) -> None:
        """Replace the mark. Raises OSError, and then there is none: nothing is paused yet."""
        try:
            self._mark.write_text("\n".join(containers), encoding="utf-8")
        except OSError:
            with suppress(OSError):
                self._mark.unlink()
            raise

    async def _pause(self, containers: list[str], id: str) -> None:
        done = await self._run((self._podman, "pause", *containers))
        if done.exit_code != 0 and await self._users(id, status="running"):
            raise BackupFailed(
                f"the volume {id} was not copied as it is at one moment",
                why=f"podman does not pause its containers: {refusals.words_of(done.stderr)}",
                next="give the app `backup: {before: CMD, after: CMD}` in pvdify.yml, or stop it for the backup",
            )

    async def _unpause(self, containers: list[str]) -> None:
        """Unpause these containers; try again until podman has done it, because they do not run until then."""
        for failures in count(1):
            why = await self._try_to_unpause(containers)
            if not why:
                break
            by_hand = f"podman unpause {' '.join(containers)}"
            log.error("backup.not_thawed", containers=containers, why=why, next=by_hand)
            await asyncio.sleep(self._back_off.pause(failures))
        self._mark.unlink(missing_ok=True)

    async def _try_to_unpause(self, containers: list[str]) -> str:
        """Unpause these containers; return why one of them is still paused, or ""."""
        calls = (self._run((self._podman, "unpause", container)) for container in containers)
        done = await asyncio.gather(*calls, return_exceptions=True)
        try:
            paused = await self._paused()
        except PvdifyError as error:
            return error.why or error.what
        if paused.isdisjoint(containers):
            return ""
        words = [str(it) if isinstance(it, BaseException) else refusals.words_of(it.stderr) for it in done]
        return "; ".join(dict.fromkeys(filter(None, words))) or "podman says that it has unpaused them"

    async def _users(self, id: str, status: str = "") -> list[str]:
        """Return the ids of the running containers that mount the volume; without paused ones if ``status`` is set."""
        volume = f"--filter=volume={volume_of(self._server, id)}"
        found = await self._run((self._podman, "ps", "--no-trunc", "--quiet", volume))
        if found.exit_code != 0:
            raise refusals.unavailable(found)
        paused = await self._paused()
        return [each for each in found.stdout.split() if not status or each not in paused]

    async def _paused(self) -> frozenset[str]:
        found = await self._run((self._podman, "ps", "--no-trunc", "--quiet", "--filter=status=paused"))
        if found.exit_code != 0:
            raise refusals.unavailable(found)
        return frozenset(found.stdout.split())

    async def _mountpoint(self, id: str) -> Path:
        done = await self._run(commands.ask_for_mountpoint(self._podman, volume_of(self._server, id)))
        if done.exit_code != 0 or not done.stdout.strip():
            raise BackupFailed(
                f"the volume {id} was not copied", why="podman does not have it",
                next="`pvdify volumes APP` shows the volumes of the app",
            )  # fmt: skip
        return Path(done.stdout.strip())


@contextmanager
def _copying(id: str) -> Iterator[None]:
    """Raise RuntimeUnavailable with the cause where the disk fails; a deadline that has passed stays TimeoutError."""
    try:
        yield
    except TimeoutError:
        raise
    except OSError as error:
        raise storage_error(
            RuntimeUnavailable, f"the volume {id} was not copied", error,
            next="check the disk of the server (`df -h`), then `pvdify backups:run`",
        ) from error  # fmt: skip
