"""Which hostnames a token for one app may claim, on every way in."""

from dataclasses import replace

import pytest

from pvdify.errors import HostnameNotGranted, HostnameReserved, PvdifyError
from pvdify.model.grant import Grant, GrantKind
from pvdify.model.token import Actor, Role
from tests.fakes.machine import ACTOR, Daemon, Machine
from tests.support.wanted import deploy_request

IMAGE = "reg.example.com/shop:v1"
SCOPED = Actor(name="shops", role=Role.DEPLOY, app="shop")
ADMIN = Actor(name="admin", role=Role.ADMIN)
FOREIGN = ["login.victim.example", "billing.example.com", "www.example.com", "xshop.example.com",
           "shop.example.com.evil.example"]  # fmt: skip
OWN = ["www.shop.example.com", "a.b.shop.example.com"]


@pytest.fixture
async def daemon():
    machine = Machine()
    machine.registry.push(IMAGE)
    daemon = machine.daemon()
    await daemon.deploy(image=IMAGE)
    yield daemon
    await daemon.bury()


async def deploy(daemon: Daemon, hostname: str, actor: Actor) -> None:
    request = deploy_request(image=IMAGE, manifest={"domains": [hostname]})
    release = await daemon.requests.deploy("shop", request, actor)
    await daemon.finish("shop", release.version)


async def add(daemon: Daemon, hostname: str, actor: Actor) -> None:
    await daemon.domains.add("shop", hostname, actor)


@pytest.mark.parametrize("claim", [deploy, add])
@pytest.mark.parametrize("hostname", FOREIGN)
async def test_a_token_for_one_app_claims_no_foreign_hostname(daemon: Daemon, claim, hostname: str):
    before = await daemon.world.router.routes()

    with pytest.raises(HostnameNotGranted) as refused:
        await claim(daemon, hostname, SCOPED)

    assert refused.value.next == f"ask an admin for `pvdify domains:grant shop {hostname}`"
    assert await daemon.world.router.routes() == before
    assert len(await daemon.world.store.releases("shop", 99)) == 1


@pytest.mark.parametrize("claim", [deploy, add])
@pytest.mark.parametrize("hostname", OWN)
async def test_names_below_its_own_are_the_apps(daemon: Daemon, claim, hostname: str):
    await claim(daemon, hostname, SCOPED)

    assert hostname in (await daemon.world.router.routes())["shop"].hostnames


@pytest.mark.parametrize("claim", [deploy, add])
async def test_a_granted_hostname_may_be_claimed_until_it_is_revoked(daemon: Daemon, claim):
    await daemon.domains.grant("shop", "WWW.Shop.Net.", ADMIN)

    await claim(daemon, "www.shop.net", SCOPED)

    assert "www.shop.net" in (await daemon.world.router.routes())["shop"].hostnames
    await daemon.domains.revoke("shop", "www.shop.net", ADMIN)
    with pytest.raises(HostnameNotGranted):
        await deploy(daemon, "www.shop.net", SCOPED)


@pytest.mark.parametrize("claim", [deploy, add])
@pytest.mark.parametrize("actor", [ADMIN, ACTOR])
async def test_a_token_for_the_whole_server_grants_what_it_claims(daemon: Daemon, claim, actor: Actor):
    await claim(daemon, "www.shop.net", actor)

    assert [it.name for it in await daemon.domains.grants("shop")] == ["www.shop.net"]
    await deploy(daemon, "www.shop.net", SCOPED)


@pytest.mark.parametrize("claim", [deploy, add])
@pytest.mark.parametrize("actor", [ADMIN, ACTOR, SCOPED])
async def test_the_base_domain_cannot_be_claimed(daemon: Daemon, claim, actor: Actor):
    with pytest.raises(HostnameReserved):
        await claim(daemon, "example.com", actor)


async def test_the_host_of_the_public_url_cannot_be_claimed():
    machine = Machine()
    machine.settings = replace(machine.settings, public_url="https://pvdify.example.com")
    machine.registry.push(IMAGE)
    daemon = machine.daemon()
    await daemon.deploy(image=IMAGE)

    with pytest.raises(HostnameReserved):
        await add(daemon, "pvdify.example.com", ADMIN)
    with pytest.raises(HostnameReserved):
        await daemon.requests.create_app("pvdify", ADMIN)
    with pytest.raises(HostnameReserved):
        await daemon.requests.deploy("pvdify", deploy_request(image=IMAGE), ADMIN)
    await daemon.bury()


@pytest.mark.parametrize("claim", [deploy, add])
async def test_the_host_of_the_public_url_cannot_be_claimed_by_an_app_above_it(claim):
    machine = Machine()
    machine.settings = replace(machine.settings, public_url="https://panel.shop.example.com")
    machine.registry.push(IMAGE)
    daemon = machine.daemon()
    await daemon.deploy(image=IMAGE)

    for actor in (ADMIN, SCOPED):
        with pytest.raises(HostnameReserved):
            await claim(daemon, "panel.shop.example.com", actor)
    await daemon.bury()


async def test_an_app_keeps_the_hostnames_it_had_before_grants(daemon: Daemon):
    had = Grant(app="shop", kind=GrantKind.HOSTNAME, name="example.com", created_at=daemon.world.clock.now(),
                created_by="upgrade")  # fmt: skip
    await daemon.world.store.save(had)

    await deploy(daemon, "example.com", SCOPED)

    assert "example.com" in (await daemon.world.router.routes())["shop"].hostnames


async def test_a_rollback_claims_no_revoked_hostname(daemon: Daemon):
    await deploy(daemon, "www.shop.net", ADMIN)
    await daemon.deploy(image=IMAGE, manifest={})
    await daemon.domains.revoke("shop", "www.shop.net", ADMIN)

    with pytest.raises(PvdifyError) as refused:
        await daemon.requests.rollback("shop", 2, SCOPED)

    assert refused.value.code == "hostname-not-granted"


async def test_destroying_an_app_removes_its_grants(daemon: Daemon):
    await daemon.domains.grant("shop", "www.shop.net", ADMIN)

    await daemon.requests.destroy_app("shop", "shop", ADMIN)
    await daemon.finish_retirements()

    assert await daemon.domains.grants("shop") == ()
