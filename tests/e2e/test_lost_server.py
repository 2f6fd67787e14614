"""A server is lost with all its disks, and restored on another machine from the off-site target and the password alone.

Apps, volumes, config, secrets and a database are equal.
The target is reached by SFTP; it is on the machine that takes over, which knows nothing of the lost one otherwise.
"""

import json
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.real_server import BASE_DOMAIN, RealServer, build_wheel
from tests.support.vps import CHECKOUT, missing_for_vps
from tests.support.waiting import wait_until

pytestmark = [
    pytest.mark.vps,
    pytest.mark.skipif(missing_for_vps() is not None, reason=str(missing_for_vps())),
    pytest.mark.skipif(shutil.which("restic") is None, reason="restic is not installed"),
]
MANIFEST = """
port: 8080
processes: {web: {command: [python3, /app/app.py]}}
resources: {memory: 128M}
volumes: {data: {path: /data}, uploads: {path: /srv/up, shared: true}}
"""
ROWS = 25
POSTGRES = "localhost/pvdify-postgres:15"
ORDERS = "SELECT count(*), md5(string_agg(text, ',' ORDER BY id)) FROM orders"
# The app has no client of PostgreSQL; whether it gets the URL, and reaches what the URL names, needs none.
REACH = """
import os, socket
from urllib.parse import urlsplit
url = urlsplit(os.environ["DATABASE_URL"])
socket.create_connection((url.hostname, url.port), 10).close()
print("reached", url.hostname)
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lost")


@pytest.fixture(scope="module")
def spare(directory: Path) -> Iterator[RealServer]:
    """The machine with the target, which takes over later."""
    with RealServer(build_wheel(directory)) as server:
        yield server


def ask(server: RealServer, method: str, path: str, body: bytes | None = None) -> dict[str, object]:
    request = urllib.request.Request(
        f"http://{server.visitors}{path}", body, {"Host": f"shop.{BASE_DOMAIN}"}, method=method
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        found: dict[str, object] = json.loads(answer.read())
        return found


def uploads(server: RealServer) -> str:
    """Every file of the shared volume with its owner, mode and checksum."""
    volume = server.vps.run("sh", "-c", "echo /var/lib/containers/storage/volumes/pvdify-*-shop-uploads-*/_data").stdout
    listing = "find . -type f -exec sha256sum {} + -exec stat --format '%n %u %g %a %s %Y' {} + | sort"
    return server.vps.run("sh", "-c", f"cd {volume.strip()} && {listing}").stdout


def test_a_lost_server_is_restored_from_the_target_alone(spare: RealServer, directory: Path) -> None:
    location = f"sftp:root@{spare.vps.address}:/srv/offsite"
    with RealServer(directory / spare.wheel_name) as lost:
        key = ssh_key(lost, spare)
        lost.install()
        lost.start_registry()
        image = lost.push_sample("v1")
        lost.vps.write("/root/pvdify.yml", MANIFEST)
        lost.pvdify("deploy", "shop", "--image", image, "--manifest", "/root/pvdify.yml")
        lost.pvdify("config:set", "shop", "GREETING=kept", "TOKEN=a secret that was set")
        for number in range(ROWS):
            ask(lost, "POST", "/rows", f"row {number}".encode())
        fill_uploads(lost)
        make_database(lost, spare)
        lost.vps.run("sh", "-c", f"/opt/pvdify/bin/pvdify backups:target {location} --json < /root/key > /root/said")
        password = json.loads(lost.vps.run("cat", "/root/said").stdout)["password"]
        lost.pvdify("backups:run")
        lost.pvdify("backups:verify")
        before = ask(lost, "GET", "/rows")
        files, config, orders = uploads(lost), lost.ask("config", "shop"), query(lost, ORDERS)
        lost.vps.cut_power()

    spare.bring_package()
    spare.start_registry()
    spare.push_sample("v1")
    spare.vps.write("/root/opens", f"RESTIC_PASSWORD={password}\n{key}")
    said = spare.vps.run("sh", "-c", f"/opt/pvdify/bin/pvdify server restore {location} < /root/opens")

    wait_until(lambda: answers(spare), "the restored server does not serve")
    assert "restore the volume data of shop" in said.stderr
    assert before == {"rows": ROWS, "integrity": "ok"}
    assert ask(spare, "GET", "/rows") == before
    assert uploads(spare) == files
    assert spare.ask("config", "shop") == config
    wait_until(lambda: has_database(spare), "the database does not come back")
    assert query(spare, ORDERS) == orders
    asked = spare.pvdify("run", "shop", "--", "python3", "-c", REACH).stdout
    assert "reached db" in asked
    for text in (password, key.splitlines()[1]):
        assert text not in said.stdout + said.stderr
    (backup,) = spare.ask("backups")["backups"]
    assert backup["state"] == "stored"
    spare.pvdify("backups:run")
    spare.pvdify("backups:verify")


def make_database(lost: RealServer, spare: RealServer) -> None:
    """A PostgreSQL with rows, to which the app is linked; the spare machine gets its image by hand."""
    lost.vps.run(str(CHECKOUT / "tools" / "build-service"), "postgres")
    carry = (
        f"podman save {POSTGRES} | ssh -i /root/key -o StrictHostKeyChecking=no root@{spare.vps.address} podman load"
    )
    lost.vps.run("sh", "-c", carry)
    lost.pvdify("services:create", "db", "--kind", "postgres", "--image", POSTGRES)
    lost.pvdify("services:link", "db", "shop")
    lost.pvdify("deploy", "shop")
    query(lost, "CREATE TABLE orders AS SELECT id, md5(id::text) AS text FROM generate_series(1, 5000) AS id")


def query(server: RealServer, text: str) -> str:
    asked = f'psql -U "$POSTGRES_USER" -d "$POSTGRES_DB" -Atc "{text}"'
    return server.pvdify("services:connect", "db", "--", "sh", "-c", asked).stdout.strip()


def has_database(server: RealServer) -> bool:
    return any(it["name"] == "db" and it["state"] == "live" for it in server.ask("services")["services"])


def answers(server: RealServer) -> bool:
    try:
        return bool(ask(server, "GET", "/rows"))
    except OSError:
        return False


def fill_uploads(server: RealServer) -> None:
    """Files with owners, modes and times of their own in the shared volume."""
    script = """
    cd /var/lib/containers/storage/volumes/pvdify-*-shop-uploads-*/_data
    for i in 1 2 3 4 5; do
        head -c 50000 /dev/urandom > file-$i; chown $((1000 + i)):50 file-$i; chmod 0640 file-$i
    done
    mkdir -p deep/er && echo text > deep/er/note && ln -s deep/er/note link && touch -d 2020-01-01 file-1
    """
    server.vps.run("sh", "-c", script)


def ssh_key(lost: RealServer, spare: RealServer) -> str:
    """Let the server that will be lost reach the target; its private key."""
    lost.vps.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/key")
    public = lost.vps.run("cat", "/root/key.pub").stdout
    add = "mkdir -p /root/.ssh /srv/offsite && cat >> /root/.ssh/authorized_keys && chmod 700 /root/.ssh"
    spare.vps.run("sh", "-c", add, stdin=public.encode())
    return lost.vps.run("cat", "/root/key").stdout
