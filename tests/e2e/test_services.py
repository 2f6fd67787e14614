"""PostgreSQL and Redis services on real podman: from `services:create` to a complete removal."""

import json
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.e2e.trial import Trial
from tests.support.waiting import PATIENCE, wait_until
from tools.demo.stage import CHECKOUT

POSTGRES, NEXT_POSTGRES, REDIS = (
    "localhost/pvdify-postgres:15",
    "localhost/pvdify-postgres:18",
    "localhost/pvdify-redis:7",
)
# An app with a client of PostgreSQL and no library: each request is one query.
MANIFEST = r"""
port: 8080
processes:
  web:
    command: |
      mkdir -p /tmp/www/cgi-bin
      printf '#!/bin/sh\nprintf "Content-Type: text/plain\\r\\n\\r\\n"\nPGCONNECT_TIMEOUT=3 psql "$DATABASE_URL" -Atc "$(printf "INSERT INTO visits DEFAULT VALUES; SELECT count(*) FROM visits")" 2>&1\n' >/tmp/www/cgi-bin/visit
      chmod +x /tmp/www/cgi-bin/visit
      exec httpd -f -p $PORT -h /tmp/www
hooks: {pre_deploy: ['psql "$DATABASE_URL" -c "CREATE TABLE IF NOT EXISTS visits (id serial PRIMARY KEY)"']}
resources: {memory: 128M}
drain: 1s
stop_timeout: 1s
"""  # noqa: E501 - a script inside a script
REACH = (
    "import socket, sys; s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 3); s.close(); print('reached')"
)


@pytest.fixture(scope="module")
def images() -> None:
    for kind in ("postgres", "postgres-next", "redis"):
        subprocess.run((str(CHECKOUT / "tools" / "build-service"), kind), check=True, capture_output=True)


@pytest.fixture(scope="module")
def trial(images: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    manifest = tmp_path_factory.mktemp("services") / "pvdify.yml"
    manifest.write_text(MANIFEST)
    with Trial("--service-images", f"postgres={POSTGRES},redis={REDIS}") as trial:
        trial.manifest = manifest  # type: ignore[attr-defined]
        trial.push("v1")
        trial.start()
        trial.pvdify("services:create", "db", "--kind", "postgres")
        yield trial


def state_of(trial: Trial, name: str) -> str:
    return str(trial.ask("GET", f"/services/{name}")[1].get("state"))


def visits(trial: Trial) -> str:
    return trial.get("shop", "/cgi-bin/visit")[2].splitlines()[-1]


def visit_until(trial: Trial, wanted: str) -> str:
    """The answer of the app, once it is this one; its database may just be coming back."""
    deadline = time.monotonic() + PATIENCE
    while (answer := visits(trial)) != wanted and time.monotonic() < deadline:
        time.sleep(0.5)
    return answer


def test_a_linked_app_queries_its_database(trial: Trial):
    trial.pvdify("apps:create", "shop")
    linked = trial.pvdify("services:link", "db", "shop")
    trial.pvdify("deploy", "shop", "--image", POSTGRES, "--manifest", str(trial.manifest))  # type: ignore[attr-defined]

    assert "DATABASE_URL" in linked.stdout
    assert "pvdify deploy shop" in linked.stderr
    assert [visits(trial), visits(trial)] == ["1", "2"]


def test_an_app_that_is_not_linked_cannot_reach_the_service(trial: Trial):
    trial.pvdify("deploy", "other", "--image", trial.stage.image("v1"))
    (address,) = subprocess.run(
        ("podman", "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}",
         next(name for name in trial.containers() if "service--db" in name)),
        check=True, capture_output=True, text=True,
    ).stdout.split()[:1]  # fmt: skip

    tried = trial.pvdify("run", "other", "--", "python3", "-c", REACH, address, "5432", check=False)
    named = trial.pvdify("run", "other", "--", "python3", "-c", REACH, "db", "5432", check=False)
    from_linked = trial.pvdify("run", "shop", "--", "sh", "-c", "nc -w 3 db 5432 </dev/null && echo reached")

    assert tried.returncode != 0
    assert "reached" not in tried.stdout
    assert named.returncode != 0
    assert "reached" in from_linked.stdout


def test_no_password_is_shown_anywhere(trial: Trial):
    url = trial.pvdify("run", "shop", "--reveal", "--", "sh", "-c", "echo $DATABASE_URL").stdout.strip()
    password = url.split(":")[2].partition("@")[0]

    shown = [
        trial.pvdify("services:info", "db").stdout,
        trial.pvdify("services:info", "db", "--json").stdout,
        trial.pvdify("services:logs", "db").stdout,
        trial.pvdify("logs", "shop").stdout,
        trial.pvdify("events", "--json").stdout,
        inspected := trial.inspected(),
        *(file.read_text() for file in (trial.stage.data_dir / "config").rglob("*") if file.is_file()),
    ]

    assert len(password) == 32
    assert "service--db" in inspected
    assert "pvdify-shop-web" in inspected
    assert not [text for text in shown if password in text]


def test_a_client_opens_signed_in_and_a_query_runs(trial: Trial):
    done = trial.pvdify("services:connect", "db", "--", "sh", "-c", 'psql -U "$POSTGRES_USER" -Atc "select 6 * 7"')

    assert done.stdout.strip() == "42"


def test_after_a_rotation_the_old_password_is_refused_and_the_next_deploy_gets_the_new_one(trial: Trial):
    old = trial.pvdify("run", "shop", "--reveal", "--", "sh", "-c", "echo $DATABASE_URL").stdout.strip()

    rotated = trial.pvdify("services:rotate", "db")
    refused = trial.pvdify("run", "shop", "--", "psql", old, "-c", "select 1", check=False)
    trial.pvdify("deploy", "shop")

    assert "pvdify deploy shop" in rotated.stderr
    assert refused.returncode != 0
    assert visits(trial) == "3"


def test_a_service_keeps_its_data_and_address_over_restarts_kills_and_without_pvdifyd(trial: Trial):
    trial.pvdify("services:restart", "db")
    assert visit_until(trial, "4") == "4"

    trial.kill_instance(next(name for name in trial.containers() if "service--db" in name))
    assert visit_until(trial, "5") == "5"

    trial.kill()
    assert visit_until(trial, "6") == "6"
    trial.start()
    assert visit_until(trial, "7") == "7"


def test_a_failed_upgrade_keeps_the_old_service_with_its_data(trial: Trial):
    failed = trial.pvdify("services:upgrade", "db", "--image", trial.stage.image("v1"), check=False)

    assert failed.returncode == 1
    assert "was not upgraded" in failed.stderr
    assert visit_until(trial, "8") == "8"


def test_an_upgrade_over_a_major_version_moves_the_data_and_keeps_the_old_volume(trial: Trial):
    plan = trial.pvdify("services:upgrade", "db", "--image", NEXT_POSTGRES, "--plan").stdout
    trial.pvdify("services:upgrade", "db", "--image", NEXT_POSTGRES)

    assert "dump" in plan
    assert visit_until(trial, "9") == "9"
    version = trial.pvdify(
        "services:connect", "db", "--", "sh", "-c", 'psql -U "$POSTGRES_USER" -Atc "show server_version"'
    )
    assert version.stdout.startswith("18")
    volumes = trial.ask("GET", "/apps/service--db/volumes")[1]["volumes"]
    assert sorted(volume["state"] for volume in volumes) == ["trash", "unused"]


def test_redis_takes_commands_from_a_linked_app_and_survives_an_upgrade(trial: Trial):
    trial.pvdify("services:create", "cache", "--kind", "redis")
    trial.pvdify("services:link", "cache", "other")
    trial.pvdify("deploy", "other", "--image", trial.stage.image("v1"))
    script = (
        "import os, socket\nfrom urllib.parse import urlsplit\nurl = urlsplit(os.environ['REDIS_URL'])\n"
        "s = socket.create_connection((url.hostname, url.port), 3)\n"
        "s.sendall(f'AUTH {url.password}\\r\\nINCR visits\\r\\n'.encode())\nprint(s.recv(100).split()[-1].decode())"
    )
    first = trial.pvdify("run", "other", "--", "python3", "-c", script).stdout.strip()

    trial.pvdify("services:rotate", "cache")
    trial.pvdify("services:upgrade", "cache", "--image", REDIS)
    second = trial.pvdify("run", "other", "--", "python3", "-c", script).stdout.strip()

    assert first.endswith("1")
    assert second.endswith("2")


def test_a_service_of_any_image_is_live_once_it_listens(trial: Trial):
    created = trial.pvdify(
        "services:create", "files", "--image", trial.stage.image("v1"), "--port", "8080", "--volume", "/data",
        "--env", "TOKEN={password}", "--json",
    )  # fmt: skip

    assert json.loads(created.stdout)["state"] == "live"
    trial.pvdify("services:destroy", "files", "--confirm", "files", "--purge")


def test_a_destroyed_service_is_restored_from_the_trash(trial: Trial):
    refused = trial.pvdify("services:destroy", "db", "--confirm", "db", check=False)
    trial.pvdify("services:unlink", "db", "shop")
    assert "visits" not in visits(trial)
    trial.pvdify("services:destroy", "db", "--confirm", "db")
    trial.pvdify("services:restore", "db")
    trial.pvdify("services:link", "db", "shop")
    trial.pvdify("deploy", "shop")

    assert refused.returncode == 5
    assert visit_until(trial, "10") == "10"


def test_destroying_with_purge_leaves_nothing(trial: Trial):
    for app, service in (("shop", "db"), ("other", "cache")):
        trial.pvdify("services:unlink", service, app)
        trial.pvdify("services:destroy", service, "--confirm", service, "--purge")
        trial.pvdify("apps:destroy", app, "--confirm", app, "--purge")
    wait_until(lambda: not trial.containers() and not trial.networks())

    label = f"label=io.pvdify.server={trial._server_id()}"
    listed = ("podman", "volume", "ls", "--quiet", "--filter", label)
    assert trial.ask("GET", "/services")[1] == {"services": []}
    assert trial.containers() == {}
    assert trial.networks() == []
    assert subprocess.run(listed, capture_output=True, text=True, check=True).stdout == ""
    assert not list((trial.stage.data_dir / "config").glob("service--*/*"))
