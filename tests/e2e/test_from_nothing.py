"""The page "From nothing to a deploy on push", carried out as it stands: each command and file, on a real server with
systemd and podman, with the real gh and git, and the workflow in real shells. Then, on the server that this makes, what
the pages on databases and firewalls say.

What is not real is outside the server and named here: DNS (``Internet``, hosts files), GitHub's API, keys and runners,
the image registry, and the authority that signs certificates.
"""

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.real_server import build_wheel
from tests.e2e.test_previews import Github
from tests.fakes.github import FakeGithub
from tests.support import dockerfile, gh
from tests.support.addresses import own_address
from tests.support.internet import NAMES, Authority, Internet
from tests.support.issuer import ISSUER
from tests.support.object_store import ObjectStore
from tests.support.page import Kind, Step, files_of, is_as_shown, steps_of
from tests.support.vps import Vps, missing_for_vps
from tests.support.waiting import wait_until
from tests.support.workflow import Ran, Runner
from tests.unit.cli.test_examples_run import COMMANDS, EXAMPLES

HOWTO = gh.CHECKOUT / "docs" / "howto"
PAGE, FIREWALLS, DATABASES, WEB_SERVERS, BACKUPS = (
    HOWTO / f"{name}.md"
    for name in ("from-nothing-to-a-deploy-on-push", "run-beside-a-firewall", "run-a-database",
                 "run-beside-another-web-server", "back-up-and-restore")
)  # fmt: skip
NAME, REPOSITORY, USER = "apps.example.com", "org/myapp", "octocat"
TOKEN = "ghp_of_octocat"
BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
WORKFLOW = ".github/workflows/deploy.yml"
# All that is done in another way than the page says, and how.
SUBSTITUTED = {
    "make dist": "tools/dist.py makes the same two files, without the installation that make begins with",
    f"scp -r dist root@{NAME}:": "the files are written into the server, which has no sshd key of the reader's",
    "/etc/caddy/Caddyfile": "before the page's lines, Caddy is given the test's authority in place of Let's Encrypt",
}
CADDY_OPTIONS = """{
	local_certs
	pki {
		ca local {
			root {
				cert /etc/caddy/authority.pem
				key /etc/caddy/authority.key
			}
		}
	}
}
"""


@dataclass
class World:
    """The server, the reader's machine, and GitHub."""

    vps: Vps
    internet: Internet
    authority: Authority
    issuer: Github
    api: FakeGithub
    folder: Path
    environ: dict[str, str]
    runs: list[list[Ran]] = field(default_factory=list)

    @property
    def clone(self) -> Path:
        return self.folder / "clone"

    def carry_out(self, step: Step) -> str:
        """What it printed."""
        if step.kind is Kind.FILE:
            self._write(step)
            return ""
        if step.kind is Kind.RUN:
            lines = self.runs[-1][-1].output.splitlines(keepends=True)
            return "".join(line for line in lines if not line.startswith("::"))  # what GitHub carries out and hides
        if step.text in SUBSTITUTED:
            self._bring_dist()
            return ""
        if step.kind is Kind.ROOT:
            done = self.vps.run("bash", "-c", f"{step.text} 2>&1", check=False)
        else:
            done = self.as_reader(step.text)
        assert done.returncode == 0, f"{step.text}:\n{done.stdout[-3000:]}"
        if "git push" in step.text:
            self._run_workflow()
        return done.stdout

    def _write(self, step: Step) -> None:
        if step.path in SUBSTITUTED:
            for file in (self.authority.certificate, self.authority.key):
                self.vps.write(f"/etc/caddy/{file.name}", file.read_bytes())
            self.vps.run("chown", "caddy", "/etc/caddy/authority.key")
            self.vps.write(step.path, CADDY_OPTIONS + step.text)
        elif step.path.startswith("/"):
            self.vps.write(step.path, step.text)
        else:
            file = self.clone / step.path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(step.text)

    def _bring_dist(self) -> None:
        for file in (self.folder / "dist").iterdir():
            self.vps.write(f"/root/dist/{file.name}", file.read_bytes())

    def in_namespace(self) -> tuple[str, ...]:
        """The beginning of a command line: what follows finds the server by its name."""
        mount = 'mount --bind "$0" /etc/hosts && exec "$@"'
        return ("unshare", "--mount", "sh", "-c", mount, str(self.folder / "hosts"))

    def as_reader(self, command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in the clone, on the reader's machine."""
        return subprocess.run(
            (*self.in_namespace(), "bash", "-c", command), cwd=self.clone, env=self.environ, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
        )  # fmt: skip

    def _run_workflow(self) -> None:
        """Run the pushed workflow as GitHub does, on a new runner."""
        checkout = self.folder / "checkout"
        for old in (checkout, Path(self.environ["HOME"]) / ".local"):
            shutil.rmtree(old, ignore_errors=True)
        subprocess.run(("git", "clone", "--quiet", self.folder / "origin.git", checkout), check=True)
        asked = ("git", "-C", checkout, "rev-parse", "HEAD")
        sha = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
        reference = "refs/heads/main"
        self.issuer.job = {"event_name": "push", "ref": reference, "repository": REPOSITORY, "sha": sha}
        runner = Runner(
            folder=self.folder, environ=self.environ, use=self._use, shell=(*self.in_namespace(), "bash", "-e"),
            github={"event_name": "push", "ref": reference, "repository": REPOSITORY, "sha": sha, "run_number": 1,
                    "actor": USER, "token": "gh_token", "event": {}},
            more={"vars": self.api.variables},
        )  # fmt: skip
        self.runs.append(runner.run(checkout / WORKFLOW))
        assert all(step.code == 0 for step in self.runs[-1]), self.runs[-1][-1].output

    def _use(self, action: str, inputs: dict[str, str]) -> None:
        """Building and pushing is what leaves something behind."""
        if action == "docker/build-push-action":
            repository, _, tag = inputs["tags"].removeprefix("ghcr.io/").rpartition(":")
            layer, config = dockerfile.build(self.folder / "checkout")
            self.internet.registry.add_image(repository, tag, layer, **config)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if missing_for_vps() is not None:
        pytest.skip(str(missing_for_vps()))
    folder = tmp_path_factory.mktemp("from-nothing")
    build_wheel(folder / "dist")
    authority = Authority(folder)
    with Vps() as vps, Github(issuer=ISSUER) as issuer, FakeGithub(folder / "github.sock") as api:
        threading.Thread(target=issuer.serve_forever, args=(0.02,), daemon=True).start()
        gateway = f"{vps.address.rpartition('.')[0]}.1"
        with Internet(gateway, authority, {USER: TOKEN}) as internet:
            give_names(folder, vps, gateway, authority)
            environ = environment_of_reader(folder, issuer, api)
            yield World(vps=vps, internet=internet, authority=authority, issuer=issuer, api=api, folder=folder,
                        environ=environ)  # fmt: skip
        issuer.shutdown()


def give_names(folder: Path, vps: Vps, gateway: str, authority: Authority) -> None:
    """Set up DNS names, trusted authorities and the reader's token, here and on the server."""
    lines = (f"{vps.address} {NAME} myapp.{NAME}", *(f"{gateway} {name}" for name in NAMES), "127.0.0.1 localhost", "")
    (folder / "hosts").write_text("\n".join(lines))
    vps.write("/etc/hosts", "\n".join(lines))
    vps.write("/usr/local/share/ca-certificates/test-authority.crt", authority.certificate.read_bytes())
    vps.run("update-ca-certificates")
    (folder / "authorities.pem").write_bytes(BUNDLE.read_bytes() + authority.certificate.read_bytes())
    vps.write("/root/ghcr-token", TOKEN)


def environment_of_reader(folder: Path, issuer: Github, api: FakeGithub) -> dict[str, str]:
    """A clone of a new repository, where gh is signed in; runners have the same with a token for jobs."""
    environ = gh.environment(folder / "home", api.socket, gh.publish(folder)) | {
        "GH_TOKEN": "gho_of_the_reader", "SSL_CERT_FILE": str(folder / "authorities.pem"),
        "CURL_CA_BUNDLE": str(folder / "authorities.pem"),
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{issuer.url}/token?api-version=2.0",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-runner",
    }  # fmt: skip
    with (folder / "home" / ".gitconfig").open("a") as config:
        config.write(f'[url "{(folder / "origin.git").as_uri()}"]\n\tpushInsteadOf = https://github.com/{REPOSITORY}\n')
        config.write("[user]\n\tname = Reader\n\temail = reader@example.com\n")
    for command in (("git", "init", "--quiet", "--bare", "--initial-branch=main", "origin.git"),
                    ("git", "init", "--quiet", "--initial-branch=main", "clone"),
                    ("git", "-C", "clone", "remote", "add", "origin", f"https://github.com/{REPOSITORY}")):  # fmt: skip
        subprocess.run(command, cwd=folder, check=True, env=os.environ | {"HOME": environ["HOME"]})
    return environ


def test_each_block_of_the_page_is_run() -> None:
    steps = list(steps_of(PAGE))

    assert {step.kind for step in steps} == set(Kind)
    assert {step.text for step in steps} | {step.path for step in steps} >= set(SUBSTITUTED)


@pytest.mark.vps
def test_the_page_leads_from_nothing_to_a_deploy_on_push(world: World) -> None:
    for step in steps_of(PAGE):
        printed = world.carry_out(step)

        if step.shown:
            assert is_as_shown(printed, step.shown), f"{step.text}\n--- printed\n{printed}\n--- shown\n{step.shown}"
        if step.text.startswith("getent"):
            assert printed.count(world.vps.address) == 2
    assert world.api.variables == {"PVDIFY_URL": f"https://{NAME}"}
    assert [len(run) for run in world.runs] == [3, 3]
    assert f"| Address | https://myapp.{NAME} |" in (world.folder / ".GITHUB_STEP_SUMMARY").read_text()


@pytest.mark.vps
def test_doctor_and_install_end_with_the_same_lines_for_github(world: World) -> None:
    pvdify = "/opt/pvdify/bin/pvdify"
    lines = [f"gh variable set PVDIFY_URL --body https://{NAME}", "gh secret set PVDIFY_TOKEN"]

    for command in (("doctor",), ("server", "install", "--base-domain", NAME)):
        printed = world.vps.run(pvdify, *command).stdout.splitlines()
        assert printed[-2:] == lines


@pytest.mark.vps
@pytest.mark.parametrize(
    ("unit", "path", "prepare"),
    [
        ("nginx", "/etc/nginx/conf.d/pvdify.conf", "true"),
        ("apache2", "/etc/apache2/sites-enabled/pvdify.conf", "a2enmod --quiet ssl proxy proxy_http headers"),
    ],
)
def test_another_web_server_passes_requests_on(world: World, unit: str, path: str, prepare: str) -> None:
    certificate, key = world.authority.issue(NAME, f"*.{NAME}")
    world.vps.write(f"/etc/ssl/{NAME}.pem", certificate.read_bytes())
    world.vps.write(f"/etc/ssl/{NAME}.key", key.read_bytes())
    world.vps.run("systemctl", "stop", "caddy")
    world.vps.run("apt-get", "install", "--yes", "--no-install-recommends", unit)
    world.vps.run("sh", "-c", prepare)
    world.vps.write(path, files_of(WEB_SERVERS)[path])
    world.vps.run("systemctl", "restart", unit)
    asked = f"curl --silent --show-error --fail https://myapp.{NAME}/"

    answered = world.as_reader(asked)
    doctor = world.vps.run("/opt/pvdify/bin/pvdify", "doctor", check=False).stdout
    world.vps.run("systemctl", "mask", "--quiet", "--now", unit)
    world.vps.run("systemctl", "start", "caddy")

    assert "hello" in answered.stdout, answered.stdout
    assert f"https://{NAME} is answered by pvdifyd" in doctor


def containers(world: World, *command: str) -> str:
    """What a container in the app's network prints that has the server's programs."""
    facts = "{{range $it, $_ := .NetworkSettings.Networks}}{{$it}}{{end}} {{.Image}}"
    network, image = world.vps.run("podman", "inspect", "--format", facts, instance(world)).stdout.split()
    folders = (f"--volume={folder}:{folder}:ro" for folder in ("/usr", "/lib", "/lib64"))
    ran = world.vps.run("podman", "run", "--rm", f"--network={network}", *folders, image, *command, check=False)
    return ran.stdout + ran.stderr


def instance(world: World) -> str:
    """The container of the app's live instance."""
    return world.vps.run("podman", "ps", "--quiet", "--filter=name=^pvdify-myapp-web-").stdout.split()[0]


def answers(world: World) -> bool:
    """Return whether the app answers a visitor's request."""
    asked = ("curl", "--silent", "--max-time", "3", "--header", f"Host: myapp.{NAME}", "http://127.0.0.1:9080/")
    return "hello" in world.vps.run(*asked, check=False).stdout


def reaches_database(world: World) -> bool:
    """Whether an app's container reaches PostgreSQL on the server."""
    ask = ("/bin/sh", "-c", "echo | nc -w 2 host.containers.internal 5432")
    return world.vps.run("podman", "exec", instance(world), *ask, check=False).returncode == 0


@pytest.mark.vps
def test_apps_use_postgresql_on_the_server(world: World) -> None:
    packages = ("postgresql", "ufw", "nftables", "firewalld")
    world.vps.run("apt-get", "install", "--yes", "--no-install-recommends", *packages)
    world.vps.run("systemctl", "disable", "--quiet", "--now", "firewalld", "ufw", "nftables")
    world.vps.run("podman", "network", "reload", "--all", check=False)
    for step in steps_of(DATABASES, "PostgreSQL that is on the server already"):
        world.carry_out(step)

    url = files_of(DATABASES)["/root/database-url"].strip()
    psql = "/usr/lib/postgresql/15/bin/psql"
    assert containers(world, psql, url, "-Atc", "SELECT current_user").strip() == "myapp"
    assert "password authentication failed" in containers(world, psql, url.replace("long", "wrong"), "-c", "SELECT 1")
    from_outside = url.replace("host.containers.internal", world.vps.address)
    assert "no pg_hba.conf entry" in world.vps.run(psql, from_outside, "-c", "SELECT 1", check=False).stderr


RULE = re.compile(r"^\| (?P<firewall>iptables|ufw) \| `(?P<rule>[^`]+)` \|$", re.MULTILINE)


@pytest.mark.vps
@pytest.mark.parametrize(
    ("firewall", "start", "stop"),
    [
        ("iptables", "iptables -A INPUT -i lo -j ACCEPT; iptables -P INPUT DROP; iptables -P FORWARD DROP; "
         "iptables -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
         "iptables -P INPUT ACCEPT; iptables -P FORWARD ACCEPT; iptables -F INPUT"),
        ("ufw", "ufw --force enable", "ufw --force disable"),
    ],
    ids=lambda value: value.split()[0],
)  # fmt: skip
def test_a_policy_that_drops_needs_a_rule_for_databases_alone(
    world: World, firewall: str, start: str, stop: str
) -> None:
    rules = {found["firewall"]: found["rule"] for found in RULE.finditer(FIREWALLS.read_text())}

    world.vps.run("sh", "-c", start)
    before = answers(world), reaches_database(world)
    world.vps.run("sh", "-c", rules[firewall])
    after = answers(world), reaches_database(world)
    world.vps.run("sh", "-c", stop)

    assert (before, after) == ((True, False), (True, True))


@pytest.mark.vps
@pytest.mark.parametrize(
    ("path", "reload"),
    [
        ("/etc/systemd/system/nftables.service.d/podman.conf", "systemctl restart nftables"),
        ("/etc/systemd/system/nftables.service.d/podman.conf", "systemctl reload nftables"),
        ("/etc/systemd/system/podman-after-firewalld.service", "systemctl restart firewalld"),
        ("/etc/systemd/system/podman-after-firewalld.service", "firewall-cmd --reload"),
    ],
    ids=lambda value: value.rpartition("/")[2],
)
def test_rules_are_back_after_a_firewall_has_dropped_them(world: World, path: str, reload: str) -> None:
    unit = "nftables" if "nftables" in path else "firewalld"
    world.vps.write(path, files_of(FIREWALLS)[path])
    world.vps.run("systemctl", "daemon-reload")
    if unit == "firewalld":
        world.vps.run("systemctl", "enable", "--quiet", "podman-after-firewalld")
    world.vps.run("systemctl", "start", unit)
    wait_until(lambda: answers(world), f"{unit} was started, and the rules do not come back")
    before = instance(world)

    world.vps.run("sh", "-c", reload)

    wait_until(lambda: answers(world), f"the rules do not come back after {reload}")
    assert (instance(world), reaches_database(world)) == (before, True)
    world.vps.run("systemctl", "stop", unit)
    world.vps.run("podman", "network", "reload", "--all", check=False)


# What the pages have of the server's own commands, in an order in which they can follow each other.
SERVER_COMMANDS = (
    "doctor",
    "server install --base-domain apps.example.com",
    "server install --set client_address_headers=X-Forwarded-For",
    "server install --set router_listen=0.0.0.0:80 --dry-run",
    "server upgrade",
    "server backup /var/backups/pvdify-$(date +%F).tar.gz --with-keys",
    "server uninstall --dry-run",
    "server uninstall --yes",
    "server restore /var/backups/pvdify-2026-11-25.tar.gz",
)
ANOTHER_DAY = "2026-11-25"
ELSEWHERE = {
    "server restore sftp:backup@example.com:/srv/pvdify": "tests/e2e/test_lost_server.py",
    "server restore s3:https://s3.example.com/my-backups": "test_a_server_is_restored_from_an_object_store",
    "server install --set runtime=kubernetes --set kubeconfig=/etc/pvdify/kubeconfig": "tests/kubernetes/trial.py",
    "server install --set kubeconfig=/etc/pvdify/kubeconfig": "tests/kubernetes/trial.py",
    "server install --set user_namespaces=on": "tests/integration/test_user_namespaces.py",  # needs cgroup v2
    "server runtime kubernetes --plan": "tests/kubernetes/test_moves.py",
    "server runtime kubernetes": "tests/kubernetes/test_moves.py",
    "server runtime": "tests/e2e/test_runtime_moves.py",
    "server runtime podman --plan": "tests/e2e/test_runtime_moves.py",
    "server runtime podman": "tests/e2e/test_runtime_moves.py",
    "server runtime systemd --plan": "tests/e2e/test_runtime_moves.py",
    "server runtime systemd": "tests/e2e/test_runtime_moves.py",
    "server runtime --cancel": "tests/unit/engine/test_runtime_moves.py",
}


def test_the_pages_have_no_other_command_for_the_server() -> None:
    left = {" ".join(words) for words, _ in EXAMPLES} - {" ".join(words) for words, _ in COMMANDS}

    assert left == {*SERVER_COMMANDS, *ELSEWHERE}


@pytest.mark.vps
def test_each_command_for_the_server_is_carried_out(world: World) -> None:
    today = world.vps.run("date", "+%F").stdout.strip()
    for command in SERVER_COMMANDS:
        if command.startswith("server restore"):  # onto a server that has nothing
            world.vps.run("rm", "-rf", "/var/lib/pvdify", "/etc/pvdify")
        line = f"/opt/pvdify/bin/pvdify {command.replace(ANOTHER_DAY, today)} 2>&1"
        if "0.0.0.0:80" in command:
            refused = world.vps.run("bash", "-c", line, check=False)
            assert "80 (router_listen) is in use by caddy" in refused.stdout
            world.vps.run("systemctl", "stop", "caddy")  # which has that port
        ran = world.vps.run("bash", "-c", line, check=False)
        assert ran.returncode == 0, f"{command}\n{ran.stdout}"
        world.vps.run("systemctl", "start", "caddy")

    wait_until(lambda: answers(world), "the app does not answer on the restored server")


STORE, KEYS = "s3.example.com", "ID=an-id SECRET=a-secret"


@pytest.fixture
def object_store(world: World) -> Iterator[None]:
    """A store at its name, on an address of its own beside the server's gateway."""
    gateway = f"{world.vps.address.rpartition('.')[0]}.1"
    address = f"{world.vps.address.rpartition('.')[0]}.253"
    routes = subprocess.run(("ip", "-json", "address"), check=True, capture_output=True).stdout
    (link,) = (it["ifname"] for it in json.loads(routes) if gateway in [each.get("local") for each in it["addr_info"]])
    world.vps.run("sh", "-c", f"echo {address} {STORE} >> /etc/hosts")
    with own_address(address, link), ObjectStore(address, 443, *world.authority.issue(STORE)):
        yield


@pytest.mark.vps
def test_a_server_is_restored_from_an_object_store(world: World, object_store: None) -> None:
    (block,) = re.findall(r"^```\n(printf .*?)```$", BACKUPS.read_text(), re.DOTALL | re.MULTILINE)
    (restore,) = re.findall(rf"^/opt/\S+ server restore s3:https://{STORE}/\S+$", BACKUPS.read_text(), re.MULTILINE)
    path = "PATH=/opt/pvdify/bin:$PATH"

    set_up = world.vps.run("bash", "-c", f"export {KEYS} {path}; {block.strip()} --json")
    for command in ("backups:run", "backups:verify"):
        world.vps.run("/opt/pvdify/bin/pvdify", command)
    removed = world.vps.run("/opt/pvdify/bin/pvdify", "server", "uninstall", "--yes")
    left = world.vps.run("bash", "-c", "iptables -S; podman network ls; podman ps --all").stdout
    assert "--comment pvdify" not in left, f"{removed.stderr}\n{left}"
    world.vps.run("rm", "-rf", "/var/lib/pvdify", "/etc/pvdify")
    password = json.loads(set_up.stdout)["password"]
    keys = f"RESTIC_PASSWORD={password}\nAWS_ACCESS_KEY_ID=an-id\nAWS_SECRET_ACCESS_KEY=a-secret\n"
    world.vps.run("bash", "-c", restore, stdin=keys.encode())

    wait_until(lambda: answers(world), "the app does not answer on the restored server")
