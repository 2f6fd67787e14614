"""A whole life on a real server, in this order: installed, deployed to, killed, out of memory, without power."""

import asyncio
import base64
import contextlib
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.real_server import BASE_DOMAIN, RealServer, build_sample, build_wheel, wait_until
from tests.load import Load
from tests.support.vps import missing_for_vps

pytestmark = [pytest.mark.vps, pytest.mark.skipif(missing_for_vps() is not None, reason=str(missing_for_vps()))]
APPS = ("shop", "blog")  # in the order in which they go live


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def server(directory: Path) -> Iterator[RealServer]:
    with RealServer(build_wheel(directory)) as server:
        yield server


@pytest.fixture(scope="module")
def images(directory: Path, server: RealServer) -> dict[str, str]:
    server.start_registry()
    archives = {"v1": build_sample(directory, "v1"), "v2": build_sample(directory, "v2")}
    archives["slow"] = build_sample(directory, "slow", "START_DELAY_MS=15000")
    return {version: server.push(archive) for version, archive in archives.items()}


def load(server: RealServer, app: str = "shop") -> Load:
    return Load(server.visitors, f"{app}.{BASE_DOMAIN}", clients=12, websockets=1, pause=0.01)


def version_at(server: RealServer, app: str) -> str | None:
    """The version that answers a visitor now; None for an error."""
    request = urllib.request.Request(f"http://{server.visitors}/", headers={"Host": f"{app}.{BASE_DOMAIN}"})
    with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=5) as answer:
        return str(answer.headers["X-Version"])
    return None


def test_one_command_makes_a_server_of_it(server: RealServer) -> None:
    said = server.install()

    assert "token" in said.stdout
    assert server.ask("status")["version"]
    assert (
        server.vps.run("systemctl", "is-enabled", "pvdifyd", "pvdify-router.socket").stdout.split() == ["enabled"] * 2
    )


def test_what_is_deployed_serves_as_a_unit_of_its_own(server: RealServer, images: dict[str, str]) -> None:
    for app in APPS:
        server.pvdify("deploy", app, "--image", images["v1"])

    assert [version_at(server, app) for app in APPS] == ["v1", "v1"]
    assert server.units() == ["pvdify-blog-web-v1-1.service", "pvdify-shop-web-v1-1.service"]


async def test_no_visitor_notices_a_swap_or_what_happens_to_pvdifyd_and_its_router(
    server: RealServer, images: dict[str, str]
) -> None:
    async with load(server) as visitors:
        await asyncio.to_thread(server.pvdify, "deploy", "shop", "--image", images["v2"])
        for command in (
            ("systemctl", "restart", "pvdifyd.service"),
            ("systemctl", "kill", "--signal=KILL", "pvdifyd.service"),
            ("systemctl", "restart", "pvdify-router.service"),
        ):
            await asyncio.to_thread(server.vps.run, *command)
            await asyncio.sleep(1.5)
        await asyncio.to_thread(server.pvdify, "rollback", "shop")
        report = await visitors.stop()

    assert report.failures == [], report.summary()
    assert report.requests > 1000
    assert version_at(server, "shop") == "v1"


async def test_no_visitor_notices_an_upgrade(server: RealServer) -> None:
    before = server.main_pid("pvdifyd.service"), server.main_pid("pvdify-router.service")

    async with load(server) as visitors:
        await asyncio.to_thread(server.bring_package, "--force-reinstall", "--no-deps")
        said = await asyncio.to_thread(server.ask, "server", "upgrade")
        await asyncio.sleep(1)
        report = await visitors.stop()

    assert said["done"] == ["(re)start pvdifyd.service"]
    assert report.failures == [], report.summary()
    assert server.main_pid("pvdifyd.service") != before[0]
    assert server.main_pid("pvdify-router.service") == before[1]


def test_an_instance_out_of_memory_is_back_and_the_event_says_why(server: RealServer) -> None:
    before = server.units("pvdify-blog-*")

    request = urllib.request.Request(f"http://{server.visitors}/grow?mb=600", headers={"Host": f"blog.{BASE_DOMAIN}"})
    with contextlib.suppress(OSError, urllib.error.HTTPError):
        urllib.request.urlopen(request, timeout=10)

    wait_until(lambda: version_at(server, "blog") == "v1", "the instance does not come back")
    wait_until(
        lambda: any(event["action"] == "instance.out-of-memory" for event in server.events("blog")),
        f"no event tells of it: {server.events('blog')}",
    )
    assert server.units("pvdify-blog-*") == before


def test_lines_of_a_container_that_is_gone_are_still_in_the_logs(server: RealServer) -> None:
    said = server.pvdify("logs", "blog", "-n", "200").stdout

    assert said.count("hello v1 listens") >= 2


def test_after_a_power_cut_in_a_deploy_all_is_back_without_the_registry(
    server: RealServer, images: dict[str, str]
) -> None:
    server.pvdify("deploy", "shop", "--image", images["slow"], "--no-wait")
    wait_until(lambda: len(server.units("pvdify-shop-*")) > 1, "the deploy does not get far enough")

    server.vps.cut_power()
    server.vps.boot()
    begun = time.monotonic()

    for app in APPS:
        wait_until(lambda app=app: version_at(server, app) == "v1", f"{app} does not come back", 60)
    assert time.monotonic() - begun < 60
    wait_until(lambda: is_settled(server, "shop"), "the deploy is not settled", 60)
    newest, *_ = server.ask("releases", "shop")["releases"]
    assert newest["status"] in ("active", "failed")
    assert version_at(server, "shop") == ("slow" if newest["status"] == "active" else "v1")


def test_installed_again_there_is_nothing_to_do(server: RealServer) -> None:
    said = server.ask("server", "install", "--dry-run")

    assert said == {"would": []}


def test_another_server_takes_over_from_a_backup(server: RealServer, images: dict[str, str], directory: Path) -> None:
    server.start_registry()
    server.pvdify("config:set", "blog", "GREETING=from the backup")
    server.pvdify("deploy", "blog", "--image", images["v2"])
    server.pvdify("server", "backup", "/root/backup.tar.gz", "--with-keys")
    backup = server.vps.run("base64", "/root/backup.tar.gz").stdout

    with RealServer(directory / server.wheel_name) as other:
        other.bring_package()
        other.start_registry()
        other.push(directory / "v2.tar")
        other.vps.write("/root/backup.tar.gz", base64.b64decode(backup))
        other.pvdify("server", "restore", "/root/backup.tar.gz")

        wait_until(lambda: version_at(other, "blog") == "v2", "the restored server does not serve", 60)
        assert other.ask("config", "blog") == server.ask("config", "blog")
        assert [check for check in other.ask("doctor")["checks"] if check["state"] == "broken"] == []


def is_settled(server: RealServer, app: str) -> bool:
    newest = server.ask("releases", app)["releases"][0]
    return newest["status"] not in ("pending", "deploying")
