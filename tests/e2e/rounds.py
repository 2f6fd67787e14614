"""Deploys, rollbacks, restarts and kills of pvdifyd, one after the other, while visitors keep asking."""

import asyncio
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.e2e.trial import Trial
from tests.load import Report

FEW = 4  # one of each kind
MANY = int(os.environ.get("PVDIFY_TEST_OPERATIONS", "500"))
LONGEST_RUN = 6 * 3600  # seconds


@dataclass(frozen=True, kw_only=True)
class Window:
    """When an operation began and ended, in ``time.monotonic`` seconds."""

    kind: str
    begun: float
    ended: float

    def hold(self, report: Report) -> float:
        """Return how long the slowest request waited that was under way during this operation."""
        waits = [end - start for start, end, _ in report.answered if start < self.ended and end > self.begun]
        return max(waits, default=0.0)


async def operate(trial: Trial, app: str, deploy: Callable[..., None], count: int) -> list[Window]:
    """Carry out this many operations, each of which succeeds; ``deploy`` takes more arguments of the command."""
    windows = []
    for number in range(count):
        kind = ("deploy", "rollback", "restart", "kill")[number % 4]
        begun = time.monotonic()
        if kind == "deploy":
            await asyncio.to_thread(deploy)
        elif kind == "rollback":
            await asyncio.to_thread(trial.pvdify, "rollback", app)
        elif kind == "restart":
            await asyncio.to_thread(trial.pvdify, "ps:restart", app)
        else:
            await asyncio.to_thread(deploy, "--no-wait")
            await asyncio.sleep(0.1 * (1 + number // 4 % 12))  # another moment of the deploy each time
            trial.kill()
            await asyncio.to_thread(trial.start)
            assert (await asyncio.to_thread(trial.settle, app))["status"] == "active"
        windows.append(Window(kind=kind, begun=begun, ended=time.monotonic()))
    return windows


def describe(windows: list[Window], report: Report) -> str:
    """Return how long requests waited in each kind of operation, for people."""
    lines = [f"{len(windows)} operations: {report.summary()}"]
    for kind in dict.fromkeys(window.kind for window in windows):
        holds = sorted(window.hold(report) for window in windows if window.kind == kind)
        lines.append(f"  {kind}: {len(holds)}, slowest request {statistics.median(holds):.2f} s (median of all), "
                     f"{holds[-1]:.2f} s (longest)")  # fmt: skip
    return "\n".join(lines)
