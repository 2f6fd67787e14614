"""The life of a real server in this order: installation, deploys, kills, out of memory, power cut."""

import asyncio
import base64
import contextlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from pvdify.adapters.podman.networks import isolation
from tests.e2e.real_server import BASE_DOMAIN, PROGRAMS, RealServer, build_wheel
from tests.e2e.test_canaries import CANARIES, PRINTS_ALL, forms
from tests.load import GET, Load
from tests.support.vps import missing_for_vps
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.vps, pytest.mark.skipif(missing_for_vps() is not None, reason=str(missing_for_vps()))]
TICKING = "(while true; do i=$((i + 1)); echo tick $i; sleep 0.03; done) & exec python3 /app/app.py"
APPS = ("shop", "blog")  # in the order in which they go live


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def server(directory: Path) -> Iterator[RealServer]:
    with RealServer(build_wheel(directory)) as server:
        yield server


@pytest.fixture(scope="module")
def images(server: RealServer) -> dict[str, str]:
    server.start_registry()
    slow = server.push_sample("slow", "START_DELAY_MS=15000")
    return {"v1": server.push_sample("v1"), "v2": server.push_sample("v2"), "slow": slow}


def load(server: RealServer, app: str = "shop") -> Load:
    return Load(server.visitors, f"{app}.{BASE_DOMAIN}", clients=8, websockets=1, pause=0.04)


def version_at(server: RealServer, app: str) -> str | None:
    """The version that answers a visitor now; None for an error."""
    request = urllib.request.Request(f"http://{server.visitors}/", headers={"Host": f"{app}.{BASE_DOMAIN}"})
    with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=5) as answer:
        return str(answer.headers["X-Version"])
    return None


def test_one_command_installs_the_server(server: RealServer) -> None:
    said = server.install()

    assert "token" in said.stdout
    assert server.ask("status")["version"]
    assert (
        server.vps.run("systemctl", "is-enabled", "pvdifyd", "pvdify-router.socket").stdout.split() == ["enabled"] * 2
    )


def test_the_router_has_a_user_without_rights(server: RealServer) -> None:
    said = server.vps.run("systemd-analyze", "security", "--no-pager", "pvdify-router.service").stdout
    status = server.vps.run("cat", f"/proc/{server.main_pid('pvdify-router.service')}/status").stdout
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)

    score = float(said.rpartition("pvdify-router.service: ")[2].split()[0])
    assert score <= 2
    assert set(facts["Uid"].split()) == {server.vps.run("id", "-u", "pvdify-router").stdout.strip()} != {"0"}
    assert int(facts["CapBnd"], 16) == int(facts["CapEff"], 16) == 0
    assert server.vps.run("stat", "--format=%a", "/var/lib/pvdify").stdout.strip() == "700"


def test_each_instance_runs_as_its_own_unit(server: RealServer, images: dict[str, str]) -> None:
    for app in APPS:
        server.pvdify("deploy", app, "--image", images["v1"])

    assert [version_at(server, app) for app in APPS] == ["v1", "v1"]
    assert server.units() == ["pvdify-blog-web-v1-1.service", "pvdify-shop-web-v1-1.service"]


def test_networks_are_isolated_by_a_rule_that_netavark_neither_deletes_nor_passes_by(server: RealServer) -> None:
    """Podman had no rules on this machine before the first app."""
    assert server.vps.run(*isolation.IS_THERE, check=False).returncode == 0
    assert isolation.is_ahead(server.vps.run(*isolation.LIST_JUMPS).stdout, "--comment pvdify -j NETAVARK_ISOLATION_1")


async def test_a_deploy_and_restarts_of_pvdifyd_and_the_router_fail_no_request(
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
    assert report.requests > 500
    assert version_at(server, "shop") == "v1"


async def test_an_upgrade_fails_no_request(server: RealServer) -> None:
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


def test_an_instance_killed_for_memory_is_restarted_and_the_event_names_the_cause(server: RealServer) -> None:
    before = server.units("pvdify-blog-*")

    request = urllib.request.Request(f"http://{server.visitors}/grow?mb=600", headers={"Host": f"blog.{BASE_DOMAIN}"})
    with contextlib.suppress(OSError, urllib.error.HTTPError):
        urllib.request.urlopen(request, timeout=10)

    wait_until(lambda: version_at(server, "blog") == "v1", "the instance does not come back")
    wait_until(
        lambda: any(event["action"] == "instance.out-of-memory" for event in server.events("blog")),
        f"no event reports it: {server.events('blog')}",
    )
    assert server.units("pvdify-blog-*") == before


# On a busy machine a killed process accepts connections for some milliseconds more, until the kernel schedules its end.
KILL = 'pid=$(cat "$0"); kill -KILL "$pid"; while kill -0 "$pid" 2>/dev/null; do sleep 0.01; done'


async def test_killing_an_instance_loses_only_its_requests_in_flight(server: RealServer) -> None:
    def restarts() -> int:
        return sum(event["action"] == "instance.restarted" for event in server.events("shop"))

    await asyncio.to_thread(server.pvdify, "ps:scale", "shop", "web=2")
    live = server.vps.run("sed", "--quiet", "s/^shop //p", "/var/lib/pvdify/router/live.map").stdout.strip()
    name = f"pvdify-{live.replace('/', '-web-')}-1"
    before = restarts()

    async with Load(server.visitors, f"shop.{BASE_DOMAIN}", clients=12, pause=0.04, mix=(GET,)) as visitors:
        await asyncio.sleep(0.5)
        await asyncio.to_thread(server.vps.run, "sh", "-c", KILL, f"/run/pvdify/instances/{name}/pid")
        gone_at = time.monotonic()
        await asyncio.to_thread(wait_until, lambda: restarts() > before, "nothing was restarted")
        report = await visitors.stop()

    # A request that an instance has begun is never sent on to another one; all that came later are answered.
    assert [it for it in report.failures if it.started > gone_at] == [], report.summary()
    assert len(report.failures) <= 12, report.summary()
    await asyncio.to_thread(server.pvdify, "ps:scale", "shop", "web=1")


def test_lines_of_a_removed_container_are_still_in_the_logs(server: RealServer) -> None:
    said = server.pvdify("logs", "blog", "-n", "200").stdout

    assert said.count("hello v1 listens") >= 2


def test_a_follower_misses_no_line_over_a_deploy_and_a_kill_of_pvdifyd(
    server: RealServer, images: dict[str, str]
) -> None:
    server.vps.write("/root/ticking.yml", f"processes: {{web: {{command: {json.dumps(TICKING)}}}}}\n")
    server.pvdify("deploy", "ticks", "--image", images["v1"], "--manifest", "/root/ticking.yml")
    unit = ("systemd-run", "--quiet", "--unit=follower", "--property=StandardOutput=file:/root/followed")
    server.vps.run(*unit, f"{PROGRAMS}/pvdify", "logs", "ticks", "-f", "-n", "100000", "--json")
    wait_until(lambda: len(ticks_of(server, 1)) > 5, "nothing is followed")

    server.pvdify("deploy", "ticks", "--image", images["v2"])
    server.vps.run("systemctl", "kill", "--signal=KILL", "pvdifyd.service")
    wait_until(lambda: server.pvdify("status", check=False).returncode == 0, "pvdifyd does not come back")
    before = len(ticks_of(server, 2))
    wait_until(lambda: len(ticks_of(server, 2)) > before + 5, "the follower does not go on")
    server.pvdify("apps:destroy", "ticks", "--confirm", "ticks")
    server.vps.run("systemctl", "stop", "follower")

    for release in (1, 2):
        ticks = ticks_of(server, release)
        assert ticks == list(range(1, len(ticks) + 1)), release


def ticks_of(server: RealServer, release: int) -> list[int]:
    """What the follower has shown so far of the numbers that this release counts; its last line may be half written."""
    whole = server.vps.run("cat", "/root/followed").stdout.rpartition("\n")[0]
    lines = [json.loads(line) for line in whole.splitlines()]
    texts = [line["text"] for line in lines if line["release"] == release]
    return [int(text.removeprefix("tick ")) for text in texts if text.startswith("tick ")]


def test_secrets_leave_no_trace_in_journal_units_disk_or_backup(server: RealServer, images: dict[str, str]) -> None:
    body = {name: {"value": value, "secret": True} for name, value in CANARIES.items()}
    server.vps.write("/root/canaries", b"\n".join(form for value in CANARIES.values() for form in forms(value)))
    server.patch("/apps/blog/config", body)
    server.vps.write("/root/telling.yml", f"hooks: {{pre_deploy: [{json.dumps(PRINTS_ALL)}]}}\n")
    server.vps.write("/root/failing.yml", f"hooks: {{pre_deploy: [{json.dumps(PRINTS_ALL + '; exit 9')}]}}\n")

    deploy = ("deploy", "blog", "--image", images["v1"], "--manifest")
    codes = [server.pvdify(*deploy, f"/root/{kind}.yml", check=False).returncode for kind in ("telling", "failing")]
    codes.append(server.pvdify("run", "blog", "--", "/bin/sh", "-c", PRINTS_ALL, check=False).returncode)
    server.vps.run("systemctl", "kill", "--signal=SEGV", "pvdifyd.service")
    wait_until(lambda: server.pvdify("status", check=False).returncode == 0, "pvdifyd does not come back")
    server.pvdify("server", "backup", "/root/clear.tar.gz")
    server.vps.run("/bin/sh", "-c", "mkdir /root/unpacked && tar -xzf /root/clear.tar.gz -C /root/unpacked")

    assert codes == [0, 8, 0]
    assert server.vps.run("grep", "-c", "-F", "-f", "/root/canaries", "/root/canaries").stdout.strip() != "0"
    for place in (
        "grep -r -l -a -F -f /root/canaries /var/lib/pvdify /var/lib/containers /var/log/journal /root/unpacked",
        "grep -r -l -a -F -f /root/canaries /run/log/journal /run/systemd/system /var/lib/systemd/coredump",
        "journalctl --all --output=json --no-pager | grep -c -a -F -f /root/canaries",
        "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep -v '^grep' | grep -c -a -F -f /root/canaries",
        "cat /proc/$(systemctl show -p MainPID --value pvdifyd)/environ | grep -c -a -F -f /root/canaries",
    ):
        assert server.vps.run("/bin/sh", "-c", f"{place} 2>/dev/null", check=False).stdout.strip() in ("", "0"), place
    assert "***" in server.pvdify("logs", "blog", "--deploy", "--release", "2").stdout


def test_after_a_power_cut_during_a_deploy_everything_restarts_without_the_registry(
    server: RealServer, images: dict[str, str]
) -> None:
    server.pvdify("deploy", "shop", "--image", images["slow"], "--no-wait")
    wait_until(lambda: len(server.units("pvdify-shop-*")) > 1, "the deploy does not get far enough")
    before = restarts(server)

    server.vps.cut_power()
    server.vps.boot()
    begun = time.monotonic()

    for app in APPS:
        wait_until(lambda app=app: version_at(server, app) == "v1", f"{app} does not come back")
    assert time.monotonic() - begun < 60
    wait_until(lambda: is_settled(server, "shop"), "the deploy is not settled")
    newest, *_ = server.ask("releases", "shop")["releases"]
    assert newest["status"] in ("active", "failed")
    assert version_at(server, "shop") == ("slow" if newest["status"] == "active" else "v1")
    assert restarts(server) == before
    assert "status=125" not in server.vps.run("journalctl", "--boot", "--no-pager", "--unit=pvdify-*").stdout


def restarts(server: RealServer) -> list[str]:
    """Return the restart events of both apps."""
    events = [event for app in APPS for event in server.events(app)]
    return [f"{event['app']} {event['text']}" for event in events if event["action"] == "instance.restarted"]


def test_a_second_installation_changes_nothing(server: RealServer) -> None:
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
        other.push_sample("v2")
        other.vps.write("/root/backup.tar.gz", base64.b64decode(backup))
        other.pvdify("server", "restore", "/root/backup.tar.gz")

        wait_until(lambda: version_at(other, "blog") == "v2", "the restored server does not serve")
        assert other.ask("config", "blog") == server.ask("config", "blog")
        doctor = other.vps.run("/opt/pvdify/bin/pvdify", "doctor", "--json", check=False)
        broken = [check["name"] for check in json.loads(doctor.stdout)["checks"] if check["state"] == "broken"]
        assert broken == ["apps"]  # the image of shop is in no registry that this server reaches, and doctor says so


def is_settled(server: RealServer, app: str) -> bool:
    newest = server.ask("releases", app)["releases"][0]
    return newest["status"] not in ("pending", "deploying")
