"""Rate limits of callers."""

import pytest

from pvdify.engine.access import limits
from pvdify.engine.access.limits import Limit
from pvdify.errors import TooManyRequests
from tests.fakes.clock import FakeClock


def use_up(limit: Limit, caller: str, turns: int) -> None:
    for _ in range(turns):
        limit.check(caller)
        limit.take(caller)


def test_a_burst_is_allowed_and_refilled_over_time():
    clock = FakeClock()
    limit = Limit(clock, "questions", most=3, per_second=0.5)

    use_up(limit, "a", 3)
    with pytest.raises(TooManyRequests) as refused:
        limit.check("a")
    clock.jump(2)
    use_up(limit, "a", 1)

    assert refused.value.details["retry_after"] == 2
    assert refused.value.why == "3 may come at once, then 30 a minute"
    with pytest.raises(TooManyRequests):
        limit.check("a")


def test_callers_are_limited_separately():
    limit = Limit(FakeClock(), "questions", most=1, per_second=1)

    use_up(limit, "a", 1)

    use_up(limit, "b", 1)


def test_the_number_of_remembered_callers_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "MOST_CALLERS", 100)  # the real number would only take longer
    clock = FakeClock()
    limit = Limit(clock, "questions", most=1, per_second=1)
    for number in range(99):
        use_up(limit, str(number), 1)
    clock.jump(10)

    use_up(limit, "busy", 1)
    use_up(limit, "next", 1)

    with pytest.raises(TooManyRequests):
        limit.check("busy")
    for number in range(1000):
        use_up(limit, f"more {number}", 1)
        assert len(limit._callers) <= 100
