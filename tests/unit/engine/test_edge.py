"""The edge follows the apps by itself, in the background."""

import asyncio

import pytest

from pvdify.engine.deploys.step_run import StepRun
from pvdify.engine.edge.edge import router_url
from pvdify.errors import EdgeRefused, InvalidError, RuntimeUnavailable, ServiceUnavailable
from pvdify.model.edge import EdgeLink, EdgeProblem
from pvdify.model.instance import Secret
from pvdify.model.operation import Operation, OperationKind, Strategy
from pvdify.settings import parse_address
from tests.fakes.machine import ACTOR, Daemon, Machine
from tests.fakes.places import HOST, at

OWN, ROUTER = "example.com", "http://127.0.0.1:9080"  # this server's own name, which its API has
V1 = "reg.example.com/shop:v1"
LINK = EdgeLink(token=Secret("cf-token"))
AWAY = ServiceUnavailable("Cloudflare's API does not answer", why="it answered 502")


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


async def advance(daemon: Daemon, seconds: float = 2.0) -> None:
    daemon.machine.clock.jump(seconds)
    await daemon.edge.update()


async def actions(machine: Machine) -> list[str]:
    return [event.action for event in await machine.store.events() if event.action.startswith("edge.")]


async def test_connecting_routes_every_hostname_here_and_starts_the_tunnel(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest={"domains": ["www.shop.net"]})

    view = await daemon.edge.connect(LINK, ACTOR)

    assert machine.edge.hostnames == {OWN, "shop.example.com", "www.shop.net"}
    assert machine.tunnel_process.token == "run-token"
    assert view.failure is None
    assert "cf-token" not in repr(view) + repr(LINK) + repr(await machine.store.events())


async def test_hostnames_are_added_and_removed_at_the_edge_without_delaying_deploys(machine: Machine, daemon: Daemon):
    await daemon.edge.connect(LINK, ACTOR)
    puts = machine.edge.puts

    await daemon.deploy(image=V1)
    await daemon.deploy(app="shop-pr-7", image=V1)
    await daemon.domains.add("shop", "www.shop.net", ACTOR)
    assert machine.edge.puts == puts
    await advance(daemon)
    assert machine.edge.hostnames == {OWN, "shop.example.com", "shop-pr-7.example.com", "www.shop.net"}
    await daemon.domains.remove("shop", "www.shop.net", ACTOR)
    await daemon.requests.destroy_app("shop-pr-7", "shop-pr-7", ACTOR)
    await daemon.finish_retirements()
    await advance(daemon)

    assert machine.edge.hostnames == {OWN, "shop.example.com"}


async def test_a_deploy_of_an_existing_app_sends_no_request_to_the_edge(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    await daemon.edge.connect(LINK, ACTOR)
    puts = machine.edge.puts

    await daemon.deploy(image=V1)
    await advance(daemon)

    assert machine.edge.puts == puts


async def test_the_edge_is_checked_periodically_and_drift_is_repaired(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    await daemon.edge.connect(LINK, ACTOR)
    machine.edge.hostnames = frozenset()

    await advance(daemon, 290)
    assert machine.edge.hostnames == frozenset()
    await advance(daemon, 20)

    assert machine.edge.hostnames == {OWN, "shop.example.com"}


async def test_edge_failures_are_retried_with_growing_pauses_and_reported_once(machine: Machine, daemon: Daemon):
    await daemon.edge.connect(LINK, ACTOR)
    await daemon.deploy(image=V1)
    machine.edge.errors.extend([AWAY] * 4)
    puts = machine.edge.puts

    for _ in range(60):
        await advance(daemon, 1)

    assert machine.edge.hostnames == {OWN, "shop.example.com"}
    assert machine.edge.puts == puts + 5
    assert await actions(machine) == ["edge.recovered", "edge.failed", "edge.connected"]


async def test_an_unreachable_cloudflare_while_connecting_does_not_lose_the_token(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    machine.edge.errors.append(AWAY)

    view = await daemon.edge.connect(LINK, ACTOR)

    assert view.failure is not None
    assert view.failure.why == "it answered 502"
    await advance(daemon, 5)
    assert machine.edge.hostnames == {OWN, "shop.example.com"}


async def test_a_refused_edge_token_is_not_stored(machine: Machine, daemon: Daemon):
    machine.edge.errors.append(EdgeRefused("Cloudflare does not allow pvdify to read the list of zones"))

    with pytest.raises(EdgeRefused):
        await daemon.edge.connect(LINK, ACTOR)
    with pytest.raises(InvalidError):
        await daemon.edge.connect(EdgeLink(token=Secret("two words")), ACTOR)

    assert machine.credentials.kept == {}
    assert await daemon.edge.show() is None


async def test_a_restarted_daemon_continues_with_the_stored_edge(machine: Machine, daemon: Daemon):
    await daemon.edge.connect(EdgeLink(token=Secret("cf-token"), tunnel="office"), ACTOR)
    await daemon.deploy(image=V1)

    successor = machine.daemon()
    await advance(successor)

    view = await successor.edge.show()
    assert view is not None
    assert view.state is not None
    assert view.state.tunnel == "office"
    assert machine.edge.hostnames == {OWN, "shop.example.com"}


async def test_connecting_another_tunnel_replaces_the_previous_one(machine: Machine, daemon: Daemon):
    await daemon.edge.connect(EdgeLink(token=Secret("old"), tunnel="office"), ACTOR)

    await daemon.edge.connect(LINK, ACTOR)

    assert [link.tunnel for link in machine.edge.removed] == ["office"]


async def test_disconnecting_removes_everything_or_stays_connected(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    await daemon.edge.connect(LINK, ACTOR)
    machine.edge.errors.append(AWAY)

    with pytest.raises(ServiceUnavailable):
        await daemon.edge.disconnect(ACTOR)
    assert await daemon.edge.show() is not None
    await daemon.edge.disconnect(ACTOR)
    await daemon.edge.disconnect(ACTOR)

    assert machine.edge.hostnames == frozenset()
    assert machine.tunnel_process.token is None
    assert machine.credentials.kept == {}
    await advance(daemon, 1000)
    assert machine.edge.hostnames == frozenset()


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        ("127.0.0.1:9080", "http://127.0.0.1:9080"),
        ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("[::]:80", "http://[::1]:80"),
        ("10.0.0.5:80", "http://10.0.0.5:80"),
    ],
)
def test_the_tunnel_reaches_the_router_where_it_listens(listen: str, url: str):
    assert router_url(parse_address(listen)) == url


async def test_without_cloudflared_records_are_made_and_the_message_is_kept(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    machine.tunnel_process.error = RuntimeUnavailable("the tunnel's program is missing")

    view = await daemon.edge.connect(LINK, ACTOR)

    assert machine.edge.hostnames == {OWN, "shop.example.com"}
    assert view.failure is not None
    assert view.failure.what == "the tunnel's program is missing"
    machine.tunnel_process.error = None
    await advance(daemon, 5)
    after = await daemon.edge.show()
    assert after is not None
    assert (after.failure, after.process) == (None, "it runs")


async def test_without_an_exposed_api_the_base_domain_is_not_routed():
    machine = Machine(expose_api="off")
    daemon = machine.daemon()

    await daemon.edge.connect(LINK, ACTOR)

    assert machine.edge.hostnames == frozenset()
    await daemon.bury()


async def test_the_edge_routes_the_public_hostname_in_any_zone():
    machine = Machine(public_url="https://ops.example.net")
    daemon = machine.daemon()

    await daemon.edge.connect(LINK, ACTOR)

    assert services(machine)["ops.example.net"] == ROUTER
    await daemon.bury()


async def direct(**settings: str) -> tuple[Machine, Daemon]:
    machine = Machine(edge_mode="direct", standby="0s", **settings)
    machine.registry.push(V1)
    daemon = machine.daemon()
    await daemon.edge.connect(LINK, ACTOR)
    return machine, daemon


def services(machine: Machine) -> dict[str, str]:
    return {rule.hostname: rule.service for rule in machine.edge.rules}


async def test_with_direct_routing_the_old_instance_runs_until_the_tunnel_has_switched():
    machine, daemon = await direct()
    await daemon.deploy(image=V1)
    await advance(daemon)
    (old,) = await machine.route_of("shop")
    assert services(machine) == {OWN: ROUTER, "shop.example.com": f"http://{at(old)}"}
    machine.edge.in_force = machine.edge.version  # from here on the tunnel's program is behind

    await daemon.deploy(image=V1)
    await advance(daemon)
    for _ in range(5):
        await advance(daemon, 60)
        await machine.clock.sleep(60)

    (new,) = await machine.route_of("shop")
    assert services(machine) == {OWN: ROUTER, "shop.example.com": f"http://{at(new)}"}
    assert "pvdify-shop-web-v1-1" in machine.supervisor.running
    machine.edge.in_force = None
    await advance(daemon)
    await daemon.finish_retirements()

    assert machine.supervisor.running == {"pvdify-shop-web-v2-1"}
    await daemon.bury()


async def test_with_direct_routing_a_drain_always_takes_its_full_time():
    machine, daemon = await direct()
    await daemon.deploy(image=V1, manifest={"drain": "20s"})
    await advance(daemon)
    await daemon.deploy(image=V1, manifest={"drain": "20s"})
    begun = machine.clock.monotonic()
    await advance(daemon)

    await daemon.finish_retirements()

    assert machine.clock.monotonic() - begun >= 20
    await daemon.bury()


async def test_an_operation_keeps_its_routing_mode_although_the_edge_is_removed_meanwhile():
    machine, daemon = await direct()
    about = {"kind": OperationKind.DEPLOY, "app": "shop", "created_at": machine.clock.now(), "created_by": "me"}
    first, second = (
        StepRun(world=daemon.world, tools=daemon.runner.tools, operation=Operation(id=id, **about))  # type: ignore[arg-type]
        for id in ("shop-v1", "shop-v2")
    )
    before = await first.is_past_router()

    await daemon.edge.disconnect(ACTOR)

    assert (before, await first.is_past_router(), await second.is_past_router()) == (True, True, False)
    await daemon.bury()


async def test_direct_routing_is_for_single_instance_apps_and_others_use_the_router():
    machine, daemon = await direct()
    await daemon.deploy(app="many", image=V1, manifest={"processes": {"web": {"count": 2}}})
    await daemon.deploy(image=V1)
    await daemon.requests.create_app("new", ACTOR)
    await daemon.deploy(app="shut", image=V1)
    await daemon.requests.set_maintenance("shut", ACTOR, is_on=True)

    await advance(daemon)

    router = "http://127.0.0.1:9080"
    found = services(machine)
    assert {found["many.example.com"], found["new.example.com"], found["shut.example.com"]} == {router}
    assert found["shop.example.com"].startswith(f"http://{HOST}:3")
    await daemon.bury()


async def test_with_direct_routing_a_restart_drains_the_old_instance_after_the_tunnel_has_switched():
    machine, daemon = await direct()
    await daemon.deploy(image=V1, manifest={"drain": "20s"})
    await advance(daemon)
    machine.edge.in_force = machine.edge.version  # from here on the tunnel's program is behind
    restarting = asyncio.create_task(daemon.restart())
    for _ in range(4):
        await machine.clock.sleep(20)
        await advance(daemon, 20)

    assert machine.supervisor.running == {"pvdify-shop-web-v1-1", "pvdify-shop-web-v1-101"}
    machine.edge.in_force, switched = None, machine.clock.monotonic()
    await advance(daemon)
    await restarting

    assert machine.clock.monotonic() - switched >= 20
    assert machine.supervisor.running == {"pvdify-shop-web-v1-101"}
    await daemon.bury()


async def test_with_direct_routing_a_tunnel_that_never_answers_ends_no_restart():
    machine, daemon = await direct()
    await daemon.deploy(image=V1)
    await advance(daemon)
    machine.edge.in_force = machine.edge.version

    await daemon.restart()

    assert machine.supervisor.running == {"pvdify-shop-web-v1-101"}
    await daemon.bury()


async def test_with_direct_routing_a_pause_is_refused():
    machine, daemon = await direct()
    await daemon.deploy(image=V1)

    with pytest.raises(InvalidError, match="was not paused"):
        await daemon.requests.pause("shop", 30, ACTOR)

    assert (await machine.store.app("shop")).paused_until is None
    await daemon.bury()


async def test_with_direct_routing_stop_first_is_refused():
    machine, daemon = await direct()
    await daemon.deploy(image=V1)

    with pytest.raises(InvalidError, match="was not stopped"):
        await daemon.deploy(image=V1, strategy=Strategy.STOP_FIRST)

    assert machine.supervisor.running == {"pvdify-shop-web-v1-1"}
    await daemon.bury()


async def test_an_app_that_is_destroyed_does_not_wait_for_a_tunnel_that_never_answers():
    machine, daemon = await direct()
    await daemon.deploy(image=V1)
    await advance(daemon)
    machine.edge.in_force = 0
    await daemon.deploy(image=V1)

    await daemon.requests.destroy_app("shop", "shop", ACTOR)
    await daemon.finish_retirements()

    assert machine.supervisor.names == frozenset()
    await daemon.bury()


async def test_the_server_status_has_a_line_about_the_edge(machine: Machine, daemon: Daemon):
    none = await daemon.edge.check()
    await daemon.deploy(image=V1, manifest={"domains": ["www.shop.net"]})

    await daemon.edge.connect(LINK, ACTOR)
    well = await daemon.edge.check()
    machine.edge.problems = (EdgeProblem(hostname="www.shop.net", what="it leads elsewhere", next="remove the record"),)
    await advance(daemon, 400)
    partly = await daemon.edge.check()
    machine.edge.errors.append(AWAY)
    await advance(daemon, 400)
    broken = await daemon.edge.check()

    assert (none.state, none.text.partition(":")[0]) == ("ok", "none")
    assert (well.state, well.text) == ("ok", "tunnel pvdify-own, hostnames: 3")
    assert (partly.state, partly.text) == ("warning", "1 of 3 hostnames are not routed here")
    assert (broken.state, broken.text) == ("broken", "Cloudflare's API does not answer: it answered 502")


async def test_a_tunnel_without_a_connection_is_reported(machine: Machine, daemon: Daemon):
    machine.edge.health = "down"
    await daemon.edge.connect(LINK, ACTOR)
    with_program = await daemon.edge.check()
    machine.edge.is_silent = True

    without = await daemon.edge.check()

    assert (with_program.state, without.state) == ("ok", "warning")
    assert without.text == "tunnel pvdify-own is down"


async def test_a_restarted_server_reports_the_edge_as_ok_before_its_first_check(machine: Machine, daemon: Daemon):
    await daemon.edge.connect(LINK, ACTOR)

    successor = machine.daemon()

    assert (await successor.edge.check()).state == "ok"
    await successor.bury()


async def test_the_router_is_reconfigured_after_an_edge_change_and_retried_on_failure(machine: Machine, daemon: Daemon):
    seen: list[bool] = []
    started = machine.router.ensure_running

    async def ensure_running() -> None:
        await started()
        seen.append(await machine.credentials.read("edge") is not None)

    machine.router.ensure_running = ensure_running  # type: ignore[method-assign] - notes what a start would find
    await advance(daemon)
    await advance(daemon)

    await daemon.edge.connect(LINK, ACTOR)
    machine.router.fail("ensure_running")
    await daemon.edge.disconnect(ACTOR)
    before = list(seen)
    await advance(daemon)
    await advance(daemon)

    assert before == [False, True]
    assert seen == [False, True, False]
