"""A pull request's preview on a real server: made by a workflow without a stored secret, updated, closed by a webhook
that arrives while pvdifyd is down, and removed with everything it made."""

import base64
import json
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from pvdify.model.webhook import signature_of
from tests.e2e.trial import PVDIFY, Trial
from tests.fakes.github_api import FakeGithub
from tests.support.issuer import claims_of_a_push, rsa_key, signed
from tests.support.leftovers import records_of
from tests.support.waiting import wait_until
from tools.demo.stage import BASE_DOMAIN

PREVIEW = "hello-pr-12"
MANIFEST = """\
app: hello
previews: {config_from: hello-staging, close_delay: 2s, basic_auth: PREVIEW_LOGIN}
"""


class Github(ThreadingHTTPServer):
    """Issues ID tokens to jobs, as GitHub does, and serves the keys that verify them.

    ``issuer``: the ``iss`` claim of the tokens; default: the address of this server.
    """

    def __init__(self, issuer: str | None = None) -> None:
        self.job: dict[str, str] = {}
        self.given = 0
        super().__init__(("127.0.0.1", 0), Handler)
        self.issuer = issuer or self.url

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Github

    def do_GET(self) -> None:
        github, asked = self.server, urlsplit(self.path)
        if asked.path == "/.well-known/jwks":
            answer: dict[str, Any] = {"keys": [rsa_key("one").as_dict(private=False)]}
        else:
            github.given += 1
            own = {
                "iss": github.issuer,
                "aud": parse_qs(asked.query)["audience"][0],
                "jti": str(github.given),
                **github.job,
            }
            answer = {"value": signed(claims_of_a_push(datetime.now(UTC), **own), rsa_key("one"))}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def github() -> Iterator[Github]:
    with Github() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def github_api() -> Iterator[FakeGithub]:
    """A fake of GitHub's API, which records comments and deployments."""
    with FakeGithub() as api:
        yield api


@pytest.fixture(scope="module")
def trial(github: Github, github_api: FakeGithub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    token = tmp_path_factory.mktemp("github") / "token"
    token.touch(mode=0o600)
    token.write_text("ghp_of_the_server")
    api_options = ("--github-api", github_api.url, "--github-token-file", str(token))
    with Trial("--oidc-issuer", github.url, "--standby", "1s", *api_options) as trial:
        trial.push("v1")
        trial.push("v2")
        start(trial)
        yield trial


def start(trial: Trial) -> None:
    trial.start(settings=("--public-url", trial.stage.url))


def in_workflow(trial: Trial, github: Github, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a job for pull request 12, without PVDIFY_TOKEN."""
    github.job = {"event_name": "pull_request", "ref": "refs/pull/12/merge"}
    event = {
        "number": 12, "updated_at": "2026-01-01T10:00:00Z", "labels": [],
        "head": {"sha": "c0ffee", "ref": "feature", "repo": {"full_name": "org/shop"}},
        "base": {"repo": {"full_name": "org/shop"}},
    }  # fmt: skip
    (folder / "event.json").write_text(json.dumps({"pull_request": event}))
    (folder / "pvdify.yml").write_text(MANIFEST)
    job = {
        "PVDIFY_URL": trial.stage.url, "GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "org/shop",
        "GITHUB_EVENT_PATH": str(folder / "event.json"), "GITHUB_REF": "refs/pull/12/merge",
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{github.url}/token?api-version=2.0",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-runner",
    }  # fmt: skip
    return subprocess.run(
        (*PVDIFY, *arguments), check=False, capture_output=True, text=True, cwd=folder, timeout=120,
        env=trial.stage.environment() | job,
    )  # fmt: skip


def visit(trial: Trial, login: str = "") -> tuple[int, str, str]:
    """Request the preview as a visitor; return status, version and the header for search engines."""
    headers = {"Host": f"{PREVIEW}.{BASE_DOMAIN}"}
    if login:
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    try:
        with urllib.request.urlopen(urllib.request.Request(f"http://{trial.stage.router}/", headers=headers)) as answer:
            return answer.status, answer.headers["X-Version"], answer.headers["X-Robots-Tag"]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, "", error.headers.get("X-Robots-Tag", "")


def send_closed_webhook(trial: Trial) -> tuple[int, Any]:
    """Send GitHub's webhook for a closed pull request."""
    at = "2026-01-01T11:00:00Z"
    said = {"state": "closed", "merged": True, "updated_at": at, "closed_at": at}
    body = {"action": "closed", "number": 12, "pull_request": said, "repository": {"id": 74, "full_name": "org/shop"}}
    content = json.dumps(body).encode()
    secret = (trial.stage.data_dir / "github-webhook.secret").read_text().strip()
    headers = {"X-GitHub-Event": "pull_request", "X-GitHub-Delivery": "d1", "Content-Type": "application/json",
               "X-Hub-Signature-256": signature_of(secret, content)}  # fmt: skip
    request = urllib.request.Request(f"{trial.stage.url}/api/v1/webhooks/github", content, headers)
    with urllib.request.urlopen(request) as answer:
        return answer.status, json.loads(answer.read())


def leftovers(trial: Trial) -> list[str]:
    """Return what is still named like the preview in podman, database and data directory, except events."""
    found = [
        *trial.containers(),
        *trial.networks(),
        *_images(trial, f"{trial.stage.registry}/*"),
        *_images(trial, "localhost/pvdify/*/*"),
    ]
    run_dir = Path("/run/pvdify") / trial._server_id()
    found += records_of(PREVIEW, data_dir=trial.stage.data_dir, run_dir=run_dir)
    return [text for text in found if PREVIEW in text]


def _images(trial: Trial, pattern: str) -> list[str]:
    """Stored images with such a name; from this registry nothing but the preview uses any."""
    listing = ("podman", "images", "--format", "{{.Names}}", f"--filter=reference={pattern}")
    done = subprocess.run(listing, check=False, capture_output=True, text=True)
    if done.returncode != 0:  # something went while it was being listed
        return [f"{PREVIEW}: not known: {done.stderr}"]
    return [
        f"{PREVIEW}: {line}" for line in done.stdout.splitlines() if trial.stage.registry in line or PREVIEW in line
    ]


def test_a_preview_exists_as_long_as_its_pull_request_and_leaves_nothing(
    trial: Trial, github: Github, github_api: FakeGithub, tmp_path: Path
):
    trial.pvdify("apps:create", "hello-staging")
    trial.pvdify("config:set", "hello-staging", "PREVIEW_LOGIN=team:sesame")
    trial.pvdify("github:link", "hello", "org/shop", "--previews", "--repository-id", "74", "--owner-id", "65")

    made = in_workflow(trial, github, tmp_path, "preview", "--image", trial.stage.image("v1"), "--app", "hello")

    assert made.returncode == 0, made.stderr
    assert visit(trial) == (401, "", "noindex, nofollow")
    assert visit(trial, "team:sesame") == (200, "v1", "noindex, nofollow")
    updated = in_workflow(trial, github, tmp_path, "preview", "--image", trial.stage.image("v2"), "--app", "hello")
    assert updated.returncode == 0, updated.stderr
    url = f"http://{PREVIEW}.{BASE_DOMAIN}:{trial.stage.router_port}"
    assert made.stdout.split()[4] == updated.stdout.split()[4] == url
    assert visit(trial, "team:sesame")[:2] == (200, "v2")
    assert "identity-refused" in in_workflow(trial, github, tmp_path, "deploy", "hello", "--no-wait").stderr
    assert len(leftovers(trial)) > 5
    assert trial.networks() == [PREVIEW]

    assert send_closed_webhook(trial) == (202, {"outcome": "heard", "previews": [PREVIEW]})
    trial.kill()
    start(trial)

    wait_until(lambda: leftovers(trial) == [])  # the reaper runs every half minute
    assert visit(trial)[0] == 404
    events = trial.ask("GET", f"/events?app={PREVIEW}&limit=100")[1]["events"]
    assert {"preview.opened", "token.exchanged", "preview.closed", "preview.ended"} <= {it["action"] for it in events}
    assert trial.ask("GET", "/apps")[1]["apps"][0]["name"] == "hello-staging"
    github_api.check()
    assert len(github_api.state.comments) == 1
    assert (
        "the pull request is closed" in github_api.state.comments[0]["body"]
        or "gone" in github_api.state.comments[0]["body"]
    )
    assert [it["sha"] for it in github_api.state.deployments] == ["c0ffee", "c0ffee"]
