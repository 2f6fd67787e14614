"""Images and registries that belong to an app."""

import pytest

from pvdify.errors import InvalidImageReference
from pvdify.model.instance import Secret
from pvdify.model.token import Actor, Role
from tests.fakes.machine import ACTOR, Daemon, Machine
from tests.support.wanted import deploy_request, preview_request

IMAGE = "reg.example.com/shop:v1"
SCOPED = Actor(name="shops", role=Role.DEPLOY, app="shop")
PASSWORD = Secret("an-access-token")


@pytest.fixture
async def daemon():
    machine = Machine()
    machine.registry.push(IMAGE)
    machine.registry_logins.passwords = {("ghcr.io", "octocat"): PASSWORD, ("ghcr.io", "shops"): PASSWORD}
    daemon = machine.daemon()
    yield daemon
    await daemon.bury()


@pytest.mark.parametrize("actor", [ACTOR, SCOPED])
@pytest.mark.parametrize(
    "pin", ["localhost/pvdify/0123456789/privapp:v1", "localhost/pvdify/x/y:v2", "localhost/pvdify/a"]
)
async def test_the_pinned_image_of_a_release_cannot_be_deployed_by_name(daemon: Daemon, actor: Actor, pin: str):
    with pytest.raises(InvalidImageReference, match="cannot be deployed"):
        await daemon.requests.deploy("shop", deploy_request(image=pin), actor)
    with pytest.raises(InvalidImageReference, match="cannot be deployed"):
        await daemon.previews.open("shop", 7, preview_request(image=pin), actor)


async def test_images_are_pulled_with_the_grants_of_the_app(daemon: Daemon):
    first = await daemon.requests.deploy("shop", deploy_request(image=IMAGE), SCOPED)
    await daemon.finish("shop", first.version)
    await daemon.deploy(image=IMAGE)  # with a token for all apps, which vouches for the registry
    _, preview = await daemon.previews.open("shop", 7, preview_request(image=IMAGE), SCOPED)
    await daemon.finish("shop-pr-7", preview.version)

    tenants = [tenant for tenant in daemon.machine.images.tenants if tenant]
    assert [tenant.apps for tenant in tenants] == [("shop",), ("shop",), ("shop-pr-7", "shop")]
    assert [set(tenant.local_hosts) for tenant in tenants] == [set(), {"reg.example.com"}, {"reg.example.com"}]


async def test_an_app_login_and_a_shared_login_coexist(daemon: Daemon):
    shared = await daemon.registries.login("ghcr.io", "octocat", PASSWORD, ACTOR)
    own = await daemon.registries.login("ghcr.io", "shops", PASSWORD, ACTOR, "shop")

    assert daemon.machine.registry_logins.used == (shared, own)
    assert await daemon.registries.get("ghcr.io", "shop") == own
    await daemon.registries.logout("ghcr.io", ACTOR, "shop")
    assert await daemon.registries.list() == (shared,)
