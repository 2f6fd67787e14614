"""Reading of many lines from ``k8s-file`` logs with the memory of a few chunks, whatever the number of lines."""

import heapq
import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from io import BufferedReader
from pathlib import Path

from pvdify.adapters.podman.logs.records import LineAssembler, when
from pvdify.model.instance import LogLine

CHUNK = 256 * 1024  # bytes


def last_lines(files: Sequence[tuple[str, Path]], count: int, since: datetime | None) -> Generator[LogLine, None, None]:
    """Yield the last lines of these instances' files together, oldest first, without lines written during the call.

    The first pass finds where each file's last lines begin, the second pass reads from there.
    """
    with ExitStack() as opened:
        parts = []
        for instance, path in files:
            try:
                file = opened.enter_context(path.open("rb"))
            except FileNotFoundError:
                continue
            parts.append(_Part(file, instance, count))
        too_many = sum(part.lines for part in parts) - count
        for number, line in enumerate(heapq.merge(*(part.read() for part in parts), key=when)):
            if number >= too_many and (since is None or line.at > since):
                yield line


class _Part:
    """The last ``lines`` lines of a file, at most ``count``; an unfinished line counts."""

    def __init__(self, file: BufferedReader, instance: str, count: int) -> None:
        self._file, self._instance = file, instance
        self._end = file.seek(0, os.SEEK_END)
        self._start, self.lines = self._find(count)

    def read(self) -> Iterator[LogLine]:
        """Yield the lines, reading one chunk at a time."""
        assembler, unfinished, at = LineAssembler(self._instance), b"", self._start
        while at < self._end:
            self._file.seek(at)
            piece = self._file.read(min(CHUNK, self._end - at))
            if not piece:
                break  # truncated meanwhile
            at += len(piece)
            *whole, unfinished = (unfinished + piece).split(b"\n")
            yield from filter(None, map(assembler.add, whole))
        if (last := assembler.add(unfinished)) is not None:
            yield last
        yield from assembler.rest()

    def _find(self, count: int) -> tuple[int, int]:
        """Return the offset at which the last lines begin, and the number of lines from there."""
        at, head, ends, is_open = self._end, b"", 0, False
        is_last = True
        while at > 0:
            size = min(CHUNK, at)
            at -= size
            self._file.seek(at)
            data = self._file.read(size) + head
            records = data.split(b"\n")
            head = records[0]
            position = at + len(data)
            for record in reversed(records[1:]):
                position -= len(record)
                if _is_end(record):
                    if ends + is_open == count:
                        return position + len(record) + 1, count
                    ends += 1
                elif is_last and _is_piece(record):
                    is_open = True
                is_last = is_last and not (_is_end(record) or _is_piece(record))
                position -= 1  # the line break before it
        if _is_end(head):
            if ends + is_open == count:
                return len(head) + 1, count
            ends += 1
        elif is_last and _is_piece(head):
            is_open = True
        return 0, ends + is_open


def _is_end(record: bytes) -> bool:
    return _flag(record).startswith(b"F")


def _is_piece(record: bytes) -> bool:
    return _flag(record).startswith(b"P")


def _flag(record: bytes) -> bytes:
    parts = record.split(b" ", 3)
    return parts[2] if len(parts) > 3 else b""
