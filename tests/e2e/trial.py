"""A whole server of its own for one test module: registry, images, pvdifyd, router, and a way to ask and to kill it."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.support.waiting import PATIENCE
from tools.demo import stage as stages
from tools.demo.stage import BASE_DOMAIN, CHECKOUT, Stage
from tools.loopback_registry import LoopbackRegistry

PVDIFY = (sys.executable, "-m", "pvdify")
PVDIFYD = (str(Path(sys.executable).with_name("pvdifyd")),)


class Trial:
    """Use as a context manager; everything it made is gone afterwards."""

    def __init__(self, *settings: str) -> None:
        self._settings = settings
        self.stage: Stage = stages.prepare()
        self.process: subprocess.Popen[bytes] | None = None
        self.registry = LoopbackRegistry(Path(self.stage.directory) / "registry", self.stage.registry_port)

    def __enter__(self) -> "Trial":
        self.registry.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.stop()
            time.sleep(0.5)  # what a killed daemon had begun may still be coming into being
        self.registry.stop()
        stages.clean_up(self.stage)

    def push(self, version: str, *variables: str) -> str:
        """Build the sample app and push it; its reference."""
        stages.build_and_push(self.stage, version, *variables)
        return self.stage.image(version)

    def start(self, *program: str, settings: tuple[str, ...] = ()) -> None:
        """Start pvdifyd and wait until it answers or has killed itself on request."""
        arguments = (*(program or PVDIFYD), *self.stage.server_arguments(), *self._settings, *settings)
        with self.stage.log.open("ab") as log:
            self.process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=CHECKOUT,
                env=self.stage.environment(), start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + PATIENCE
        while not self.answers():
            if self.process.poll() is not None:
                return
            assert time.monotonic() < deadline, stages.last_words(self.stage)
            time.sleep(0.02)

    def answers(self) -> bool:
        with suppress(OSError):
            return self.ask("GET", "/health")[0] == 200 and (self.stage.data_dir / "admin.token").exists()
        return False

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def wait_dead(self, seconds: float) -> bool:
        """Whether pvdifyd has ended within this time."""
        assert self.process is not None
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
            return True
        return False

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Send one request to the API; return status and JSON or text. Raises OSError without an answer."""
        headers = {"Content-Type": "application/json"}
        token = self.stage.data_dir / "admin.token"
        if token.exists():
            headers["Authorization"] = f"Bearer {token.read_text().strip()}"
        request = urllib.request.Request(
            f"{self.stage.url}/api/v1{path}", json.dumps(body).encode() if body is not None else None, headers,
            method=method,
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, _content(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, _content(error.read())

    def pvdify(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the command line as a user does."""
        token = (self.stage.data_dir / "admin.token").read_text().strip()
        access = {"PVDIFY_URL": self.stage.url, "PVDIFY_TOKEN": token}
        done = subprocess.run(
            (*PVDIFY, *arguments), check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL,
            env=self.stage.environment() | access | {"COLUMNS": "200"}, cwd="/", timeout=600,
        )  # fmt: skip
        assert not check or done.returncode == 0, done.stderr
        return done

    def get(self, app: str, path: str = "/", *, timeout: float = 60) -> tuple[int, str, str]:
        """Send a request as a visitor; return status, X-Version and body."""
        request = urllib.request.Request(f"http://{self.stage.router}{path}", headers={"Host": f"{app}.{BASE_DOMAIN}"})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.headers.get("X-Version", ""), answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers.get("X-Version", ""), error.read().decode()

    def settle(self, app: str) -> dict[str, Any]:
        """Wait until the newest release has settled; it."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            newest: dict[str, Any] = self.ask("GET", f"/apps/{app}/releases?limit=1")[1]["releases"][0]
            if newest["status"] not in ("pending", "deploying") and self.is_idle():
                return newest
            time.sleep(0.05)
        raise AssertionError(f"not settled within {PATIENCE} s: {newest}")

    def is_idle(self) -> bool:
        """Whether no operation but retirements is under way."""
        code, status = self.ask("GET", "/status")
        assert code == 200, status
        return bool(status["running_operations"] == 0)

    def containers(self) -> dict[str, str]:
        """Name -> state of every container of this server."""
        return {container["Labels"]["io.pvdify.name"]: container["State"] for container in self._listed()}

    def images(self, app: str) -> set[str]:
        """The ids of the images that the containers of an app are of."""
        return {container["ImageID"] for container in self._listed() if container["Labels"]["io.pvdify.app"] == app}

    def inspected(self) -> str:
        """What podman tells of the containers of this server, without those that are removed meanwhile."""
        asked = ("podman", "inspect", *self.containers())
        return subprocess.run(asked, check=False, capture_output=True, text=True).stdout

    def kill_instance(self, name: str) -> float:
        """SIGKILL for the container's first process, from outside; when (``time.monotonic``)."""
        pid = self.first_process(name)
        assert pid, f"{name} does not run"
        at = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        return at

    def first_process(self, name: str) -> int:
        """Its pid on this machine; 0 while the container does not run, or is not there."""
        return next((int(it["Pid"]) for it in self._listed() if it["Labels"]["io.pvdify.name"] == name), 0)

    def live_slot(self, app: str) -> int:
        """The slot that gets the app's visitors."""
        return int(self._map("live")[app].rpartition("/v")[2])

    def routed(self, app: str) -> int:
        """How many instances get the app's visitors, as the router's files say: they are written first."""
        return int(self._map("targets")[self._map("live")[app]])

    def is_held(self, app: str) -> bool:
        """Whether the router lets new requests of the app wait."""
        return app in self._map("held")

    def networks(self) -> list[str]:
        """The apps of this server that have a network."""
        listed = subprocess.run(
            ("podman", "network", "ls", "--filter", f"label=io.pvdify.server={self._server_id()}", "--format", "json"),
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        networks = json.loads(listed.stdout or "[]")
        return [network["labels"].get("io.pvdify.app", network["name"]) for network in networks]

    def router_pid(self) -> int:
        """The process that visitors' requests go through."""
        (pid,) = self.router_pids()
        return pid

    def router_pids(self) -> list[int]:
        """The router's processes; more than one while a replaced one finishes requests."""
        return stages.processes(self.stage.directory, "haproxy")

    def _map(self, name: str) -> dict[str, str]:
        lines = (self.stage.data_dir / "router" / f"{name}.map").read_text().splitlines()
        return {key: value for key, value in map(str.split, lines)}

    def _listed(self) -> list[dict[str, Any]]:
        listed = subprocess.run(
            ("podman", "ps", "--all", "--filter", f"label=io.pvdify.server={self._server_id()}", "--format", "json"),
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        found: list[dict[str, Any]] = json.loads(listed.stdout or "[]")
        return found

    def _server_id(self) -> str:
        return stages.server_id(self.stage)

    def _end(self, number: int) -> None:
        assert self.process is not None
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, number)
        self.process.wait(20)


def _content(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode()
