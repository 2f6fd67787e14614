"""Services on an installed server: one unit for each service, through kills and a power cut."""

import json
import urllib.request
from collections.abc import Iterator

import pytest

from tests.e2e.real_server import BASE_DOMAIN, PROGRAMS, RealServer, build_wheel
from tests.e2e.test_services import MANIFEST, POSTGRES, REDIS
from tests.support.vps import CHECKOUT, missing_for_vps
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.vps, pytest.mark.skipif(missing_for_vps() is not None, reason=str(missing_for_vps()))]
PVDIFY, TARGET = f"{PROGRAMS}/pvdify", "/srv/offsite"
DB, CACHE = "pvdify-service--db-service-v1-1", "pvdify-service--cache-service-v1-1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    """A server with a linked app, each of whose requests is one query."""
    with RealServer(build_wheel(tmp_path_factory.mktemp("server"))) as server:
        server.install()
        for kind in ("postgres", "redis"):  # the checkout is on its disk, too
            server.vps.run(str(CHECKOUT / "tools" / "build-service"), kind)
        server.pvdify("services:create", "db", "--kind", "postgres", "--image", POSTGRES)
        server.pvdify("services:create", "cache", "--kind", "redis", "--image", REDIS)
        server.vps.write("/root/pvdify.yml", MANIFEST)
        server.pvdify("apps:create", "shop")
        server.pvdify("services:link", "db", "shop")
        server.pvdify("deploy", "shop", "--image", POSTGRES, "--manifest", "/root/pvdify.yml")
        yield server


def visit(server: RealServer) -> str:
    """What the app's query gives: how many visits its database has."""
    url = f"http://{server.visitors}/cgi-bin/visit"
    request = urllib.request.Request(url, headers={"Host": f"shop.{BASE_DOMAIN}"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            lines: list[str] = answer.read().decode().splitlines()
    except OSError as error:
        return str(error)
    return lines[-1] if lines else ""


def visit_until_more(server: RealServer, than: str) -> None:
    """Wait until the app answers again, with no row lost; one more may be there that was stored and never answered."""
    wait_until(lambda: visit(server).isdigit(), "the database does not come back")
    assert int(visit(server)) > int(than)


def ask_redis(server: RealServer, *words: str) -> str:
    asked = 'REDISCLI_AUTH="$REDIS_PASSWORD" redis-cli --no-auth-warning ' + " ".join(words)
    return server.pvdify("services:connect", "cache", "--", "sh", "-c", asked).stdout.strip()


def test_a_service_is_a_unit_which_a_linked_app_reaches(server: RealServer):
    assert server.units("pvdify-service--*") == [f"{CACHE}.service", f"{DB}.service"]
    assert [visit(server), visit(server)] == ["1", "2"]
    assert ask_redis(server, "SET", "greeting", "kept") == "OK"


def test_a_killed_service_is_restarted_with_its_data(server: RealServer):
    before, before_it = server.main_pid(f"{DB}.service"), visit(server)

    server.vps.run("sh", "-c", f"kill -KILL $(cat /run/pvdify/instances/{DB}/pid)")

    visit_until_more(server, before_it)
    assert server.main_pid(f"{DB}.service") != before
    assert f"{DB}.service" in server.units("pvdify-service--*")


def test_a_service_runs_and_is_logged_without_pvdifyd(server: RealServer):
    before, before_it = server.main_pid(f"{DB}.service"), visit(server)

    server.vps.run("systemctl", "restart", "pvdifyd.service")
    wait_until(lambda: server.pvdify("status", check=False).returncode == 0, "pvdifyd does not come back")

    assert visit(server) == str(int(before_it) + 1)
    assert server.main_pid(f"{DB}.service") == before
    assert "ready to accept connections" in server.pvdify("services:logs", "db").stdout


def test_a_new_password_and_a_restart_keep_the_data(server: RealServer):
    before = visit(server)

    server.pvdify("services:rotate", "db")
    server.pvdify("services:restart", "db")
    server.pvdify("deploy", "shop")

    visit_until_more(server, before)


def test_after_a_power_cut_a_service_restarts_with_its_data_without_pvdifyd(server: RealServer):
    before = visit(server)

    server.vps.cut_power()
    server.vps.boot()

    visit_until_more(server, before)
    assert server.units("pvdify-service--*") == [f"{CACHE}.service", f"{DB}.service"]
    wait_until(lambda: ask_redis(server, "GET", "greeting") == "kept", "the key is gone")


def test_a_backup_of_services_is_verified_and_restores_rows_and_keys(server: RealServer):
    server.vps.run("mkdir", "-p", TARGET)
    server.vps.run("sh", "-c", f"{PVDIFY} backups:target {TARGET} --json < /dev/null > /root/said")
    server.pvdify("backups:run")
    server.pvdify("backups:verify")
    rows = count(server)

    (newest,) = server.ask("backups")["backups"]
    items = {it["name"]: it for it in newest["items"]}
    visit(server)
    ask_redis(server, "DEL", "greeting")
    refused = server.pvdify("backups:restore", "--service", "db", check=False)
    server.pvdify("backups:restore", "--service", "db", "--replace")
    server.pvdify("backups:restore", "--service", "cache", "--replace")

    assert newest["proven_at"] is not None
    assert (items["db"]["kind"], items["db"]["rows"], items["cache"]["rows"]) == ("service", rows, 1)
    assert refused.returncode == 5
    assert count(server) == rows
    assert ask_redis(server, "GET", "greeting") == "kept"
    assert left_of_drills(server) == ""


def test_a_copy_is_restored_into_a_new_service_with_another_password(server: RealServer):
    server.pvdify("backups:restore", "--service", "db", "--to", "second")

    asked = 'psql -U "$POSTGRES_USER" -d "$POSTGRES_DB" -Atc "SELECT count(*) FROM visits"'
    counted = server.pvdify("services:connect", "second", "--", "sh", "-c", asked).stdout.strip()
    assert int(counted) == count(server)
    server.pvdify("services:destroy", "second", "--confirm", "second", "--purge")


def test_a_truncated_dump_is_detected_by_a_drill_and_aborts_a_restore(server: RealServer):
    rows = count(server)
    password = json.loads(server.vps.run("cat", "/root/said").stdout)["password"]
    script = f"""
    export RESTIC_REPOSITORY={TARGET} RESTIC_PASSWORD={password}
    snapshot=$(restic snapshots --json --tag kind=service,name=db | python3 -c 'import json,sys; print(json.dumps(json.load(sys.stdin)[-1]))')
    id=$(echo "$snapshot" | python3 -c 'import json,sys; print(json.load(sys.stdin)["id"])')
    tags=$(echo "$snapshot" | python3 -c 'import json,sys; print(" ".join("--tag=" + tag for tag in json.load(sys.stdin)["tags"]))')
    restic dump "$id" /dump | head -c 2000 | restic backup --stdin --stdin-filename dump $tags
    restic forget "$id"
    """  # noqa: E501 - a script
    server.vps.run("sh", "-ec", script)

    found = server.pvdify("backups:verify", check=False)
    stopped = server.pvdify("backups:restore", "--service", "db", "--replace", check=False)

    assert found.returncode != 0
    assert stopped.returncode != 0
    assert "its end is missing" in stopped.stderr
    wait_until(lambda: visit(server).isdigit(), "the database does not come back")
    assert count(server) > rows
    server.pvdify("backups:run")
    server.pvdify("backups:verify")


def test_after_a_loss_of_all_disks_services_are_restored_with_rows_passwords_and_links(server: RealServer):
    rows, password = count(server), json.loads(server.vps.run("cat", "/root/said").stdout)["password"]
    lose = """
    systemctl stop pvdifyd 'pvdify-*.service' || true
    podman rm --all --force --time 0; podman volume rm --all --force; podman network prune --force
    rm -rf /var/lib/pvdify /etc/pvdify /run/systemd/system/pvdify-* /run/pvdify; systemctl daemon-reload
    """
    server.vps.run("sh", "-c", lose)

    said = server.vps.run("sh", "-c", f"echo RESTIC_PASSWORD={password} | {PVDIFY} server restore {TARGET}")

    assert "restore the service db" in said.stderr
    wait_until(lambda: visit(server).isdigit(), "the app does not reach its database")
    assert count(server) > rows
    wait_until(lambda: ask_redis(server, "GET", "greeting") == "kept", "the key is gone")
    assert [link["app"] for it in server.ask("services")["services"] for link in it["links"]] == ["shop"]


def left_of_drills(server: RealServer) -> str:
    """Containers and volumes of scratch services."""
    lists = "podman ps -a --format '{{.Names}}'; podman volume ls -q"
    return server.vps.run("sh", "-c", f"{{ {lists}; }} | grep -e drill -e v1000000", check=False).stdout


def count(server: RealServer) -> int:
    """The rows of the database, without a visit."""
    asked = 'psql -U "$POSTGRES_USER" -d "$POSTGRES_DB" -Atc "SELECT count(*) FROM visits"'
    return int(server.pvdify("services:connect", "db", "--", "sh", "-c", asked).stdout.strip())


def test_destroying_with_purge_leaves_no_unit_container_network_or_volume(server: RealServer):
    server.pvdify("services:unlink", "db", "shop")
    server.pvdify("apps:destroy", "shop", "--confirm", "shop", "--purge")
    for name in ("db", "cache"):
        server.pvdify("services:destroy", name, "--confirm", name, "--purge")

    def left() -> str:
        unit = "ls /run/systemd/system | grep -e service-- -e shop"
        lists = "podman ps -aq; podman volume ls -q | grep pvdify; podman network ls -q --filter name=pvdify-"
        return server.vps.run("sh", "-c", f"{unit}; {lists}", check=False).stdout.strip()

    wait_until(lambda: not left(), "not everything is gone")
    assert server.ask("services") == {"services": []}
