"""An app without state in front of PostgreSQL, under load: no failed request, no row lost or doubled.

Deploys, rollbacks, restarts and kills of pvdifyd leave the database alone: its container stays the same one.
"""

import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.rounds import FEW, LONGEST_RUN, MANY, describe, operate
from tests.e2e.test_services import POSTGRES
from tests.e2e.trial import Trial
from tests.load import Load, Shape
from tests.load.connection import Answer
from tools.demo.stage import BASE_DOMAIN, CHECKOUT

# Each request is a row, by the client of PostgreSQL in the image; the answer is the row's number.
MANIFEST = r"""
port: 8080
processes:
  web:
    command: |
      mkdir -p /tmp/www/cgi-bin
      cat >/tmp/www/cgi-bin/row <<'END'
      #!/bin/sh
      export PGCONNECT_TIMEOUT=10
      id=$(psql "$DATABASE_URL" -qAtc "INSERT INTO visits (token) VALUES ('$(head -c 32)') RETURNING id") || id=failed
      printf 'Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s' "${#id}" "$id"
      END
      chmod +x /tmp/www/cgi-bin/row
      echo ok >/tmp/www/health
      exec httpd -f -p $PORT -h /tmp/www
healthcheck: {path: /health}
hooks:
  pre_deploy:
    - psql "$DATABASE_URL" -c "CREATE TABLE IF NOT EXISTS visits (id serial PRIMARY KEY, token text UNIQUE NOT NULL)"
resources: {memory: 128M}
drain: 5s
stop_timeout: 2s
"""


def is_number(body: bytes, answer: Answer) -> bool:
    return answer.body.isdigit()


INSERT = Shape(name="row", method="POST", path="/cgi-bin/row", body_size=32, is_right=is_number)


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    subprocess.run((str(CHECKOUT / "tools" / "build-service"), "postgres"), check=True, capture_output=True)
    manifest = tmp_path_factory.mktemp("app") / "pvdify.yml"
    manifest.write_text(MANIFEST, encoding="utf-8")
    with Trial("--service-images", f"postgres={POSTGRES}") as trial:
        trial.start()
        trial.pvdify("services:create", "db", "--kind", "postgres")
        trial.pvdify("apps:create", "shop")
        trial.pvdify("services:link", "db", "shop")
        trial.pvdify("deploy", "shop", "--image", POSTGRES, "--manifest", str(manifest))
        yield trial


def query(trial: Trial, text: str) -> str:
    asked = f'psql -U "$POSTGRES_USER" -d "$POSTGRES_DB" -Atc "{text}"'
    return trial.pvdify("services:connect", "db", "--", "sh", "-c", asked).stdout.strip()


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=[pytest.mark.long, pytest.mark.timeout(LONGEST_RUN)])])
async def test_no_request_fails_and_no_row_is_lost_or_doubled(trial: Trial, count: int):
    def deploy(*options: str) -> None:
        trial.pvdify("deploy", "shop", "--image", POSTGRES, *options)

    before, (database,) = int(query(trial, "SELECT count(*) FROM visits")), databases(trial)
    async with Load(trial.stage.router, f"shop.{BASE_DOMAIN}", clients=6, pause=0.05, mix=(INSERT,)) as visitors:
        windows = await operate(trial, "shop", deploy, count)
        report = await visitors.stop()

    print(describe(windows, report))
    assert report.failures == [], report.summary()
    assert int(query(trial, "SELECT count(*) FROM visits")) == before + report.requests
    assert databases(trial) == (database,)


def databases(trial: Trial) -> tuple[str, ...]:
    """The ids of the containers of the service."""
    names = [name for name in trial.containers() if "service--db" in name]
    argv = ("podman", "inspect", "--format", "{{.Id}} {{.State.Pid}}", *names)
    return tuple(subprocess.run(argv, check=True, capture_output=True, text=True).stdout.splitlines())
