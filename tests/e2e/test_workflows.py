"""The workflows in examples/workflows, step by step: real shells, gh, podman and pvdifyd, an image registry in GitHub's
place, and deploys without a stored secret where a workflow has none."""

import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_previews import Github
from tests.e2e.trial import Trial
from tests.fakes.github import FakeGithub, pull_request
from tests.support import gh
from tests.support.workflow import Ran, Runner
from tools.demo import stage as stages
from tools.demo.stage import CHECKOUT

WORKFLOWS = CHECKOUT / "examples" / "workflows"
REPOSITORY = "MyOrg/MyApp"
IMAGE = "ghcr.io/myorg/myapp"  # a registry takes lower case only
SHA = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"


def public(trial: Trial) -> str:
    """Where runners reach the API: through the router, as visitors reach apps."""
    return f"http://{trial.stage.router}"


@dataclass
class World:
    """A server, and what stands for GitHub around it: its registry, its tokens for jobs, its API."""

    trial: Trial
    issuer: Github
    api: FakeGithub
    folder: Path
    environ: dict[str, str]

    def run(self, name: str, event_name: str, reference: str, event: dict[str, Any], **given: Any) -> list[Ran]:
        self.issuer.job = {"event_name": event_name, "ref": reference, "repository": REPOSITORY, **given}
        secrets = {} if name == "pipeline" else {"PVDIFY_TOKEN": self.trial.stage.token}
        return self._runner(event_name, reference, event, secrets).run(WORKFLOWS / f"{name}.yml")

    def run_action(self, action: Path, event: dict[str, Any], times: int = 1, **secrets: str) -> Ran:
        """What it prints the last of several ``times`` on one machine."""
        runner = self._runner("pull_request", "refs/pull/12/merge", event, {}, **secrets)
        return [ran for _ in range(times) for ran in runner.run_action(action)][-1]

    def _runner(
        self, event_name: str, reference: str, event: dict[str, Any], secrets: dict[str, str], **environ: str
    ) -> Runner:
        shutil.rmtree(self.folder / "home" / ".local", ignore_errors=True)  # each run has a machine of its own
        return Runner(
            folder=self.folder, environ={**self.environ, **environ}, use=self.use,
            github={"event_name": event_name, "ref": reference, "repository": REPOSITORY, "sha": SHA, "run_number": 7,
                    "actor": "octocat", "token": "gh_token", "event": event},
            more={"vars": {"PVDIFY_URL": public(self.trial)}, "secrets": secrets},
        )  # fmt: skip

    def use(self, action: str, inputs: dict[str, str]) -> None:
        """Building and pushing is what leaves something behind: the registry takes the sample under that tag."""
        if action == "docker/build-push-action":
            name, _, tag = inputs["tags"].rpartition(":")
            assert name == IMAGE
            stages.build_and_push(self.trial.stage, tag)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("runner")
    (folder / "checkout").mkdir()
    (folder / "checkout" / "Makefile").write_text("test:\n\t@echo all tests passed\n")
    with Trial() as trial, Github() as issuer, FakeGithub(folder / "github.sock") as api:
        threading.Thread(target=issuer.serve_forever, args=(0.02,), daemon=True).start()
        # Podman and skopeo read it below HOME.
        registries = Path(trial.stage.directory) / ".config" / "containers" / "registries.conf"
        registries.parent.mkdir(parents=True)
        registries.write_text(
            f'[[registry]]\nprefix = "{IMAGE}"\nlocation = "{trial.stage.registry}/hello"\ninsecure = true\n'
        )
        trial.start(settings=("--oidc-issuer", issuer.url, "--public-url", public(trial), "--standby", "1s"))
        environ = gh.environment(folder / "home", api.socket, gh.publish(folder)) | {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{issuer.url}/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-runner",
        }
        yield World(trial=trial, issuer=issuer, api=api, folder=folder, environ=environ)
        issuer.shutdown()


def pull_request_event(action: str) -> dict[str, Any]:
    times = {"opened": "2026-01-01T10:00:00Z", "synchronize": "2026-01-01T11:00:00Z", "closed": "2026-01-01T12:00:00Z"}
    return {"action": action, "number": 12, "pull_request": pull_request(12, REPOSITORY, updated_at=times[action])}


def succeeded(ran: list[Ran]) -> list[str]:
    """The jobs that had a step to run, once each."""
    assert all(step.code == 0 for step in ran), ran[-1].output
    return list(dict.fromkeys(step.job for step in ran))


def test_a_push_to_main_goes_live(world: World) -> None:
    ran = world.run("deploy", "push", "refs/heads/main", {})

    assert succeeded(ran) == ["deploy"]
    assert ran[-1].outputs["url"] == f"http://myapp.demo.localhost:{world.trial.stage.router_port}"
    assert ran[-1].outputs["version"] == "1"
    assert world.trial.get("myapp")[:2] == (200, SHA)
    release = world.trial.ask("GET", "/apps/myapp/releases/1")[1]
    assert (release["image"], release["commit"]) == (f"{IMAGE}:{SHA}", SHA)
    (asked,) = (it for it in world.trial.ask("GET", "/events?app=myapp&kind=deploy.requested")[1]["events"])
    assert asked["address"] == "127.0.0.1"
    summary = (world.folder / ".GITHUB_STEP_SUMMARY").read_text()
    assert "### myapp v1 is live" in summary
    assert f"| Address | {ran[-1].outputs['url']} |" in summary
    assert "| Steps | admit " in summary


def test_a_pull_request_has_a_preview_until_it_is_closed(world: World) -> None:
    opened = world.run("preview", "pull_request", "refs/pull/12/merge", pull_request_event("opened"))
    pushed = world.run("preview", "pull_request", "refs/pull/12/merge", pull_request_event("synchronize"))
    closed = world.run("preview", "pull_request", "refs/pull/12/merge", pull_request_event("closed"))

    assert [succeeded(ran) for ran in (opened, pushed, closed)] == [["preview"], ["preview"], ["close"]]
    first, second = (next(step.outputs for step in ran if "url" in step.outputs) for ran in (opened, pushed))
    url = first["url"]
    assert "//myapp-pr-12." in url
    assert world.api.comments == [(12, f"Preview at {url}")]
    assert (first["version"], second) == ("1", {"url": url, "version": "2"})
    assert world.trial.get("myapp-pr-12")[:2] == (200, "pr-12")
    assert world.trial.ask("GET", "/apps/myapp/previews")[1]["previews"][0]["status"] == "closed"


def test_the_pipeline_deploys_each_branch_to_its_place_without_a_stored_secret(world: World) -> None:
    by_number = ("--repository-id", "74", "--owner-id", "65")
    world.trial.pvdify("apps:create", "myapp-staging", check=False)
    main = ("--branch", "main", "--environment", "production", "--previews")
    staging = ("--branch", "develop", "--environment", "staging")
    world.trial.pvdify("github:link", "myapp", REPOSITORY, *main, *by_number)
    world.trial.pvdify("github:link", "myapp-staging", REPOSITORY, *staging, *by_number)

    develop = world.run("pipeline", "push", "refs/heads/develop", {}, environment="staging")
    production = world.run("pipeline", "push", "refs/heads/main", {}, environment="production")
    preview = world.run("pipeline", "pull_request", "refs/pull/12/merge", pull_request_event("synchronize"))

    closed = world.run("pipeline", "pull_request", "refs/pull/12/merge", pull_request_event("closed"))

    assert succeeded(closed) == ["close"]
    assert world.trial.ask("GET", "/apps/myapp/previews")[1]["previews"][0]["status"] == "closed"
    assert succeeded(develop) == ["test", "build", "deploy-staging"]
    assert succeeded(production) == ["test", "build", "deploy-production"]
    assert succeeded(preview) == ["test", "build", "preview"]
    assert world.trial.get("myapp-staging")[:2] == (200, SHA)
    everything = json.dumps([step.output for step in (*develop, *production, *preview)])
    assert world.trial.stage.token not in everything


def test_the_actions_install_the_extension_and_close_a_preview(world: World) -> None:
    published = world.folder / "pvdify" / "gh-pvdify.git"
    event = pull_request_event("closed")

    installed = world.run_action(published / "action.yml", event, times=2)
    access = {"PVDIFY_URL": public(world.trial), "PVDIFY_TOKEN": world.trial.stage.token}
    closed = world.run_action(published / "close" / "action.yml", event, **access)
    event["number"] = event["pull_request"]["number"] = 13
    nothing = world.run_action(published / "close" / "action.yml", event, **access)

    assert installed.code == 0, installed.output
    assert installed.output.splitlines()[-1].startswith("pvdify ")
    assert (closed.code, "myapp-pr-12 is closed" in closed.output) == (0, True), closed.output
    assert (nothing.code, nothing.output.splitlines()[-1]) == (
        0,
        "pull request 13 has no preview of myapp: nothing to close",
    )
