"""``python -m tests.fuzz SECONDS``: search for input that crashes a parser, blocks the loop or fills the memory."""

import asyncio
import gc
import logging
import sys
import time
import tracemalloc
from collections import Counter
from itertools import cycle

import structlog
from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz.holding import MOST_SECONDS, held_for
from tests.fuzz.targets import TARGETS, Target, read

MOST_BYTES = 50 * 1024 * 1024
AT_A_TIME = 200
AGAIN = 5  # measurements of what seems too slow


class TooCostly(AssertionError):
    """An input that a reader needs too much for."""


def main(seconds: float) -> int:
    """Try each target in turn until the time is over; the inputs differ each time."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    deadline, tried = time.monotonic() + seconds, Counter[str]()
    worst = dict.fromkeys((target.name for target in TARGETS), 0.0)
    with asyncio.Runner() as runner:
        for target in cycle(TARGETS):
            if time.monotonic() > deadline:
                break
            _try_many(runner, target, tried, worst)
    for target in TARGETS:
        print(f"{target.name:26} {tried[target.name]:9,} inputs   held the loop {worst[target.name] * 1000:6.1f} ms")
    print(f"{tried.total():,} inputs in {seconds:g} s: none crashed a reader or cost more than it may")
    return 0


def _try_many(runner: asyncio.Runner, target: Target, tried: Counter[str], worst: dict[str, float]) -> None:
    @settings(max_examples=AT_A_TIME, deadline=None, database=None, suppress_health_check=list(HealthCheck),
              phases=(Phase.generate, Phase.shrink))  # fmt: skip
    @given(target.inputs)
    def attempt(value: object) -> None:
        tried[target.name] += 1
        if target.holds_loop:
            held = runner.run(held_for(lambda: read(target, value)))
            # The garbage collector adds to a single measurement, not to the least of some.
            for _ in range(AGAIN):
                if held <= MOST_SECONDS:
                    break
                held = min(held, runner.run(held_for(lambda: read(target, value))))
            worst[target.name] = max(worst[target.name], held)
            if held > MOST_SECONDS:
                raise TooCostly(f"{target.name}: the loop was held for {held * 1000:.0f} ms")
        if not target.holds_loop or tried[target.name] % 20 == 0:
            _weigh(runner, target, value)

    gc.collect()
    gc.freeze()  # what is kept from earlier inputs is no part of the server's heap
    attempt()


def _weigh(runner: asyncio.Runner, target: Target, value: object) -> None:
    tracemalloc.start()
    try:
        runner.run(read(target, value))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    if peak > MOST_BYTES:
        raise TooCostly(f"{target.name}: {peak:,} bytes")


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 600.0))
