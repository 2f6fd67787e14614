"""No foreign input crashes a parser: a short run of ``make fuzz``."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.holding import held_for
from tests.fuzz.targets import TARGETS, Target, read


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_parser_refuses_invalid_input(target: Target):
    @settings(max_examples=25, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(target.inputs)
    def attempt(value: st.DataObject) -> None:
        asyncio.run(read(target, value))

    attempt()


async def test_the_time_that_blocks_the_loop_is_measured():
    async def count() -> None:
        sum(range(5_000_000))  # one call in C, which keeps the interpreter

    async def count_in_thread() -> None:
        await asyncio.to_thread(sum, range(5_000_000))

    idle, on_loop, in_thread = [await held_for(work) for work in (lambda: asyncio.sleep(0.1), count, count_in_thread)]

    assert min(on_loop, in_thread) > 2 * idle
