"""Printed URLs are those that a visitor can open."""

import pytest

from pvdify.api import translate
from pvdify.model.edge import EdgeLink
from pvdify.model.instance import Secret
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import ACTOR, Machine

V1 = "reg.example.com/shop:v1"
ENDS_WELL = Behaviour(exit_code=0, exit_after=1.0)
TRIAL = {"router_listen": "127.0.0.1:9180"}


@pytest.mark.parametrize(
    ("settings", "listeners", "has_edge", "expected"),
    [
        ({}, {443}, False, "https://www.shop.net"),
        ({}, set(), False, "http://www.shop.net:9080"),
        ({}, set(), True, "https://www.shop.net"),
        ({"router_listen": "0.0.0.0:80"}, {80}, False, "http://www.shop.net"),
        ({"router_listen": "0.0.0.0:9080"}, {443}, False, "https://www.shop.net"),
        ({"router_listen": "0.0.0.0:443"}, {443}, False, "http://www.shop.net:443"),
        ({"base_domain": "trial.localhost", **TRIAL}, {443}, False, "http://www.shop.net:9180"),
        ({"trusted_proxies": "127.0.0.0/8, 10.0.0.2"}, set(), False, "https://www.shop.net"),
        ({"app_urls": "http:8080"}, {443}, True, "http://www.shop.net:8080"),
        ({"app_urls": "https"}, set(), False, "https://www.shop.net"),
        ({"app_urls": "https:443"}, set(), False, "https://www.shop.net"),
    ],
)
async def test_a_url_depends_on_the_proxy_in_front(
    settings: dict[str, str], listeners: set[int], has_edge: bool, expected: str
) -> None:
    machine = Machine(**settings)
    machine.host.listeners = listeners
    daemon = machine.daemon()
    if has_edge:
        await daemon.edge.connect(EdgeLink(token=Secret("cf-token")), ACTOR)

    assert (await daemon.queries.urls()).of("www.shop.net") == expected
    await daemon.bury()


async def test_hooks_and_instances_know_the_url_of_their_app() -> None:
    machine = Machine()
    machine.registry.push(V1)
    machine.host.listeners = set()
    machine.supervisor.script(ENDS_WELL, process="pre_deploy")
    daemon = machine.daemon()

    await daemon.deploy(image=V1, manifest={"hooks": {"pre_deploy": ["migrate"]}})

    found = {it.process: it.environment for it in machine.supervisor.started}
    hook, instance = found["pre_deploy"], found["web"]
    url = "http://shop.example.com:9080"
    assert hook["PVDIFY_APP_URL"] == instance["PVDIFY_APP_URL"] == url
    assert hook["PVDIFY_URL"] == url
    assert "PVDIFY_URL" not in instance
    await daemon.bury()


async def test_an_app_without_a_web_process_has_no_url() -> None:
    machine = Machine()
    machine.registry.push(V1)
    machine.supervisor.script(ENDS_WELL, process="pre_deploy")
    daemon = machine.daemon()

    await daemon.deploy(
        image=V1, manifest={"processes": {"worker": {"command": "work"}}, "hooks": {"pre_deploy": ["x"]}}
    )

    assert all("PVDIFY_APP_URL" not in it.environment for it in machine.supervisor.started)
    assert all("PVDIFY_URL" not in it.environment for it in machine.supervisor.started)
    await daemon.bury()


async def test_the_api_says_null_for_an_app_and_its_releases() -> None:
    machine = Machine()
    machine.registry.push(V1)
    daemon = machine.daemon()
    await daemon.deploy(image=V1, manifest={"processes": {"worker": {"command": "work"}}})
    urls = await daemon.queries.urls()

    app = translate.app(await daemon.queries.app("shop"), urls)
    release = translate.release(await daemon.queries.release("shop", 1), urls)

    assert (app.url, release.url) == (None, None)
    await daemon.bury()
