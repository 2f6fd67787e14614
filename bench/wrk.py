"""Drives a server with Debian's wrk, which is cheaper than what it measures, and reads the CPU time of the server."""

import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

CLIENTS = 32
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}
_MEDIAN = re.compile(r" 50%\s+([0-9.]+)(us|ms|s|m)")
_P99 = re.compile(r" 99%\s+([0-9.]+)(us|ms|s|m)")
_SENT = re.compile(r"(\d+) requests in")
_RATE = re.compile(r"Requests/sec:\s+([0-9.]+)")
_BAD = re.compile(r"Non-2xx or 3xx responses: (\d+)")
_ERRORS = re.compile(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Requests a second, median and 99th percentile in seconds, CPU seconds per request, and failed requests."""

    rate: float
    median: float
    p99: float
    cpu: float
    failed: int


def has_program(program: str, package: str) -> bool:
    """Return whether a program of Debian is there, after an attempt to install its package."""
    if shutil.which(program) is None:
        subprocess.run(("apt-get", "install", "--yes", "--no-install-recommends", package), check=False,
                       capture_output=True)  # fmt: skip
    return shutil.which(program) is not None


def drive(
    address: str, headers: Sequence[str], pids: Callable[[], Sequence[int]], seconds: int, *, path: str = "/",
    clients: int = CLIENTS,
) -> Sample:  # fmt: skip
    """Send requests with GET on kept connections for some seconds. ``headers``: such as ``Host: shop.test``."""
    argv = ("wrk", "--threads", "1", "--connections", str(clients), "--duration", f"{seconds}s", "--latency",
            *(word for header in headers for word in ("--header", header)), f"http://{address}{path}")  # fmt: skip
    before = cpu_seconds(pids())
    printed = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    sample = parse(printed, cpu_seconds(pids()) - before)
    if sample.failed:
        print(printed, file=sys.stderr, flush=True)  # says how they failed
    return sample


def parse(printed: str, spent: float) -> Sample:
    """Return what wrk printed. ``spent``: CPU seconds of the server meanwhile. Raises ValueError for other text."""
    sent, rate = _SENT.search(printed), _RATE.search(printed)
    middle, slowest = _MEDIAN.search(printed), _P99.search(printed)
    if sent is None or rate is None or middle is None or slowest is None:
        raise ValueError(f"not the output of wrk: {printed[:200]!r}")
    bad, errors = _BAD.search(printed), _ERRORS.search(printed)
    failed = int(bad[1]) if bad else 0
    failed += sum(map(int, errors.groups())) if errors else 0
    return Sample(
        rate=float(rate[1]), median=float(middle[1]) * _SECONDS[middle[2]],
        p99=float(slowest[1]) * _SECONDS[slowest[2]], cpu=spent / max(1, int(sent[1])), failed=failed,
    )  # fmt: skip


def cpu_seconds(pids: Sequence[int]) -> float:
    """Return the CPU time of all threads of these processes, to the nanosecond."""
    total = 0
    for pid in pids:
        for file in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            with suppress(OSError):
                total += int(file.read_text().split()[0])
    return total / 1e9


def memory(pids: Sequence[int]) -> int:
    """Return the resident memory of these processes in kB."""
    found = 0
    for pid in pids:
        with suppress(OSError):
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            found += sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    return found


def middle(samples: Sequence[Sample]) -> Sample:
    """Return the median of each figure; failed requests are added up."""
    return Sample(
        rate=statistics.median(each.rate for each in samples),
        median=statistics.median(each.median for each in samples),
        p99=statistics.median(each.p99 for each in samples),
        cpu=statistics.median(each.cpu for each in samples),
        failed=sum(each.failed for each in samples),
    )
