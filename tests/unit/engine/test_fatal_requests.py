"""Requests that end instances are named, once."""

from dataclasses import replace
from datetime import timedelta

from pvdify.model.visit import Visit
from tests.fakes.clock import START
from tests.fakes.machine import Daemon, Machine

IMAGE = "reg.example.com/shop:v1"
NAMES = [f"pvdify-shop-web-v1-{number}" for number in (1, 2, 3)]
CRASH = Visit(
    at=START, request_id="1", client="203.0.113.7", protocol="https", method="GET", host="shop.test", path="/crash",
    status=502, seconds=0.1, wait=0.0, bytes_in=100, bytes_out=100, target="shop/v1:1", retries=0, ended="SH--",
    agent="",
)  # fmt: skip


async def deployed() -> tuple[Machine, Daemon]:
    machine = Machine()
    machine.registry.push(IMAGE)
    daemon = machine.daemon()
    await daemon.deploy(image=IMAGE, manifest={"processes": {"web": {"count": 3}}})
    return machine, daemon


async def named(machine: Machine) -> list[str]:
    return [it.text for it in await machine.store.events("shop") if it.action == "instance.died-in-request"]


async def test_a_request_that_ends_instances_is_named_once_however_many_it_ends() -> None:
    machine, daemon = await deployed()

    for number, name in enumerate(NAMES, start=1):
        machine.access_log.visits.append(replace(CRASH, target=f"shop/v1:{number}"))
        machine.supervisor.crash(name, code=139)
        await daemon.reconciler.reconcile()

    assert await named(machine) == ["web.1 exited with code 139 while it worked at GET /crash"]
    (event,) = [it for it in await machine.store.events("shop") if it.action == "instance.died-in-request"]
    assert event.release == 1
    await daemon.bury()


async def test_only_requests_cut_by_the_end_of_this_instance_are_named() -> None:
    machine, daemon = await deployed()
    second = timedelta(seconds=1)
    machine.access_log.visits += [
        replace(CRASH, path="/lost-long-before", at=START - 60 * second),
        replace(CRASH, path="/of-another", target="shop/v1:2"),
        replace(CRASH, path="/a", method="POST"),
        replace(CRASH, path="/b", status=200, ended="SD--"),
        replace(CRASH, path="/b", status=200, ended="SD--"),
    ]

    machine.supervisor.crash(NAMES[0], code=137, is_out_of_memory=True)
    await daemon.reconciler.reconcile()

    (text,) = await named(machine)
    assert text.endswith("while it worked at GET /b, POST /a")
    await daemon.bury()


async def test_no_request_is_named_without_requests_in_flight_or_after_a_normal_exit() -> None:
    machine, daemon = await deployed()
    machine.access_log.visits += [CRASH, replace(CRASH, path="/answered", status=200, ended="----")]
    machine.supervisor.crash(NAMES[0], code=1)
    machine.access_log.visits.append(replace(CRASH, target="shop/v1:2"))
    machine.supervisor.crash(NAMES[1], code=0)

    await daemon.reconciler.reconcile()

    assert await named(machine) == []
    await daemon.bury()


async def test_many_fatal_requests_are_summarised() -> None:
    machine, daemon = await deployed()
    machine.access_log.visits += [replace(CRASH, path=f"/{letter}{'x' * 500}") for letter in "abcde"]

    machine.supervisor.crash(NAMES[0], code=1)
    await daemon.reconciler.reconcile()

    (text,) = await named(machine)
    assert text.endswith(" and 2 more")
    assert len(text) < 400
    await daemon.bury()
