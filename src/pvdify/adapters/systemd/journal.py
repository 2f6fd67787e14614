"""Reading of instances' logs from the journal, by the tag of each line."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Container, Iterable, Iterator, Sequence
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from pvdify.adapters.systemd import commands, parse
from pvdify.adapters.systemd.parse import Entry
from pvdify.adapters.systemd.systemctl import Systemctl, refused
from pvdify.errors import PvdifyError
from pvdify.model.instance import LogLine
from pvdify.model.names import app_of_instance, place_of_instance
from pvdify.plumbing.command_runner import CommandRunner
from pvdify.ports.clock import Clock
from pvdify.ports.instance_logs import BATCH, LONGEST_LINE, PATIENCE

log = structlog.get_logger()
PAUSE = 0.5  # seconds before journalctl is started again when it has ended
FORGOTTEN = ".forgotten"  # the folder of the marks
EARLIER_MARK = "forgotten"  # the mark of an app, in its own folder: where earlier versions wrote it
PRUNE_EVERY = timedelta(hours=1)


class Journal:
    """The journal of this host. Lines outlive their container, and reboots if the journal is persistent.

    Args:
        runner: starts journalctl.
        systemctl: returns systemd's version.
        server_id: part of each tag, since two servers on one machine may give an instance the same name.
        log_dir: stores when an app's logs were forgotten, in ``.forgotten/<app>``: a mark, kept while the journal has
            lines of the app.
        clock: the time.
    """

    def __init__(
        self, *, runner: CommandRunner, systemctl: Systemctl, server_id: str, log_dir: Path, clock: Clock
    ) -> None:
        self._runner = runner
        self._systemctl = systemctl
        self._server = server_id
        self._log_dir = log_dir
        self._clock = clock
        self._unwritten: dict[str, datetime] = {}
        self._pruned_at = datetime.min.replace(tzinfo=UTC)

    async def writers(self, app: str) -> tuple[str, ...]:
        """Return the app's instances that have lines in the journal. Raises RuntimeUnavailable."""
        done = await self._runner.run(commands.list_tags())
        if done.exit_code != 0 and done.stderr.strip():
            raise refused(done)
        return tuple(name for name in self._names_in(done.stdout) if app_of_instance(name) == app)

    async def tail(self, names: Sequence[str], count: int, since: datetime | None) -> tuple[LogLine, ...]:
        """Return the last lines of these instances together, oldest first. Raises RuntimeUnavailable."""
        if count <= 0 or not names:
            return ()
        limit = count
        while True:
            entries = await self._read(names, limit, since)
            lines = _Lines(self._server)
            wanted = [line for line in (*lines.add_all(entries), *lines.rest()) if self._is_wanted(line, since)]
            wanted.sort(key=lambda line: line.at)
            if len(wanted) >= count or len(entries) < limit:
                return tuple(wanted[-count:])
            limit *= 4  # some entries were parts of long lines

    async def read(
        self, names: Sequence[str], count: int, since: datetime | None
    ) -> AsyncGenerator[tuple[LogLine, ...], None]:
        """Yield the lines of ``tail`` in batches. Reads the journal twice, to keep only one batch in memory."""
        if count <= BATCH or not names:
            yield await self.tail(names, count, since)
            return
        limit, found = count, 0
        while True:
            entries = found = 0
            async with aclosing(self._printed(names, limit, since)) as printed:
                async for number, lines in printed:
                    entries, found = entries + number, found + len(lines)
            if found >= count or entries < limit:
                break
            limit *= 4  # some entries were parts of long lines
        too_many, batch = found - count, list[LogLine]()
        async with aclosing(self._printed(names, limit, since)) as printed:
            async for _, lines in printed:
                for line in lines:
                    too_many -= 1
                    if too_many < 0:
                        batch.append(line)
                if len(batch) >= BATCH:
                    yield tuple(batch)
                    batch.clear()
        if batch:
            yield tuple(batch)

    async def _printed(
        self, names: Sequence[str], count: int, since: datetime | None
    ) -> AsyncGenerator[tuple[int, list[LogLine]], None]:
        """Yield for each journal entry 1 and the lines that it completes; at the end 0 and the incomplete lines."""
        version, lines = await self._systemctl.version(), _Lines(self._server)
        argv = commands.read_journal(self._tags(names), count, since, version=version)
        forgotten = {name: self._forgotten(app_of_instance(name)) for name in names}

        def is_wanted(line: LogLine) -> bool:
            moment = forgotten.get(line.instance)
            return (since is None or line.at > since) and (moment is None or line.at > moment)

        async with self._runner.stream(argv) as printed:
            async for text in printed:
                if (entry := parse.entry(text)) is not None:
                    yield 1, [line for line in lines.add_all((entry,)) if is_wanted(line)]
        yield 0, [line for line in lines.rest() if is_wanted(line)]

    async def follow(self, names: Sequence[str], since: datetime) -> AsyncIterator[LogLine]:
        """Yield lines written after ``since`` as they are written, without end. Restart journalctl if it ends."""
        version = await self._systemctl.version()
        lines, newest = _Lines(self._server), since
        while True:
            argv = commands.follow_journal(self._tags(names), since, version=version)
            async with self._runner.stream(argv) as printed, aclosing(self._followed(lines, printed)) as followed:
                async for line in followed:
                    if self._is_wanted(line, since):
                        newest = line.at
                        yield line
            since = newest
            await self._clock.sleep(PAUSE)

    async def _followed(self, lines: "_Lines", printed: AsyncIterator[str]) -> AsyncGenerator[LogLine, None]:
        """Yield the lines that journalctl prints, and an incomplete line after PATIENCE seconds without output."""
        text: asyncio.Future[str] | None = None
        try:
            while True:
                text = text or asyncio.ensure_future(anext(printed))
                await asyncio.wait({text}, timeout=PATIENCE if lines.is_holding else None)
                if text.done():
                    fresh = list(lines.add_all((parse.entry(text.result()),)))
                    text = None
                else:
                    fresh = lines.rest()
                for line in fresh:
                    yield line
        except StopAsyncIteration:
            return
        finally:
            if text is not None:
                text.cancel()
                with suppress(asyncio.CancelledError, StopAsyncIteration):
                    await text

    async def _read(self, names: Sequence[str], count: int, since: datetime | None) -> list[Entry | None]:
        version = await self._systemctl.version()
        done = await self._runner.run(commands.read_journal(self._tags(names), count, since, version=version))
        if done.exit_code != 0 and done.stderr.strip():
            raise refused(done)
        return [parse.entry(line) for line in done.stdout.splitlines()]

    async def forget(self, app: str) -> None:
        """Return no line any more that the app has written until now. Never raises."""
        self._unwritten[app] = self._clock.now()
        await asyncio.to_thread(self._note_forgotten, app)
        await self._prune()

    async def _prune(self) -> None:
        """Delete the marks of apps that have no line in the journal any more, at most once an hour."""
        now = self._clock.now()
        if now < self._pruned_at + PRUNE_EVERY:
            return
        self._pruned_at = now
        try:
            done = await self._runner.run(commands.list_tags())
        except PvdifyError as error:
            log.warning("journal.not_pruned", why=error.why or error.what)
            return
        if done.exit_code == 0:
            apps = frozenset(app_of_instance(name) for name in self._names_in(done.stdout))
            await asyncio.to_thread(self._delete_marks, apps, now - PRUNE_EVERY)

    def _delete_marks(self, keep: Container[str], before: datetime) -> None:
        """Delete the marks that are older than ``before``, except those of the apps in ``keep``."""
        marks = [*self._log_dir.glob(f"{FORGOTTEN}/*"), *self._log_dir.glob(f"*/{EARLIER_MARK}")]
        for mark in marks:
            app = mark.parent.name if mark.name == EARLIER_MARK and mark.parent.name != FORGOTTEN else mark.name
            moment = _moment_in(mark)
            if app not in keep and moment is not None and moment < before:
                _delete_mark(mark)

    def _names_in(self, tags: str) -> Iterator[str]:
        """Yield the names of the instances of this server among the tags."""
        suffix = log_tag("", self._server)
        names = (tag.removesuffix(suffix) for tag in tags.splitlines() if tag.endswith(suffix))
        return (name for name in names if place_of_instance(name))

    def _note_forgotten(self, app: str) -> None:
        """Store the moment. If it cannot be written, keep it in memory; later reads of the app's log retry."""
        self._unwritten.setdefault(app, self._clock.now())
        file = self._log_dir / FORGOTTEN / app
        temporary = file.with_name(f".{app}.new")
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary.write_text(self._unwritten[app].isoformat(), encoding="ascii")
            temporary.replace(file)
        except OSError as error:
            log.warning("journal.not_forgotten", app=app, why=error.strerror or str(error))
            with suppress(OSError):
                temporary.unlink()
        else:
            del self._unwritten[app]
            _delete_mark(self._log_dir / app / EARLIER_MARK)

    def _is_wanted(self, line: LogLine, since: datetime | None) -> bool:
        forgotten = self._forgotten(app_of_instance(line.instance))
        return (since is None or line.at > since) and (forgotten is None or line.at > forgotten)

    def _forgotten(self, app: str) -> datetime | None:
        if moment := self._unwritten.get(app):
            self._note_forgotten(app)
            return moment
        return _moment_in(self._log_dir / FORGOTTEN / app) or _moment_in(self._log_dir / app / EARLIER_MARK)

    def _tags(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(log_tag(name, self._server) for name in names)


def log_tag(name: str, server_id: str) -> str:
    """Return the journal tag of an instance's lines."""
    return f"{name}.{server_id}"


def _moment_in(mark: Path) -> datetime | None:
    try:
        return datetime.fromisoformat(mark.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _delete_mark(mark: Path) -> None:
    """Delete a mark, and its folder if that is empty. Errors are ignored: the next pruning retries."""
    with suppress(OSError):
        mark.unlink()
        mark.parent.rmdir()


class _Lines:
    """An assembler that joins the parts of long lines, separately for each instance and stream."""

    def __init__(self, server: str) -> None:
        self._suffix = f".{server}"
        self._parts: dict[tuple[str, str], list[Entry]] = {}

    @property
    def is_holding(self) -> bool:
        """Whether there is an incomplete line."""
        return bool(self._parts)

    def add_all(self, entries: Iterable[Entry | None]) -> Iterator[LogLine]:
        """Yield the lines that these entries complete. A line of LONGEST_LINE characters is yielded incomplete."""
        for entry in entries:
            if entry is None:
                continue
            parts = self._parts.setdefault((entry.tag, entry.stream), [])
            parts.append(entry)
            if not entry.is_part or sum(len(part.text) for part in parts) >= LONGEST_LINE:
                yield self._take(entry.tag, entry.stream)

    def rest(self) -> list[LogLine]:
        """Return the incomplete lines, and drop them."""
        return [self._take(*source) for source in tuple(self._parts)]

    def _take(self, tag: str, stream: str) -> LogLine:
        parts = self._parts.pop((tag, stream))
        last, text = parts[-1], "".join(part.text for part in parts)
        instance = tag.removesuffix(self._suffix)
        return LogLine(at=last.at, instance=instance, stream=stream, text=text, is_part=last.is_part)
