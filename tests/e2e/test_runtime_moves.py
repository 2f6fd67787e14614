"""Apps move between podman and systemd on a real server while visitors come and pvdifyd is killed."""

import asyncio
import contextlib
import json
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from tests.e2e.real_server import BASE_DOMAIN, RealServer, build_wheel
from tests.load import Load, Report
from tests.support.vps import missing_for_vps
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.vps, pytest.mark.skipif(missing_for_vps() is not None, reason=str(missing_for_vps()))]
SHOP = "app: shop\nprocesses: {web: {count: 2}, worker: {command: [python3, /app/app.py, worker]}}\n"
NOTES = "app: notes\nprocesses: {web: {command: [python3, /app/app.py]}}\nvolumes: {data: {path: /data}}\n"
PODMAN_ITSELF = ("podman", "ps", "--format", "{{.Names}}")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    with RealServer(build_wheel(tmp_path_factory.mktemp("server"))) as server:
        server.start_registry()
        server.install()
        image = server.push_sample("v1", "TICK_MS=200")
        server.vps.write("/root/shop.yml", SHOP)
        server.vps.write("/root/notes.yml", NOTES)
        for app in ("notes", "shop"):
            server.pvdify("deploy", app, "--image", image, "--manifest", f"/root/{app}.yml")
        server.pvdify("services:create", "kept", "--image", image, "--port", "8080", "--volume", "/data")
        yield server


@asynccontextmanager
async def visitors(server: RealServer) -> AsyncIterator[list[Report]]:
    """Both apps are under load inside; the reports are in the list afterwards."""
    reports: list[Report] = []
    async with AsyncExitStack() as stack:
        loads = [
            await stack.enter_async_context(Load(server.visitors, f"{app}.{BASE_DOMAIN}", clients=4, pause=0.04))
            for app in ("shop", "notes")
        ]
        yield reports
        await asyncio.sleep(1.0)
        reports += [await load.stop() for load in loads]


def add_row(server: RealServer) -> None:
    request = urllib.request.Request(
        f"http://{server.visitors}/rows", method="POST", headers={"Host": f"notes.{BASE_DOMAIN}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200


def rows(server: RealServer) -> str:
    request = urllib.request.Request(f"http://{server.visitors}/rows", headers={"Host": f"notes.{BASE_DOMAIN}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.read().decode())


def runtimes(server: RealServer) -> dict[str, str]:
    found: dict[str, Any] = server.ask("server", "runtime")
    return {it["app"]: it["runtime"] for it in found["apps"]}


def of_apps(server: RealServer) -> list[str]:
    """The units of the apps' instances; the service has one, too."""
    return [unit for unit in server.units() if "-shop-" in unit or "-notes-" in unit]


def log_of(server: RealServer, app: str, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.ask("logs", app, "-n", "5000", *options)["lines"]
    return found


def test_the_plan_changes_nothing(server: RealServer) -> None:
    add_row(server)

    planned = server.ask("server", "runtime", "podman", "--plan")

    assert (planned["runtime"], planned["target"], planned["obstacle"]) == ("systemd", "podman", "")
    assert [(it["app"], it["state"], it["held"]) for it in planned["apps"]] == [
        ("notes", "to move", ["data"]), ("shop", "to move", []),
    ]  # fmt: skip
    assert planned["services"] == ["kept"]
    assert len(of_apps(server)) == 4


async def test_apps_move_to_podman_without_a_failed_request(server: RealServer) -> None:
    before = rows(server)

    async with visitors(server) as reports:
        said = await asyncio.to_thread(server.pvdify, "server", "runtime", "podman")

    for report in reports:
        assert report.failures == [], report.summary()
        assert report.requests > 100
    assert "runs on podman" in said.stderr
    assert runtimes(server) == {"shop": "podman", "notes": "podman"}
    assert of_apps(server) == []
    names = server.vps.run(*PODMAN_ITSELF).stdout.split()
    assert sum("-shop-" in name for name in names) == 3
    assert rows(server) == before


async def test_a_restart_and_a_kill_of_pvdifyd_leave_detached_containers_and_their_logs_alone(
    server: RealServer,
) -> None:
    before = server.vps.run("podman", "ps", "--quiet", "--no-trunc").stdout

    async with visitors(server) as reports:
        await asyncio.to_thread(server.vps.run, "systemctl", "restart", "pvdifyd.service")
        await asyncio.to_thread(server.vps.run, "systemctl", "kill", "--signal=KILL", "pvdifyd.service")
        await asyncio.sleep(5.0)

    for report in reports:
        assert report.failures == [], report.summary()
    assert server.vps.run("podman", "ps", "--quiet", "--no-trunc").stdout == before
    wait_until(lambda: _is_live(server))
    before_now = len(log_of(server, "shop"))
    wait_until(lambda: len(log_of(server, "shop")) > before_now, "no line comes any more")
    newest = log_of(server, "shop")[-1]
    assert newest["release"] == 2, newest
    assert server.ask("server", "runtime")["runtime"] == "podman"


async def test_a_killed_detached_instance_is_restarted_on_podman(server: RealServer) -> None:
    server.vps.run("podman", "kill", "pvdify-shop-web-v2-1")

    wait_until(lambda: "pvdify-shop-web-v2-1" in server.vps.run(*PODMAN_ITSELF).stdout.split())

    assert of_apps(server) == []


async def test_apps_move_back_while_pvdifyd_is_killed_again_and_again(server: RealServer) -> None:
    before = rows(server)

    async with visitors(server) as reports:
        await asyncio.to_thread(server.pvdify, "server", "runtime", "systemd", "--no-wait")
        for pause in (0.3, 1.1, 0.7, 1.9, 1.3):
            await asyncio.sleep(pause)
            await asyncio.to_thread(server.vps.run, "systemctl", "kill", "--signal=KILL", "pvdifyd.service")
        deadline = time.monotonic() + 180
        while await asyncio.to_thread(_move_of, server) != "settled":
            assert time.monotonic() < deadline
            await asyncio.sleep(1.0)

    for report in reports:
        assert report.failures == [], report.summary()
    assert runtimes(server) == {"shop": "systemd", "notes": "systemd"}
    assert len(of_apps(server)) == 4
    names = server.vps.run(*PODMAN_ITSELF).stdout.split()
    assert sum("-shop-" in name or "-notes-" in name for name in names) == 4
    assert rows(server) == before


def test_the_log_of_each_release_is_read_from_its_runtime(server: RealServer) -> None:
    logs = [log_of(server, "shop", "--release", number) for number in ("1", "2", "3")]

    assert [{line["release"] for line in lines} for lines in logs] == [{1}, {2}, {3}]


def test_a_service_moves_when_it_restarts_and_keeps_its_data(server: RealServer) -> None:
    server.pvdify("server", "runtime", "podman")
    (container,) = [name for name in server.vps.run(*PODMAN_ITSELF).stdout.split() if "kept" in name]
    server.vps.run("podman", "exec", container, "/bin/sh", "-c", "echo still here >/data/file")
    unit = server.units("*kept*")

    server.pvdify("services:restart", "kept")

    assert len(unit) == 1
    assert server.units("*kept*") == []
    (container,) = [name for name in server.vps.run(*PODMAN_ITSELF).stdout.split() if "kept" in name]
    assert server.vps.run("podman", "exec", container, "cat", "/data/file").stdout == "still here\n"
    assert server.ask("server", "runtime")["services"] == []


def test_after_a_power_cut_each_instance_restarts_on_its_runtime(server: RealServer) -> None:
    before = runtimes(server)

    server.vps.cut_power()
    server.vps.boot()
    wait_until(lambda: _is_live(server))

    assert before == {"shop": "podman", "notes": "podman"}
    assert runtimes(server) == before
    assert of_apps(server) == []


def _move_of(server: RealServer) -> str | None:
    """The state of the move; None while pvdifyd does not answer."""
    done = server.pvdify("server", "runtime", "--json", check=False)
    return json.loads(done.stdout)["move"] if done.returncode == 0 else None


def _is_live(server: RealServer) -> bool:
    with contextlib.suppress(OSError, AssertionError, ValueError):
        return {app["status"] for app in server.ask("apps")["apps"]} == {"live"}
    return False
