"""Simulated pull requests: a few in every run, a thousand in the slow suite, ten thousand in the long suite."""

import asyncio
import logging
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest
import structlog

from tests.support.preview_lives import LIVES_A_SERVER, Outcome, one_server, total

PROCESSES = 2
LIVES_WITH_SERVICES = 10  # on one server: ten times as many cost thirty times as much
IN_THE_LONG_SUITE = pytest.param(10_000, marks=[pytest.mark.long, pytest.mark.timeout(7200)])


def quietly(seed: int) -> Outcome:
    """Run one simulation without logging, for a process of a pool."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    return asyncio.run(one_server(seed))


@pytest.mark.slow
async def test_previews_exist_while_they_should_and_leave_nothing():
    outcome = await one_server(0)

    assert (outcome.lives, outcome.broken, outcome.left) == (LIVES_A_SERVER, [], [])
    assert all(outcome.traffic_counts[kind] > 0 for kind in ("lost", "twice", "late", "restarts"))


@pytest.mark.slow
@pytest.mark.parametrize("lives", [1_000, IN_THE_LONG_SUITE])
def test_previews_of_many_pull_requests_leave_nothing(lives: int):
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as pool:
        outcome = total(pool.map(quietly, range(1, 1 + lives // LIVES_A_SERVER)))

    assert (outcome.lives, outcome.broken, outcome.left) == (lives, [], [])
    assert outcome.traffic_counts["lost"] > 0.25 * outcome.traffic_counts["sent"]


def with_services(seed: int) -> Outcome:
    """Like ``quietly``, with services for each preview, one of them a copy."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    return asyncio.run(one_server(seed, LIVES_WITH_SERVICES, services=True))


@pytest.mark.slow
async def test_services_of_previews_leave_nothing():
    outcome = await one_server(0, 4, services=True)

    assert (outcome.lives, outcome.broken, outcome.left) == (4, [], [])


@pytest.mark.slow
@pytest.mark.parametrize("lives", [200, IN_THE_LONG_SUITE])
def test_services_of_hundreds_of_previews_leave_nothing(lives: int):
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as pool:
        outcome = total(pool.map(with_services, range(1, 1 + lives // LIVES_WITH_SERVICES)))

    assert (outcome.lives, outcome.broken, outcome.left) == (lives, [], [])


@pytest.mark.slow
@pytest.mark.parametrize("broken_part", ["services", "networks"])
async def test_the_simulation_detects_leftover_services(broken_part: str, monkeypatch: pytest.MonkeyPatch):
    keeper = "pvdify.engine.state.services.keeper.ServiceKeeper"

    async def nothing(*_: object) -> None:
        pass

    if broken_part == "services":  # their data goes to the trash, as that of others
        monkeypatch.setattr("pvdify.engine.state.services.orders.ServiceOrders.purge", nothing)
    else:
        monkeypatch.setattr("tests.fakes.private_networks.FakePrivateNetworks.remove", nothing)
        monkeypatch.setattr(f"{keeper}.remove_leftovers", nothing)

    outcome = await one_server(1, 2, services=True)

    assert outcome.left


@pytest.mark.slow
@pytest.mark.parametrize("broken_part", ["reaper", "lease"])
async def test_the_simulation_detects_leftovers_and_early_removal(broken_part: str, monkeypatch: pytest.MonkeyPatch):
    # A test that could not fail would show nothing: here the product is broken on purpose.
    if broken_part == "reaper":
        monkeypatch.setattr("pvdify.engine.previews.reaper.Reaper._is_over", lambda *_: False)
    else:
        monkeypatch.setattr("pvdify.engine.previews.reaper.Reaper._is_over", lambda *_: True)

    outcome = await one_server(1, 5)

    found = " ".join(outcome.broken)
    assert ("after its time" in found and outcome.left) if broken_part == "reaper" else "while it was open" in found
