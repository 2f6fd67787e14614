"""Ten thousand pull requests' lives, on a hundred servers; a few of them in every run of the unit tests."""

import asyncio
import logging
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest
import structlog

from tests.support.preview_lives import LIVES_A_SERVER, Outcome, one_server, total

LIVES = 10_000
PROCESSES = 2


def quietly(seed: int) -> Outcome:
    """In a process of its own, which writes no log."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    return asyncio.run(one_server(seed))


@pytest.mark.timeout(120)
async def test_previews_are_there_while_they_should_be_and_nothing_is_left_of_them():
    outcome = await one_server(0)

    assert (outcome.lives, outcome.broken, outcome.left) == (LIVES_A_SERVER, [], [])
    assert all(outcome.told[kind] > 0 for kind in ("lost", "twice", "late", "restarts"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_so_it_is_with_ten_thousand_pull_requests():
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as pool:
        outcome = total(pool.map(quietly, range(1, 1 + LIVES // LIVES_A_SERVER)))

    assert (outcome.lives, outcome.broken, outcome.left) == (LIVES, [], [])
    assert outcome.told["lost"] > 0.25 * outcome.told["sent"]


@pytest.mark.parametrize("broken_part", ["reaper", "lease"])
async def test_the_simulation_notices_what_is_left_and_what_goes_too_early(
    broken_part: str, monkeypatch: pytest.MonkeyPatch
):
    # A test that could not fail would show nothing: here the product is broken on purpose.
    if broken_part == "reaper":
        monkeypatch.setattr("pvdify.engine.reaper.Reaper._is_over", lambda *_: False)
    else:
        monkeypatch.setattr("pvdify.engine.reaper.Reaper._is_over", lambda *_: True)

    outcome = await one_server(1, 5)

    found = " ".join(outcome.broken)
    assert ("after its time" in found and outcome.left) if broken_part == "reaper" else "while it was open" in found
