"""Compares what clients sent with what the app began, what the router logged, and which release answered."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.changes import Change
from tests.load import Failure, Load, Reason

_LOGGED = re.compile(
    rb'"request_id":"(?P<number>\d+)".*"status":(?P<status>\d+),.*"wait_ms":(?P<wait>-?\d+).*"app":"(?P<app>[^"]*)",'
    rb'"target":"(?P<target>[^"]*)","retries":"(?P<retries>[^"]*)","ended":"(?P<ended>[^"]*)"'
)
MOST_TIMES = 255  # a request that was begun more often counts as begun so often


@dataclass
class Answers:
    """All answers and failures of several loads. ``take`` empties their reports, so that memory does not grow."""

    answered: int = 0
    late: int = 0
    failures: list[Failure] = field(default_factory=list)
    by_slot: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0

    def take(self, loads: Iterable[Load], changes: Sequence[Change]) -> None:
        """Take what the loads have reported until now; ``changes``: all that have returned, in order."""
        for load in loads:
            answered, load.report.answered = load.report.answered, []
            failures, load.report.failures = load.report.failures, []
            self.failures += failures
            self.answered += len(answered)
            self.by_slot.update(slot for _, _, slot in answered)
            for started, ended, slot in answered:
                self.slowest = max(self.slowest, ended - started)
                self.late += is_late(changes, started, slot)


def is_late(changes: Sequence[Change], started: float, slot: str) -> bool:
    """Return whether a request that began between two changes was answered by a slot that was not live then."""
    index = bisect_right(changes, started, key=lambda change: change.begun) - 1
    return index >= 0 and started > changes[index].returned and slot != str(changes[index].slot)


@dataclass(frozen=True, kw_only=True)
class Times:
    """How often each number below ``sent`` is in a list: one byte per number."""

    times: bytes

    @property
    def missing(self) -> list[int]:
        """Numbers that are not in the list."""
        return [number for number, times in enumerate(self.times) if times == 0]

    @property
    def repeated(self) -> list[int]:
        """Numbers that are in the list more than once."""
        return [number for number, times in enumerate(self.times) if times > 1]


def count_times(numbers: Iterable[int], sent: int) -> Times:
    """Count each number below ``sent``. Raises IndexError for another one, which no client can have sent."""
    times = bytearray(sent)
    for number in numbers:
        times[number] = min(times[number] + 1, MOST_TIMES)
    return Times(times=bytes(times))


def recorded(file: Path) -> Iterator[int]:
    """Yield the numbers of the requests that the app began; other ids are those of pvdifyd's own requests."""
    with file.open("rb") as lines:
        for line in lines:
            if (number := line.strip()).isdigit():
                yield int(number)


def logged(file: Path, app: str) -> Iterator[tuple[int, int, str]]:
    """Yield number and status of each request of a client that the router has logged for this app.

    The third part says for people how a request ended whose status is not 2xx.
    """
    with file.open("rb") as lines:
        for line in lines:
            if (found := _LOGGED.search(line)) and found["app"].decode() == app:
                status = int(found["status"])
                parts = {name: found[name].decode() for name in ("target", "retries", "ended", "wait")}
                detail = "" if 200 <= status < 300 else ", ".join(f"{name} {value}" for name, value in parts.items())
                yield int(found["number"]), status, detail


def cut_websockets(failures: Iterable[Failure]) -> int:
    """Return how many WebSockets ended without a closing frame."""
    return sum(failure.reason is Reason.WEBSOCKET for failure in failures)
