"""Each due time of a job runs once or is recorded as skipped with its cause, whatever happens to the server."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from tests.support.job_lives import JobLife

DUE_IN_A_PART, PARTS = 1_000, 10


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Disable logging: pytest would keep millions of lines for its report."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_no_due_time_runs_twice_or_is_lost(seed: int) -> None:
    life = JobLife(seed, steps=12)

    assert life.run() == []
    assert life.due > 0


@pytest.mark.slow
@pytest.mark.parametrize("first_seed", [100, 200])
def test_no_due_time_runs_twice_or_is_lost_in_hundreds(first_seed: int) -> None:
    assert problems_of_lives(first_seed, DUE_IN_A_PART // 4) == []


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("part", range(PARTS))
def test_no_due_time_runs_twice_or_is_lost_in_ten_thousand(part: int) -> None:
    assert problems_of_lives(1000 * (part + 1), DUE_IN_A_PART) == []


def problems_of_lives(seed: int, wanted: int) -> list[str]:
    """Run simulated lives until this many due times have passed."""
    due = 0
    while due < wanted:
        life = JobLife(seed, steps=20)
        if problems := life.run():
            return [f"seed {seed}", *problems]
        due, seed = due + life.due, seed + 1
    return []


@pytest.mark.slow
def test_two_switches_between_two_passes_lose_no_due_time() -> None:
    assert [JobLife(seed, steps=20).run() for seed in (4009, 5003, 6007, 10009)] == [[]] * 4
