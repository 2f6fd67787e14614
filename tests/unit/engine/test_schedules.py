"""An app on a slow server, whose reconciler looks for seconds while operations begin and end and instances crash.

Of any 100 schedules, about 9 went wrong while repairs were decided by a look that was older than the change: 7 with two
workers at once, 2 with visitors kept at an instance that was dead.
"""

import logging
from collections.abc import Iterator

import pytest
import structlog

from tests.support.schedules import Schedule

SAMPLE = 100
ALL, PARTS = 100_000, 20


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Millions of lines would be kept for a report."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


def wrongs(seeds: range) -> dict[int, list[str]]:
    lived = {seed: Schedule(seed).run() for seed in seeds}
    return {seed: wrong for seed, wrong in lived.items() if wrong}


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, SAMPLE, 25))
def test_nothing_runs_twice_and_nobody_waits_at_what_is_dead(first: int) -> None:
    assert wrongs(range(first, first + 25)) == {}


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("part", range(PARTS))
def test_nor_does_it_in_any_of_very_many_schedules(part: int) -> None:
    count = ALL // PARTS
    assert wrongs(range(part * count, (part + 1) * count)) == {}
