"""Contract of the ``identities`` port."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from pvdify.adapters.openid.identities import OpenidIdentities
from pvdify.adapters.openid.keys import Keys
from pvdify.errors import IdentityRefused
from pvdify.ports.identities import Identities
from tests.fakes.clock import FakeClock
from tests.fakes.identities import FakeIdentities
from tests.support.issuer import ISSUER, IssuersWeb, claims_of_a_push, rsa_key, signed


@dataclass
class World:
    identities: Identities
    issue: Callable[[dict[str, Any]], str]
    claims: dict[str, Any]


@pytest.fixture(params=["fake", "openid"])
def world(request: pytest.FixtureRequest) -> World:
    clock = FakeClock()
    claims = claims_of_a_push(clock.now())
    if request.param == "fake":
        fake = FakeIdentities()
        return World(fake, lambda said: fake.issue(**said), claims)
    key = rsa_key("one")
    return World(OpenidIdentities(Keys(ISSUER, IssuersWeb(key), clock)), lambda said: signed(said, key), claims)


async def test_a_valid_token_returns_its_claims(world: World):
    first, second = world.issue(world.claims), world.issue(world.claims | {"ref": "refs/heads/other"})

    assert await world.identities.claims_of(first) == world.claims
    assert (await world.identities.claims_of(second))["ref"] == "refs/heads/other"
    assert await world.identities.claims_of(first) == world.claims


@pytest.mark.parametrize("token", ["", "made up", "a.b.c", "☃"])
async def test_an_invalid_token_is_refused_and_the_invalid_part_named(world: World, token: str):
    with pytest.raises(IdentityRefused) as refused:
        await world.identities.claims_of(token)

    assert refused.value.details["claim"]


async def test_a_token_that_was_changed_is_refused(world: World):
    with pytest.raises(IdentityRefused):
        await world.identities.claims_of(world.issue(world.claims)[:-8] + "AAAAAAAA")
