"""The ``deploy_log`` port on files with one JSON object per line: ``logs/<app>/v<N>.deploy.jsonl``."""

import asyncio
import shutil
from collections import defaultdict
from pathlib import Path

import structlog
from pydantic import TypeAdapter

from pvdify.adapters.files.line_files import LineFiles
from pvdify.model.deploy_log import LogEntry

log = structlog.get_logger()


class FileDeployLog:
    """Deploy logs in a directory. Only one process may append; ``append`` wakes the readers in that process."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files = LineFiles(TypeAdapter(LogEntry), "deploy_log.not_written")
        self._grown: defaultdict[Path, asyncio.Event] = defaultdict(asyncio.Event)

    async def append(self, app: str, release: int, *entries: LogEntry) -> None:
        await self._files.append(self._file(app, release), entries, app=app, release=release)
        self.end(app, release)

    def end(self, app: str, release: int) -> None:
        self._grown.pop(self._file(app, release), asyncio.Event()).set()

    async def read(self, app: str, release: int, *, skip: int = 0, most: int | None = None) -> tuple[LogEntry, ...]:
        return await self._files.read(self._file(app, release), skip=skip, most=most)

    def watch(self, app: str, release: int) -> asyncio.Event:
        return self._grown[self._file(app, release)]

    async def remove(self, app: str) -> None:
        await asyncio.to_thread(shutil.rmtree, self._directory / app, ignore_errors=True)
        self._files.forget(self._directory / app)

    async def rename(self, old: str, new: str) -> None:
        """Move the logs of deploys and jobs. Logs of instances stay, because their writers have the files open."""
        try:
            await asyncio.to_thread(_move_logs, self._directory / old, self._directory / new)
        except OSError as error:
            log.warning("deploy_log.not_moved", app=new, before=old, why=str(error))
        self._files.forget(self._directory / old)

    def _file(self, app: str, release: int) -> Path:
        return self._directory / app / f"v{release}.deploy.jsonl"


def _move_logs(old: Path, new: Path) -> None:
    moving = [*old.glob("v*.deploy.jsonl"), *old.glob("jobs/*/*.jsonl")]
    for file in moving:
        target = new / file.relative_to(old)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.replace(target)
