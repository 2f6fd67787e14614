"""Reading of instances' logs from the journal, by the tag of each line."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from pvdify.adapters.systemd import commands, parse
from pvdify.adapters.systemd.lines import BEGINNING, Lines
from pvdify.adapters.systemd.parse import Entry
from pvdify.adapters.systemd.systemctl import Systemctl, refused
from pvdify.adapters.systemd.unended import LOOK_EVERY_SECONDS, UnendedLines
from pvdify.errors import PvdifyError
from pvdify.model.instance import LogLine
from pvdify.model.names import app_of_instance, place_of_instance
from pvdify.plumbing.command_runner import CommandRunner
from pvdify.plumbing.containers import OutputEnd, OutputEnds
from pvdify.ports.clock import Clock
from pvdify.ports.instance_logs import BATCH, PATIENCE

log = structlog.get_logger()
PAUSE = 0.5  # seconds before journalctl is started again when it has ended
FORGOTTEN = ".forgotten"  # the folder of the marks
EARLIER_MARK = "forgotten"  # the mark of an app, in its own folder: where earlier versions wrote it
PRUNE_EVERY = timedelta(hours=1)
EARLIER = timedelta(seconds=2)  # before ``since``: a follower counts the lines that were written just before
ROOM = 50  # entries more than needed that are read of instances with a line that has no end
EPOCH = datetime.fromtimestamp(0, UTC)


class Journal:
    """The journal of this host. Lines outlive their container, and reboots if the journal is persistent.

    Args:
        runner: starts journalctl.
        systemctl: returns systemd's version.
        server_id: part of each tag, since two servers on one machine may give an instance the same name.
        log_dir: stores when an app's logs were forgotten, in ``.forgotten/<app>``: a mark, kept while the journal has
            lines of the app.
        ends: what containers have written after their last line end; the journal has it only once the line ends.
        clock: the time.
    """

    def __init__(
        self, *, runner: CommandRunner, systemctl: Systemctl, server_id: str, log_dir: Path, ends: OutputEnds,
        clock: Clock,
    ) -> None:  # fmt: skip
        self._runner = runner
        self._systemctl = systemctl
        self._server = server_id
        self._log_dir = log_dir
        self._ends = ends
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
            ends = self._read_ends(names)
            most = _enough_for(ends, limit)
            entries = await self._read(names, most, since)
            lines = Lines(self._server, floor=_floor(since))
            whole, is_all = list(lines.add_all(entries)), len(entries) < most
            found = (*whole, *lines.tail_of(ends, self._clock.now(), is_all=is_all), *lines.rest())
            wanted = [line for line in found if self._is_wanted(line, since)]
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
        version, ends = await self._systemctl.version(), self._read_ends(names)
        lines = Lines(self._server, floor=_floor(since))
        argv = commands.read_journal(self._tags(names), count, since, version=version)
        forgotten = {name: self._forgotten(app_of_instance(name)) for name in names}

        def is_wanted(line: LogLine) -> bool:
            moment = forgotten.get(line.instance)
            return (since is None or line.at > since) and (moment is None or line.at > moment)

        number = 0
        async with self._runner.stream(argv) as printed:
            async for text in printed:
                number += 1
                if (entry := parse.entry(text)) is not None:
                    yield 1, [line for line in lines.add_all((entry,)) if is_wanted(line)]
        last = (*lines.tail_of(ends, self._clock.now(), is_all=number < count), *lines.rest())
        yield 0, [line for line in last if is_wanted(line)]

    async def follow(self, names: Sequence[str], since: datetime) -> AsyncIterator[LogLine]:
        """Yield lines written after ``since`` as they are written, without end. Restart journalctl if it ends."""
        version, newest = await self._systemctl.version(), since
        while True:
            start = max(newest, EPOCH + EARLIER) - EARLIER
            argv = commands.follow_journal(self._tags(names), start, version=version)
            lines = Lines(self._server, floor=_floor(start))
            unended = UnendedLines(lines, {name: self._ends.reader(name) for name in names}, self._clock)
            async with (
                self._runner.stream(argv) as printed, aclosing(self._followed(lines, unended, printed)) as followed,
            ):  # fmt: skip
                async for line in followed:
                    if self._is_wanted(line, since):
                        newest = line.at
                        yield line
            since = newest
            await self._clock.sleep(PAUSE)

    async def _followed(
        self, lines: Lines, unended: UnendedLines, printed: AsyncIterator[str]
    ) -> AsyncGenerator[LogLine, None]:
        """Yield the lines that journalctl prints, and lines without an end after PATIENCE seconds."""
        text: asyncio.Future[str] | None = None
        added_at = self._clock.monotonic()
        try:
            while True:
                for line in unended.look():
                    yield line
                text = text or asyncio.ensure_future(anext(printed))
                await asyncio.wait({text}, timeout=LOOK_EVERY_SECONDS)
                if text.done():
                    entry, text, added_at = parse.entry(text.result()), None, self._clock.monotonic()
                    fresh = list(lines.add_all((entry,)))
                    fresh += unended.added(lines.instance_of(entry)) if entry is not None else []
                elif lines.is_holding and self._clock.monotonic() - added_at >= PATIENCE:
                    fresh = lines.rest()
                else:
                    continue
                for line in fresh:
                    yield line
        except StopAsyncIteration:
            return
        finally:
            if text is not None:
                text.cancel()
                with suppress(asyncio.CancelledError, StopAsyncIteration):
                    await text

    def _read_ends(self, names: Sequence[str]) -> dict[str, OutputEnd]:
        """Return the ends of the instances that have one. Read before the journal, which then has all lines before."""
        ends = ((name, self._ends.reader(name)()) for name in names)
        return {name: end for name, end in ends if end is not None and end.unended}

    async def _read(self, names: Sequence[str], count: int, since: datetime | None) -> list[Entry | None]:
        version = await self._systemctl.version()
        done = await self._runner.run(commands.read_journal(self._tags(names), count, since, version=version))
        if done.exit_code != 0 and done.stderr.strip():
            raise refused(done)
        return [parse.entry(line) for line in done.stdout.split("\n") if line]  # splitlines() also cuts at U+2028

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


def _enough_for(ends: Mapping[str, OutputEnd], limit: int) -> int:
    """Return how many entries to read, so that the lines that were written just before these ends are among them."""
    return max(limit, sum(end.ended for end in ends.values()) + ROOM) if ends else limit


def _floor(since: datetime | None) -> datetime:
    """Return the moment from which journalctl prints entries."""
    return BEGINNING if since is None else since.replace(microsecond=0)
