"""Hostnames: added by hand or by a manifest, each belonging to one app."""

import asyncio
from dataclasses import replace

import pytest

from pvdify.engine.edge import domains
from pvdify.errors import DomainNotFound, DomainNotRemovable, HostnameTaken, InvalidHostname
from pvdify.model.release import ReleaseStatus
from pvdify.model.token import Role
from tests.fakes.machine import ACTOR, Daemon, Machine, assert_consistent
from tests.support.wanted import deploy_request

V1 = "reg.example.com/shop:v1"


@pytest.fixture
async def machine():
    machine = Machine()
    machine.registry.push(V1)
    return machine


@pytest.fixture
async def daemon(machine: Machine):
    daemon = machine.daemon()
    yield daemon
    await daemon.bury()


async def hostnames(machine: Machine, app: str) -> tuple[str, ...]:
    return (await machine.router.routes())[app].hostnames


async def origins(daemon: Daemon, app: str) -> dict[str, str]:
    return {domain.hostname: domain.origin.value for domain in await daemon.domains.list(app)}


async def test_an_added_hostname_is_routed_at_once_and_kept_over_deploys(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest={"domains": ["www.shop.net"]})

    added, is_new = await daemon.domains.add("shop", "Shop.NET.", ACTOR)

    assert (added.hostname, is_new) == ("shop.net", True)
    assert await hostnames(machine, "shop") == ("shop.example.com", "shop.net", "www.shop.net")
    await daemon.deploy(image=V1, manifest={})
    assert await hostnames(machine, "shop") == ("shop.example.com", "shop.net")
    assert await origins(daemon, "shop") == {"shop.example.com": "app", "shop.net": "added"}
    await assert_consistent(machine)


async def test_a_rollback_restores_the_hostnames_of_the_manifest_and_keeps_those_added(
    machine: Machine, daemon: Daemon
):
    await daemon.deploy(image=V1, manifest={"domains": ["old.net"]})
    await daemon.deploy(image=V1, manifest={"domains": ["new.net"]})
    await daemon.domains.add("shop", "mine.net", ACTOR)

    await daemon.rollback()

    assert await hostnames(machine, "shop") == ("mine.net", "old.net", "shop.example.com")


async def test_adding_an_existing_hostname_changes_nothing(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest={"domains": ["www.shop.net"]})
    before = await machine.store.events("shop")

    answers = [await daemon.domains.add("shop", name, ACTOR) for name in ("www.shop.net", "shop.example.com")]

    assert [(it.origin.value, is_new) for it, is_new in answers] == [("manifest", False), ("app", False)]
    assert await machine.store.events("shop") == before


async def test_international_hostnames_are_routed_as_punycode(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)

    added, _ = await daemon.domains.add("shop", "Bücher.example", ACTOR)

    assert added.hostname == "xn--bcher-kva.example"
    assert "xn--bcher-kva.example" in await hostnames(machine, "shop")


@pytest.mark.parametrize(
    ("hostname", "why"),
    [
        ("*.shop.net", "a wildcard cannot be routed to one app"),
        ("https://shop.net", "the hostname alone"),
        ("shop.net:80", "the hostname alone"),
        ("shop", "a hostname like"),
        ("a..b", "a hostname like"),
        ("-a.net", "a hostname like"),
        ("10.0.0.1", "a hostname like"),
        ("xn--a.net", "a hostname like"),
        (f"{'a' * 64}.net", "a hostname like"),
        (".".join(["abcdefg"] * 32), "a hostname like"),
        ("", "a hostname like"),
    ],
)
async def test_invalid_hostnames_are_refused_with_the_reason(machine: Machine, daemon: Daemon, hostname: str, why: str):
    await daemon.requests.create_app("shop", ACTOR)

    with pytest.raises(InvalidHostname) as caught:
        await daemon.domains.add("shop", hostname, ACTOR)

    assert why in caught.value.why


async def test_a_hostname_belongs_to_one_app(machine: Machine, daemon: Daemon):
    await daemon.deploy(app="blog", image=V1, manifest={"domains": ["www.net.org"]})
    await daemon.domains.add("blog", "added.org", ACTOR)
    await daemon.requests.create_app("shop", ACTOR)

    for taken in ("blog.example.com", "www.net.org", "added.org"):
        with pytest.raises(HostnameTaken, match=f"{taken}: blog does"):
            await daemon.domains.add("shop", taken, ACTOR)
    refused = await daemon.deploy(image=V1, manifest={"domains": ["added.org"]})

    assert refused.failure is not None
    assert refused.failure.code == "hostname-taken"
    assert machine.images.pulled == ["reg.example.com/shop@" + str((await machine.store.release("blog", 1)).digest)]


async def test_the_default_hostname_of_a_new_app_may_be_taken(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    await daemon.domains.add("shop", "blog.example.com", ACTOR)

    with pytest.raises(HostnameTaken, match=r"blog cannot answer to blog\.example\.com: shop does"):
        await daemon.requests.create_app("blog", ACTOR)
    refused = await daemon.deploy(app="blog", image=V1)

    assert refused.status is ReleaseStatus.FAILED
    assert await hostnames(machine, "shop") == ("blog.example.com", "shop.example.com")


async def test_two_deploys_at_once_never_both_get_a_hostname(machine: Machine, daemon: Daemon):
    apps = ("blog", "shop")
    wanted = deploy_request(image=V1, manifest={"domains": ["both.org"]})
    await asyncio.gather(*(daemon.requests.deploy(app, wanted, ACTOR) for app in apps))

    ended = [await daemon.finish(app, 1) for app in apps]

    assert sorted(release.status.value for release in ended) == ["active", "failed"]
    routes = await machine.router.routes()
    assert sum("both.org" in route.hostnames for route in routes.values()) == 1


async def test_only_what_was_added_can_be_removed(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest={"domains": ["www.shop.net"]})
    await daemon.domains.add("shop", "shop.net", ACTOR)

    await daemon.domains.remove("shop", "SHOP.net", ACTOR)

    assert await hostnames(machine, "shop") == ("shop.example.com", "www.shop.net")
    with pytest.raises(DomainNotFound):
        await daemon.domains.remove("shop", "shop.net", ACTOR)
    with pytest.raises(DomainNotRemovable, match=r"www\.shop\.net stays"):
        await daemon.domains.remove("shop", "www.shop.net", ACTOR)
    with pytest.raises(DomainNotRemovable, match=r"shop\.example\.com stays"):
        await daemon.domains.remove("shop", "shop.example.com", ACTOR)


async def test_the_number_of_added_hostnames_is_limited(
    machine: Machine, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domains, "MOST_ADDED", 3)
    await daemon.deploy()
    scoped = replace(ACTOR, app="shop", role=Role.DEPLOY)
    for number in range(3):
        await daemon.domains.add("shop", f"a{number}.shop.example.com", scoped)

    with pytest.raises(InvalidHostname) as refused:
        await daemon.domains.add("shop", "a3.shop.example.com", scoped)

    assert refused.value.why == "3 hostnames have been added to it, and that is the most"
    await daemon.domains.remove("shop", "a0.shop.example.com", scoped)
    await daemon.domains.add("shop", "a3.shop.example.com", scoped)
