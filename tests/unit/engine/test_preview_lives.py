"""A thousand pull requests' lives; `make bench` runs ten thousand."""

import pytest

from tests.support.preview_lives import LIVES_A_SERVER, one_server


@pytest.mark.timeout(120)
@pytest.mark.parametrize("seed", range(10))
async def test_previews_are_there_while_they_should_be_and_nothing_is_left_of_them(seed: int):
    outcome = await one_server(seed)

    assert (outcome.lives, outcome.broken, outcome.left) == (LIVES_A_SERVER, [], [])
    assert all(outcome.told[kind] > 0 for kind in ("lost", "twice", "late", "restarts"))


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
