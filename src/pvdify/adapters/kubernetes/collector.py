"""Collecting of what pods write: each container's log is followed, and kept after its pod is gone.

The files have the form in which conmon writes them, so that one reader serves all runtimes.
"""

import asyncio
import errno
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import structlog

from pvdify.adapters.kubernetes import pods
from pvdify.adapters.kubernetes.cluster import Cluster, Refused
from pvdify.adapters.kubernetes.names import CONTAINER, Identity, Scope
from pvdify.adapters.kubernetes.pods import Pod
from pvdify.errors import PvdifyError
from pvdify.ports.clock import Clock
from pvdify.timing import BackOff

log = structlog.get_logger()
LARGEST_FILE = 20 * 1024 * 1024  # bytes; then the file begins anew
LARGEST_PIECE = 16 * 1024  # bytes; longer lines are written in pieces
BACK_OFF = BackOff(first=1.0, longest=30.0)  # before a log is opened again; the shortest one after new lines
REPORT_SECONDS = 1.0  # the longest that the end of a container is reported after the end of its log
DRAIN_SECONDS = 10.0  # the longest that the end of a container waits for its last lines
_TAIL = 64 * 1024  # bytes at the end of a file in which its last record is


class Collector:
    """Follows the logs of this server's pods, one connection for each running container.

    Args:
        cluster: the API server.
        scope: this server's share of the cluster.
        clock: the time.
        file_of: returns the file of an instance's lines, and makes its directory. Raises OSError.
    """

    def __init__(self, *, cluster: Cluster, scope: Scope, clock: Clock, file_of: Callable[[Identity], Path]) -> None:
        self._cluster, self._scope, self._clock, self._file_of = cluster, scope, clock, file_of
        self._tasks: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._names: dict[tuple[str, int], str] = {}
        self._over: dict[tuple[str, int], asyncio.Event] = {}  # set once the watch has reported the end of the run
        self._order: dict[str, asyncio.Lock] = {}

    def see(self, pod: Pod) -> None:
        """Follow the pod's container if it is not followed yet, and no client reads its output."""
        if pod.is_attached:
            return
        if pod.restarts > pod.recorded and pod.last is not None and (pod.uid, pod.restarts - 1) not in self._tasks:
            self._follow(pod, (pod.uid, pod.restarts - 1), is_previous=True)
        for run in (*((pod.run,) if pod.ended is not None else ()), (pod.uid, pod.restarts - 1)):
            if run in self._over:
                self._over[run].set()
        is_there = pod.running_since is not None or (pod.ended is not None and pod.ended.has_begun)
        if is_there and pod.run not in self._tasks:
            self._follow(pod, pod.run, is_previous=False)

    async def drain(self, instance: str) -> None:
        """Wait until what the instance's ended containers wrote is in the file, for a while."""
        open_tasks = [task for run, task in self._tasks.items() if self._names[run] == instance and not task.done()]
        if open_tasks:
            await asyncio.wait(open_tasks, timeout=DRAIN_SECONDS)

    def forget(self, instance: str) -> None:
        """Forget the containers of an instance that was removed."""
        for run in [run for run, name in self._names.items() if name == instance]:
            self._tasks.pop(run).cancel()
            del self._names[run], self._over[run]
        self._order.pop(instance, None)

    async def close(self) -> None:
        """End all following."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _follow(self, pod: Pod, run: tuple[str, int], *, is_previous: bool) -> None:
        # after a restart of pvdifyd, the file already has the beginning of the first run that it sees
        is_resumed = pod.identity.name not in self._names.values()
        self._names[run] = pod.identity.name
        self._over[run] = asyncio.Event()
        if pod.ended is not None:
            self._over[run].set()
        self._tasks[run] = asyncio.create_task(self._collect(pod, is_previous=is_previous, is_resumed=is_resumed))

    async def _collect(self, pod: Pod, *, is_previous: bool, is_resumed: bool) -> None:
        """Write the container's lines to the file until it ends; the containers of an instance one after the other."""
        async with self._order.setdefault(pod.identity.name, asyncio.Lock()):
            writer = await self._opened(pod, is_resumed=is_resumed)
            try:
                await self._stream(pod, writer, is_previous=is_previous)
            finally:
                writer.close()

    async def _opened(self, pod: Pod, *, is_resumed: bool) -> "RecordFile":
        """Return the file of the pod's lines; wait while the disk does not take it."""
        failures = 0
        while True:
            try:
                path = await asyncio.to_thread(self._file_of, pod.identity)
                return RecordFile(path, is_resumed=is_resumed)
            except OSError as error:
                log.warning("log.not_kept", instance=pod.identity.name, why=error.strerror or str(error))
            failures += 1
            await self._clock.sleep(BACK_OFF.pause(failures))

    async def _stream(self, pod: Pod, writer: "RecordFile", *, is_previous: bool) -> None:
        """Write the log until the container has ended or its pod is gone; begin again where a connection broke.

        A connection may also end properly while the container runs: when the API server or the node's kubelet restarts,
        or a proxy closes it.
        """
        path = self._scope.path(pod.identity.app, "pods", pod.name)
        failures = 0
        while True:
            seen = writer.last
            params = {"container": CONTAINER, "timestamps": "true", "follow": str(not is_previous).lower()}
            if is_previous:
                params["previous"] = "true"
            if writer.last:
                params["sinceTime"] = writer.last
            try:
                async with self._cluster.stream(f"{path}/log", params) as pieces:
                    async for piece in pieces:
                        writer.add(piece)
                if is_previous or await self._is_over(pod, path):
                    writer.finish()
                    return
            except Refused as refused:
                if refused.status == 404 or is_previous:
                    return
            except (PvdifyError, OSError) as error:
                log.info("log.broken", instance=pod.identity.name, why=str(error))
            writer.drop_rest()
            failures = 1 if writer.last != seen else failures + 1
            await self._clock.sleep(BACK_OFF.pause(failures))

    async def _is_over(self, pod: Pod, path: str) -> bool:
        """Return whether this run of the container has ended. Raises RuntimeUnavailable."""
        with suppress(TimeoutError):
            async with asyncio.timeout(REPORT_SECONDS):
                await self._over[pod.run].wait()
                return True
        there = await self._cluster.get(path)
        now = None if there is None else pods.read(there)
        return now is None or now.run != pod.run or now.running_since is None


class RecordFile:
    """A file of records ``TIME stdout F TEXT``, written from a pod's log with times. Raises OSError.

    ``last``: the time of the newest record of this run that is in the file. Older ones, which a repeated request brings
    again, are left out. ``is_resumed``: the file may have the beginning of this run already.
    """

    def __init__(self, path: Path, *, is_resumed: bool = False) -> None:
        self._path = path
        self._file = path.open("ab", buffering=0)
        path.chmod(0o600)
        self.last = last_time(path) if is_resumed else ""
        self._newest = self.last
        self._at_last = order(self.last)
        self._rest = b""
        self._piece_of = b""

    def add(self, piece: bytes) -> None:
        """Write the whole lines, and long ones in pieces."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        records = [self._record(line, b"F") for line in lines]
        while len(self._rest) > LARGEST_PIECE * 2:
            records.append(self._record(self._rest[:LARGEST_PIECE], b"P"))
            self._rest = self._rest[LARGEST_PIECE:]
        self._write(b"".join(records))

    def finish(self) -> None:
        """Write what has no end of line."""
        if self._rest:
            self._write(self._record(self._rest, b"P"))
        self.drop_rest()

    def drop_rest(self) -> None:
        """Forget an unfinished line, as a repeated request brings it again."""
        self._rest = self._piece_of = b""
        self._newest = self.last
        self._at_last = order(self.last)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _record(self, line: bytes, flag: bytes) -> bytes:
        if self._piece_of:
            at, text = self._piece_of, line
        else:
            at, _, text = line.partition(b" ")
        self._piece_of = at if flag == b"P" else b""
        moment = order(at.decode(errors="replace"))
        if not moment or (moment <= self._at_last):
            return b""
        self._newest = at.decode(errors="replace")
        return b"%s stdout %s %s\n" % (at, flag, text.rstrip(b"\r"))

    def _write(self, records: bytes) -> None:
        """Append the records, all of them or, if the disk fails, none."""
        if not records:
            return
        if self._file.tell() + len(records) > LARGEST_FILE:
            self._file.close()
            with suppress(FileNotFoundError):
                self._path.unlink()
            self._file = self._path.open("ab", buffering=0)
            self._path.chmod(0o600)
        begun_at = self._file.tell()
        try:
            if self._file.write(records) != len(records):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
        except OSError:
            with suppress(OSError):
                self._file.truncate(begun_at)
            raise
        self.last = self._newest


def last_time(path: Path) -> str:
    """Return the time of the file's newest record, "" if there is none. Raises OSError."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - _TAIL))
        lines = file.read().split(b"\n")
    for line in reversed(lines):
        at = line.partition(b" ")[0].decode(errors="replace")
        if order(at):
            return at
    return ""


def order(at: str) -> str:
    """Return a text that orders times to the nanosecond as they follow each other; "" for what is no time."""
    whole, _, fraction = at.removesuffix("Z").partition(".")
    try:
        datetime.fromisoformat(whole)
    except ValueError:
        return ""
    return f"{whole}.{fraction[:9]:0<9}" if "T" in whole else ""
