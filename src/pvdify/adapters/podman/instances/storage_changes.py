"""The ``container_changes`` port: notices of the kernel about the directory in which podman keeps its containers.

podman makes one directory for each container that any program makes, and deletes it with the container. So no process
has to run, and none has to be started, while nothing changes. What this server itself makes and removes is told apart
by the instances' files.
"""

import asyncio
from pathlib import Path

import structlog

from pvdify.adapters.podman import commands
from pvdify.adapters.podman.calls import Calls
from pvdify.adapters.podman.instances.inotify import DirectoryNotices, Notice
from pvdify.errors import PvdifyError
from pvdify.ports.clock import Clock

log = structlog.get_logger()
SETTLES_IN = 1.0  # seconds from a notice until podman lists the container, and until this server has written its id
AGAIN_AFTER = 10.0  # seconds until a second report, for a container that podman listed late on a busy host
RETRY_PAUSE = 60.0  # seconds before the next try to watch the directory


class StorageChanges:
    """Reports containers that are made or removed by other programs than this pvdifyd.

    Args:
        calls: this server's use of podman.
        run_dir: contains the instances' directories, and in each the id of the instance's container.
        clock: the time.
    """

    def __init__(self, *, calls: Calls, run_dir: Path, clock: Clock) -> None:
        self._calls, self._clock = calls, clock
        self._instances = run_dir / "instances"
        self._notices: DirectoryNotices | None = None
        self._again_at: float | None = None

    @property
    def is_reporting(self) -> bool:
        return self._notices is not None

    async def wait(self) -> None:
        if self._notices is None:
            await self._begin()
            return
        while True:
            try:
                notices = await self._next(self._notices)
            except OSError as error:
                log.warning("containers.not_watched", why=error.strerror or str(error))
                self.close()
                return
            if any(notice.is_lost for notice in notices):
                self.close()
                return
            if not notices or await self._is_foreign(notices):
                return

    def close(self) -> None:
        """Stop the reports; the next ``wait`` begins anew."""
        if self._notices is not None:
            self._notices.close()
            self._notices = None

    async def _begin(self) -> None:
        """Watch the directory; while that is not possible, try again every ``RETRY_PAUSE`` seconds."""
        while True:
            try:
                self._notices = DirectoryNotices(await self._directory())
            except (OSError, PvdifyError) as error:
                log.warning("containers.not_watched", why=str(error))
                await self._clock.sleep(RETRY_PAUSE)
            else:
                return

    async def _directory(self) -> Path:
        done = await self._calls.run(commands.ask_for_containers(self._calls.podman))
        root, _, driver = done.stdout.strip().rpartition("\t")
        if done.exit_code != 0 or not root:
            raise OSError(f"podman does not say where its containers are: {done.stderr.strip()[:200]}")
        return Path(root) / f"{driver}-containers"

    async def _next(self, source: DirectoryNotices) -> tuple[Notice, ...]:
        """Return the notices of the next burst; an empty tuple when it is time for a second report."""
        if self._again_at is None:
            found = await source.next()
        else:
            try:
                async with asyncio.timeout(max(0.0, self._again_at - self._clock.monotonic())):
                    found = await source.next()
            except TimeoutError:
                self._again_at = None
                return ()
        return found

    async def _is_foreign(self, notices: tuple[Notice, ...]) -> bool:
        """Return whether another program made one of these containers, or removed one of this server's."""
        changed = {each.name: each.is_created for each in notices if each.is_directory}
        if not changed:
            return False
        await self._clock.sleep(SETTLES_IN)
        known = await asyncio.to_thread(self._known)
        is_made = any(is_created and name not in known for name, is_created in changed.items())
        if is_made:
            self._again_at = self._clock.monotonic() + AGAIN_AFTER
        return is_made or any(not is_created and name in known for name, is_created in changed.items())

    def _known(self) -> frozenset[str]:
        """Return the ids of the containers that this server has made and not removed."""
        found = set()
        for file in self._instances.glob("*/cid"):
            try:
                found.add(file.read_text(encoding="ascii", errors="replace").strip())
            except OSError:
                continue
        return frozenset(found)
