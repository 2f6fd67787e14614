"""Registries at addresses of this machine: refused with the same message, whatever listens there."""

import asyncio

import pytest

from pvdify.adapters.podman.images.local_hosts import HostGate, is_local
from pvdify.errors import RegistryNotAllowed
from pvdify.model.image_reference import parse_image_reference
from pvdify.model.tenant import Tenant

SHOP = Tenant(apps=("shop",))


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.1.1", "100.100.100.200", "224.0.0.1",
     "::1", "::", "fe80::1", "fe80::1%eth0", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "fd00:ec2::254",
     "64:ff9b::7f00:1", "64:ff9b:1::a9fe:a9fe", "2002:7f00:1::", "ff02::1", "168.63.129.16", "fd20:ce::254",
     "fd00:c1::a9fe:a9fe", "255.255.255.255"],
)  # fmt: skip
def test_an_address_of_this_machine_or_its_link_is_local(address: str):
    assert is_local(address)


@pytest.mark.parametrize("address", ["192.168.1.5", "10.0.0.1", "140.82.112.3", "2606:4700::1", "64:ff9b::8c52:7003"])
def test_any_other_address_is_not_local(address: str):
    assert not is_local(address)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:22", "127.0.0.1", "127.1:5000", "2130706433:80", "0x7f.1:80", "localhost:5000", "LOCALHOST:9",
     "[::1]:1", "[::ffff:7f00:1]:1", "0.0.0.0:5000", "169.254.169.254"],
)  # fmt: skip
async def test_every_spelling_of_a_local_host_is_refused_with_the_same_message(host: str):
    reference = parse_image_reference(f"{host}/shop:v1")

    with pytest.raises(RegistryNotAllowed) as refused:
        await HostGate().check(reference, SHOP)

    assert refused.value.what == f"shop may not use {reference.host} as a registry"
    assert refused.value.why == "it is an address of this server or of its network link"


async def test_open_and_closed_local_ports_are_reported_with_the_same_message():
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    said = []

    for _ in range(2):
        with pytest.raises(RegistryNotAllowed) as refused:
            await HostGate().check(parse_image_reference(f"127.0.0.1:{port}/x"), SHOP)
        said.append(refused.value.render())
        server.close()
        await server.wait_closed()

    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("gate", "tenant"),
    [
        (HostGate(("LOCALHOST:5000",)), SHOP),
        (HostGate(), Tenant(apps=("shop",), local_hosts=frozenset({"localhost:5000"}))),
        (HostGate(), None),
    ],
)
async def test_a_local_registry_is_allowed_by_setting_by_grant_and_for_the_server_itself(
    gate: HostGate, tenant: Tenant | None
):
    await gate.check(parse_image_reference("localhost:5000/shop:v1"), tenant)


async def test_a_grant_is_for_one_port():
    tenant = Tenant(apps=("shop",), local_hosts=frozenset({"localhost:5000"}))

    with pytest.raises(RegistryNotAllowed):
        await HostGate().check(parse_image_reference("localhost:5001/shop:v1"), tenant)
