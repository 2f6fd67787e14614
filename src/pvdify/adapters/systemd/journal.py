"""What instances wrote, read from the journal by the tag that their lines have."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from pvdify.adapters.systemd import commands, parse
from pvdify.adapters.systemd.parse import Entry
from pvdify.adapters.systemd.systemctl import Systemctl, refused
from pvdify.model.instance import LogLine
from pvdify.model.names import app_of_instance, place_of_instance
from pvdify.ports.clock import Clock
from pvdify.ports.command_runner import CommandRunner
from pvdify.ports.supervisor import LONGEST_LINE

PAUSE = 0.5  # before the journal is followed anew
FORGOTTEN = "forgotten"


class Journal:
    """The journal keeps lines after their container is gone, and over reboots where it is persistent.

    Args:
        runner: starts journalctl.
        systemctl: knows systemd's version.
        server_id: part of each tag, since two servers on one machine may give an instance the same name.
        log_dir: keeps when an app's logs were forgotten, ``<app>/forgotten``.
        clock: time.
    """

    def __init__(
        self, *, runner: CommandRunner, systemctl: Systemctl, server_id: str, log_dir: Path, clock: Clock
    ) -> None:
        self._runner = runner
        self._systemctl = systemctl
        self._server = server_id
        self._log_dir = log_dir
        self._clock = clock

    async def writers(self, app: str) -> tuple[str, ...]:
        """The app's instances of which the journal has lines. Raises RuntimeUnavailable."""
        done = await self._runner.run(commands.list_tags())
        if done.exit_code != 0 and done.stderr.strip():
            raise refused(done)
        suffix = log_tag("", self._server)
        names = (tag.removesuffix(suffix) for tag in done.stdout.splitlines() if tag.endswith(suffix))
        return tuple(name for name in names if place_of_instance(name) and app_of_instance(name) == app)

    async def tail(self, names: Sequence[str], lines: int, since: datetime | None) -> tuple[LogLine, ...]:
        """The last lines of these instances together, oldest first. Raises RuntimeUnavailable."""
        if lines <= 0 or not names:
            return ()
        asked = lines
        while True:
            entries = await self._read(names, asked, since)
            wanted = [line for line in _Lines(self._server).add_all(entries) if self._is_wanted(line, since)]
            if len(wanted) >= lines or len(entries) < asked:
                return tuple(wanted[-lines:])
            asked *= 4  # some entries were parts of long lines

    async def follow(self, names: Sequence[str], since: datetime) -> AsyncIterator[LogLine]:
        """Lines written after ``since``, as they come, without end; a journal that goes away is followed anew."""
        version = await self._systemctl.version()
        lines, newest = _Lines(self._server), since
        while True:
            argv = commands.follow_journal(self._tags(names), since, version=version)
            async with self._runner.stream(argv) as printed:
                async for text in printed:
                    for line in lines.add_all((parse.entry(text),)):
                        if self._is_wanted(line, since):
                            newest = line.at
                            yield line
            since = newest
            await self._clock.sleep(PAUSE)

    async def _read(self, names: Sequence[str], count: int, since: datetime | None) -> list[Entry | None]:
        version = await self._systemctl.version()
        done = await self._runner.run(commands.read_journal(self._tags(names), count, since, version=version))
        if done.exit_code != 0 and done.stderr.strip():
            raise refused(done)
        return [parse.entry(line) for line in done.stdout.splitlines()]

    async def forget(self, app: str) -> None:
        """Show nothing of what the app has written until now. Never raises."""
        await asyncio.to_thread(self._note_forgotten, app)

    def _note_forgotten(self, app: str) -> None:
        try:
            file = self._log_dir / app / FORGOTTEN
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file.write_text(self._clock.now().isoformat(), encoding="ascii")
        except OSError:
            return

    def _is_wanted(self, line: LogLine, since: datetime | None) -> bool:
        forgotten = self._forgotten(app_of_instance(line.instance))
        return (since is None or line.at > since) and (forgotten is None or line.at > forgotten)

    def _forgotten(self, app: str) -> datetime | None:
        try:
            return datetime.fromisoformat((self._log_dir / app / FORGOTTEN).read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None

    def _tags(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(log_tag(name, self._server) for name in names)


def log_tag(name: str, server_id: str) -> str:
    """How the lines of an instance are marked."""
    return f"{name}.{server_id}"


class _Lines:
    """Puts the parts of long lines together, apart for each instance and stream."""

    def __init__(self, server: str) -> None:
        self._suffix = f".{server}"
        self._parts: dict[tuple[str, str], list[str]] = {}

    def add_all(self, entries: Iterable[Entry | None]) -> Iterator[LogLine]:
        """The lines that these entries end."""
        for entry in entries:
            if entry is None:
                continue
            parts = self._parts.setdefault((entry.tag, entry.stream), [])
            parts.append(entry.text)
            if entry.is_part and sum(map(len, parts)) < LONGEST_LINE:
                continue
            del self._parts[entry.tag, entry.stream]
            instance = entry.tag.removesuffix(self._suffix)
            yield LogLine(at=entry.at, instance=instance, stream=entry.stream, text="".join(parts))
