"""Samples: an app's figures over the last 24 hours, in five-minute steps and constant memory. No I/O."""

import math
import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from pvdify.model.route import WAIT_BOUNDS

STEP = 300  # seconds
POINTS = 24 * 3600 // STEP
_HEADER = struct.Struct("<BxxxI")  # the format's version, the number of the newest step
_FORM = 1
_NOTHING = math.nan


class Measure(Enum):
    """The sampled measures.

    REQUESTS and ERRORS (5xx): per second. WAIT: p95 of the seconds until an answer began. MEMORY: bytes. CPU: CPUs.
    """

    REQUESTS = "requests"
    ERRORS = "errors"
    WAIT = "wait"
    MEMORY = "memory"
    CPU = "cpu"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The values of one step; None: unknown."""

    requests: float | None = None
    errors: float | None = None
    wait: float | None = None
    memory: float | None = None
    cpu: float | None = None


class Series:
    """The samples of one app: a ring buffer of ``POINTS`` steps for each measure, about 6 kB."""

    def __init__(self) -> None:
        self._newest = 0
        self._values = {measure: array("f", [_NOTHING]) * POINTS for measure in Measure}

    def put(self, at: datetime, sample: Sample) -> None:
        """Store the sample for the step of this time, replacing an earlier one of the same step."""
        step = step_of(at)
        if step <= self._newest - POINTS:
            return
        for skipped in range(max(self._newest + 1, step - POINTS + 1), step + 1):
            for values in self._values.values():
                values[skipped % POINTS] = _NOTHING
        self._newest = max(self._newest, step)
        for measure, values in self._values.items():
            value = getattr(sample, measure.value)
            values[step % POINTS] = _NOTHING if value is None else value

    def last(self, measure: Measure, now: datetime) -> tuple[float | None, ...]:
        """Return the values of the last 24 hours, oldest first; None for steps without a sample."""
        values, end = self._values[measure], step_of(now)
        begin = (end + 1) % POINTS
        ordered = values[begin:] + values[:begin]
        later = min(max(end - self._newest, 0), POINTS)  # steps after the newest sample: the ring has older values here
        earlier = min(max(self._newest - end, 0), POINTS)  # the clock was set back: the ring has newer values here
        nothing = array("f", [_NOTHING])
        known = nothing * earlier + ordered[earlier : POINTS - later] + nothing * later
        return tuple([None if math.isnan(value) else value for value in known])  # a list: this is half of the time

    def to_bytes(self) -> bytes:
        """Return the series in its format on disk."""
        return _HEADER.pack(_FORM, self._newest) + b"".join(values.tobytes() for values in self._values.values())

    @classmethod
    def of_bytes(cls, content: bytes) -> "Series | None":
        """Parse the output of ``to_bytes``; None for anything else."""
        size = 4 * POINTS
        if len(content) != _HEADER.size + size * len(Measure):
            return None
        form, newest = _HEADER.unpack_from(content)
        if form != _FORM:
            return None
        series = cls()
        series._newest = newest
        for number, measure in enumerate(Measure):
            begin = _HEADER.size + number * size
            series._values[measure] = array("f", content[begin : begin + size])
        return series


def step_of(at: datetime) -> int:
    """Return the number of the five-minute step of this time."""
    return int(at.timestamp()) // STEP


def percentile(waits: Sequence[int], share: float) -> float | None:
    """Estimate a percentile in seconds from counts by ``WAIT_BOUNDS``; None without counts.

    Answers are assumed to be evenly distributed within a range; above the last bound that bound is returned.
    """
    total = sum(waits)
    if not total:
        return None
    wanted, seen, low = share * total, 0, 0.0
    for count, high in zip(waits, WAIT_BOUNDS, strict=False):
        if count and seen + count >= wanted:
            return low + (high - low) * (wanted - seen) / count
        seen, low = seen + count, high
    return WAIT_BOUNDS[-1]
