"""The ``deploy_log`` port on files of one JSON object a line, ``logs/<app>/v<N>.deploy.jsonl``."""

import asyncio
import os
import shutil
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import structlog
from pydantic import TypeAdapter, ValidationError

from pvdify.model.deploy_log import LogEntry

log = structlog.get_logger()
_ENTRY = TypeAdapter(LogEntry)


class FileDeployLog:
    """Appends from one process; whoever waits is woken by the append itself."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._grown: defaultdict[Path, asyncio.Event] = defaultdict(asyncio.Event)

    async def append(self, app: str, release: int, entry: LogEntry) -> None:
        """See the port."""
        file = self._file(app, release)
        try:
            await asyncio.to_thread(_append, file, _ENTRY.dump_json(entry) + b"\n")
        except OSError as error:
            log.warning("deploy_log.lost", app=app, release=release, why=str(error))
        self.end(app, release)

    def end(self, app: str, release: int) -> None:
        """See the port."""
        self._grown.pop(self._file(app, release), asyncio.Event()).set()

    async def read(self, app: str, release: int, *, skip: int = 0) -> tuple[LogEntry, ...]:
        """See the port."""
        try:
            content = await asyncio.to_thread(self._file(app, release).read_bytes)
        except OSError:
            return ()
        return tuple(_parse(content)[skip:])

    def watch(self, app: str, release: int) -> asyncio.Event:
        """See the port."""
        return self._grown[self._file(app, release)]

    async def remove(self, app: str) -> None:
        """See the port."""
        await asyncio.to_thread(shutil.rmtree, self._directory / app, ignore_errors=True)

    def _file(self, app: str, release: int) -> Path:
        return self._directory / app / f"v{release}.deploy.jsonl"


def _append(file: Path, line: bytes) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)


def _parse(content: bytes) -> list[LogEntry]:
    """The entries; a last line that a power cut left half-written is not one."""
    entries = []
    for line in content.splitlines():
        with suppress(ValidationError):
            entries.append(_ENTRY.validate_json(line))
    return entries
