"""The ``job_log`` port on files with one JSON object per line: ``logs/<app>/jobs/<job>/<number>.jsonl``."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import TypeAdapter

from pvdify.adapters.files.line_files import LineFiles
from pvdify.model.instance import LogLine


class FileJobLog:
    """Logs of job runs in a directory. Only one process may append. ``FileDeployLog`` removes an app's directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files = LineFiles(TypeAdapter(LogLine), "job_log.not_written")

    async def append(self, app: str, job: str, number: int, lines: Sequence[LogLine]) -> None:
        await self._files.append(self._file(app, job, number), lines, app=app, job=job, run=number)

    async def read(self, app: str, job: str, number: int, *, skip: int = 0) -> tuple[LogLine, ...]:
        return await self._files.read(self._file(app, job, number), skip=skip)

    async def forget(self, app: str, job: str, number: int) -> None:
        await asyncio.to_thread(_delete_up_to, self._file(app, job, number).parent, number)

    def _file(self, app: str, job: str, number: int) -> Path:
        return self._directory / app / "jobs" / job / f"{number}.jsonl"


def _delete_up_to(directory: Path, number: int) -> None:
    for file in directory.glob("*.jsonl"):
        if file.stem.isdecimal() and int(file.stem) <= number:
            with suppress(OSError):
                file.unlink()
