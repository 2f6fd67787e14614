"""Limits of previews: however a release is requested, a token for one app cannot exceed what its app allows."""

from typing import Any

import pytest

from pvdify.errors import DeniedError, InvalidError, InvalidScale, NotRollbackable, PreviewLimit
from pvdify.model.config import ConfigVar
from pvdify.model.instance import Secret
from pvdify.model.scale import RequestedCount
from pvdify.model.token import Actor, Role
from tests.fakes.machine import ACTOR, Daemon, Machine
from tests.support.wanted import deploy_request, preview_request

IMAGE = "reg.example.com/shop:v1"
MEGA = 1024**2
GREEDY = {
    "processes": {"web": {"count": 3, "resources": {"memory": "2G"}}},
    "resources": {"memory": "4G", "cpu": 8},
    "domains": ["login.victim.example", "billing.example.com", "example.com"],
    "previews": {"resources": {"memory": "8G"}, "max": 99, "instances": 500},
}
OF_SHOP = Actor(name="shops", role=Role.DEPLOY, app="shop")
OF_PREVIEW = Actor(name="pr7", role=Role.DEPLOY, app="shop-pr-7")


@pytest.fixture
async def daemon():
    machine = Machine()
    for tag in ("v1", "v2"):
        machine.registry.push(f"reg.example.com/shop:{tag}")
    daemon = machine.daemon()
    yield daemon
    await daemon.bury()


async def live(daemon: Daemon, **policy: Any) -> None:
    await daemon.deploy(image=IMAGE, manifest={"previews": policy})


async def by_release(daemon: Daemon, number: int, manifest: dict[str, Any], actor: Actor) -> str:
    name = f"shop-pr-{number}"
    view = await daemon.previews.deploy(name, deploy_request(image=IMAGE, manifest=manifest), actor)
    release = view.release
    await daemon.finish(name, release.version)
    return name


async def by_preview(daemon: Daemon, number: int, manifest: dict[str, Any], actor: Actor) -> str:
    _, release = await daemon.previews.open("shop", number, preview_request(image=IMAGE, manifest=manifest), actor)
    await daemon.finish(release.app, release.version)
    return release.app


BOTH_WAYS = pytest.mark.parametrize("way", [by_release, by_preview])


@BOTH_WAYS
@pytest.mark.parametrize("actor", [OF_SHOP, OF_PREVIEW, ACTOR])
async def test_limits_and_hostnames_are_those_of_the_apps_previews(daemon: Daemon, way, actor: Actor):
    await live(daemon, resources={"memory": "128M", "cpu": 0.5}, max=2)

    name = await way(daemon, 7, GREEDY, actor)

    manifest = (await daemon.world.store.active_release(name)).manifest
    assert manifest.limits_of("web").memory == manifest.resources.memory == 128 * MEGA
    assert manifest.resources.cpu == 0.5
    assert (await daemon.world.router.routes())[name].hostnames == ("shop-pr-7.example.com",)
    assert (await daemon.world.store.preview(name)).parent == "shop"


@BOTH_WAYS
async def test_the_number_of_previews_is_limited_by_the_app(daemon: Daemon, way):
    await live(daemon, max=1)
    await way(daemon, 7, {}, OF_SHOP)

    with pytest.raises(PreviewLimit):
        await way(daemon, 50, GREEDY, OF_SHOP)

    assert "shop-pr-50" not in await daemon.world.router.routes()


@BOTH_WAYS
async def test_a_preview_is_never_open_without_its_gate(daemon: Daemon, way):
    await daemon.requests.create_app("shop-staging", ACTOR)
    await daemon.requests.change_config("shop-staging", {"LOGIN": ConfigVar(value=Secret("team:opensesame"))}, ACTOR)
    await live(daemon, config_from="shop-staging", basic_auth="LOGIN")

    name = await way(daemon, 50, {}, OF_SHOP)

    assert (await daemon.world.router.routes())[name].gate is not None


@BOTH_WAYS
async def test_an_app_with_default_limits_gives_its_previews_the_defaults(daemon: Daemon, way):
    await daemon.deploy(image=IMAGE)

    name = await way(daemon, 7, GREEDY, OF_PREVIEW)

    assert (await daemon.world.store.active_release(name)).manifest.resources.memory == 256 * MEGA


@BOTH_WAYS
async def test_without_a_live_app_its_own_manifest_counts_within_the_defaults(daemon: Daemon, way):
    name = await way(daemon, 7, GREEDY, OF_PREVIEW)

    manifest = (await daemon.world.store.active_release(name)).manifest
    assert (manifest.resources.memory, manifest.previews.max, manifest.previews.instances) == (256 * MEGA, 10, 10)


@BOTH_WAYS
async def test_the_instances_of_a_preview_are_limited_by_the_app(daemon: Daemon, way):
    await live(daemon, instances=2)

    with pytest.raises(InvalidError, match="3 instances"):
        await way(daemon, 7, GREEDY, OF_PREVIEW)

    name = await way(daemon, 8, {}, OF_SHOP)
    with pytest.raises(InvalidScale, match="9 instances"):
        await daemon.processes.scale(name, {"web": RequestedCount(number=9)}, OF_SHOP)


@BOTH_WAYS
async def test_config_of_another_tenant_cannot_be_copied(daemon: Daemon, way):
    await daemon.requests.create_app("blog-staging", ACTOR)
    stealing = {"previews": {"config_from": "blog-staging"}}

    with pytest.raises(DeniedError):
        await way(daemon, 7, stealing, OF_PREVIEW)
    with pytest.raises(DeniedError):
        await daemon.requests.deploy("shop", deploy_request(image=IMAGE, manifest=stealing), OF_SHOP)

    await daemon.deploy(image=IMAGE, manifest=stealing)  # a token for all apps may
    again = await daemon.requests.deploy("shop", deploy_request(image=IMAGE, manifest=stealing), OF_SHOP)
    await daemon.finish("shop", again.version)


async def test_a_rollback_respects_the_current_limits(daemon: Daemon):
    await live(daemon, resources={"memory": "512M"})
    await by_release(daemon, 7, {"resources": {"memory": "512M"}}, OF_PREVIEW)
    await live(daemon, resources={"memory": "128M"})
    await by_release(daemon, 7, {}, OF_PREVIEW)

    with pytest.raises(NotRollbackable, match="more than previews of shop may have"):
        await daemon.previews.rollback("shop-pr-7", 1, OF_PREVIEW)


async def test_a_rollback_respects_the_current_number_of_instances(daemon: Daemon):
    await live(daemon, instances=3)
    await by_release(daemon, 7, {"processes": {"web": {"count": 3}}}, OF_PREVIEW)
    await live(daemon, instances=1)
    await by_release(daemon, 7, {"processes": {"web": {"count": 1}}}, OF_PREVIEW)

    with pytest.raises(InvalidError, match="was not rolled back: it would have 3 instances"):
        await daemon.previews.rollback("shop-pr-7", 1, OF_PREVIEW)


async def test_a_rollback_within_the_limits_succeeds(daemon: Daemon):
    await live(daemon, resources={"memory": "128M"})
    for _ in range(2):
        await by_release(daemon, 7, {}, OF_PREVIEW)

    release = (await daemon.previews.rollback("shop-pr-7", 1, OF_PREVIEW)).release

    assert (await daemon.finish("shop-pr-7", release.version)).repeats == 1
