"""The ends of the output of containers with a journal, from the small second log that ``launch`` makes conmon write."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pvdify.adapters.podman.instances import launch
from pvdify.adapters.podman.instances.instance_dir import InstanceDir
from pvdify.adapters.podman.logs.records import moment
from pvdify.plumbing.containers import OutputEnd, Unended

CONMON_BUFFER = 8192  # bytes; conmon keeps less than this of an unended line, and then passes all of it on


class LastLines:
    """Implements ``plumbing.containers.OutputEnds`` on the files in the instances' directories, on tmpfs."""

    def __init__(self, *, run_dir: Path) -> None:
        self._instances = run_dir / "instances"

    def reader(self, name: str) -> Callable[[], OutputEnd | None]:
        return _Reader(InstanceDir(self._instances / name)).read


class _Reader:
    """A reader that parses the file only if it has changed."""

    def __init__(self, files: InstanceDir) -> None:
        self._files = files
        self._version: tuple[int, ...] = ()
        self._end: OutputEnd | None = None

    def read(self) -> OutputEnd | None:
        try:
            there = self._files.last_line_file.stat()
            version = (there.st_ino, there.st_size, there.st_mtime_ns)
            if version != self._version:
                container, data = self._files.container_id, self._files.last_line_file.read_bytes()
                self._end = output_end(data, container) if container else None
                self._version = version
        except OSError:
            self._version, self._end = (), None
        return self._end


@dataclass(kw_only=True)
class _Stream:
    """A stream while its records are read. ``pieces``: since its last line end; None if a part of them is missing."""

    pieces: list[tuple[bytes, bytes]] | None
    ended_with: bytes = b""
    lines: int = 0
    line: bytes = b""


def output_end(data: bytes, container: str) -> OutputEnd:
    """Return the end of the output in a file of ``k8s-file`` records. A record that is still being written is skipped.

    Text without a known beginning is left out: half a secret would not be recognized as one.
    """
    is_whole = data.startswith(launch.LAST_LINE_BEGIN.encode())
    streams: dict[bytes, _Stream] = {}
    ended_with, ended, first = b"", 0, b""
    for record in data.split(b"\n")[:-1]:
        time, stream, flag, text = (*record.split(b" ", 3), b"", b"", b"")[:4]
        if flag[:1] not in (b"F", b"P"):
            continue
        first = first or time
        known = streams.setdefault(stream, _Stream(pieces=[] if is_whole else None))
        if flag[:1] == b"P":
            if known.pieces is not None:
                known.pieces.append((time, text))
            continue
        known.lines = known.lines + 1 if known.ended_with == time else 1
        known.pieces, known.ended_with, known.line = [], time, text
        ended, ended_with = ended + 1 if ended_with == time else 1, time
    unended = (_unended(stream, known) for stream, known in streams.items())
    return OutputEnd(
        container=container,
        ended_at=moment(ended_with.decode(errors="replace")),
        ended=ended,
        is_exact=is_whole or first != ended_with,  # otherwise the replaced file may have more of these lines
        unended=tuple(sorted(filter(None, unended), key=lambda each: each.at)),
    )


def _unended(stream: bytes, known: _Stream) -> Unended | None:
    times = [moment(time.decode(errors="replace")) for time, _ in known.pieces or ()]
    pieces = [(at, text) for at, (_, text) in zip(times, known.pieces or (), strict=True) if at is not None]
    if not pieces or not known.pieces or len(pieces) < len(times):
        return None
    return Unended(
        stream=stream.decode(errors="replace"),
        pieces=tuple(pieces),
        lines_before=known.lines if known.pieces[0][0] == known.ended_with else 0,
        line_before=known.line,
        passed_on=_passed_on([len(text) for _, text in pieces]),
    )


def _passed_on(sizes: list[int]) -> int:
    """Return how many bytes of these pieces conmon has written to the journal, and not kept in its memory."""
    kept = 0
    for size in sizes:
        kept = kept + size if size < CONMON_BUFFER - kept else 0
    return sum(sizes) - kept
