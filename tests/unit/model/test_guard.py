"""When a release is bad enough to be rolled back: random errors are tolerated, a real change is not."""

import random

import pytest

from pvdify.model.guard import judge
from pvdify.model.route import Traffic

LIMIT = 0.05


def traffic(requests: int, errors: int) -> Traffic:
    return Traffic(requests=requests, app_errors=errors)


@pytest.mark.parametrize(
    ("now", "before", "is_too_bad"),
    [
        (traffic(100, 20), traffic(1000, 1), True),
        (traffic(100, 20), traffic(0, 0), True),
        (traffic(100, 20), traffic(1000, 200), False),  # as bad as before
        (traffic(400, 200), traffic(1000, 200), True),  # much worse than before, which was bad
        (traffic(19, 19), traffic(1000, 0), False),  # too few to say anything
        (traffic(20, 20), traffic(1000, 0), True),
        (traffic(100, 5), traffic(1000, 0), False),  # at the limit
        (traffic(30, 3), traffic(1000, 0), False),  # 10 % may be chance among so few
        (traffic(1000, 100), traffic(1000, 0), True),
        (traffic(0, 0), traffic(0, 0), False),
    ],
)
def test_verdicts(now: Traffic, before: Traffic, is_too_bad: bool) -> None:
    assert judge(now, before, LIMIT).is_too_bad is is_too_bad


def test_errors_of_the_router_count_too() -> None:
    assert judge(Traffic(requests=100, router_errors=30), traffic(100, 0), LIMIT).is_too_bad


def test_a_verdict_gives_the_figures() -> None:
    text = "240 of 1,200 requests (20.0 %) with 5xx, before: 1 of 4,000 requests (0.0 %); allowed: 5 %"

    assert str(judge(traffic(1200, 240), traffic(4000, 1), LIMIT)) == text


def trips(rate: float, seed: int, *, per_second: int = 10, seconds: int = 60) -> bool:
    """Return whether a release with this error rate is rolled back within its window, checked every second."""
    chance, errors = random.Random(seed), 0
    before = traffic(5000, 10)
    for second in range(1, seconds + 1):
        errors += sum(chance.random() < rate for _ in range(per_second))
        if judge(traffic(second * per_second, errors), before, LIMIT).is_too_bad:
            return True
    return False


def test_a_release_with_a_fifth_of_errors_is_always_caught() -> None:
    assert sum(trips(0.2, seed) for seed in range(1000)) == 1000


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.0, 0.002, 0.01])
def test_a_healthy_release_is_never_rolled_back(rate: float) -> None:
    assert sum(trips(rate, seed) for seed in range(1000)) == 0


def test_few_requests_do_not_trigger_the_guard() -> None:
    assert not any(trips(0.2, seed, per_second=1, seconds=15) for seed in range(1000))
