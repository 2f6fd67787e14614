"""An engine in this process on real podman, router, registry and disk, with time that passes faster."""

import asyncio
import json
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.httpx2.web import HttpxWeb
from pvdify.adapters.sqlite.store import SqliteStore
from pvdify.adapters.subprocess.command_runner import SubprocessRunner
from pvdify.daemon.bootstrap import build_encrypted, build_outside, build_router, build_world
from pvdify.daemon.directories import prepare
from pvdify.daemon.encryption import prepare_encryption
from pvdify.daemon.runtime_inputs import RuntimeInputs
from pvdify.daemon.runtimes import build_runtime
from pvdify.daemon.webhook_secret import ensure_webhook_secret
from pvdify.engine.wiring import build_engine
from pvdify.engine.wiring.outside import Outside
from pvdify.engine.world import World
from pvdify.settings import Settings, load
from tests.support.asking import Asking
from tools.demo.stage import BASE_DOMAIN, INSTANCE_PORTS, Stage


class FastClock:
    """Real time, ``speed`` times as fast: with 5, what waits five seconds for a worker to stay up waits one."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._began, self._zero = datetime.now(UTC), time.monotonic()

    def now(self) -> datetime:
        return self._began + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return (time.monotonic() - self._zero) * self._speed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._speed)


@dataclass(frozen=True, kw_only=True)
class Container:
    """A container as podman reports it; ``environment`` without variables passed by file."""

    name: str
    image_id: str
    is_running: bool
    host_ports: tuple[int, ...]
    labels: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Found:
    """Podman's containers, in the form of the fake supervisor."""

    names: frozenset[str]
    running: frozenset[str]


class RealMachine:
    """What is still there when an engine ends. Belongs to one event loop."""

    def __init__(self, stage: Stage, *, speed: float, podman: str = "podman", runtime: str = "podman") -> None:
        self.stage = stage
        first = stage.first_instance_port
        flags = {
            "data_dir": str(stage.data_dir), "listen": f"127.0.0.1:{stage.api_port}", "router_listen": stage.router,
            "runtime": runtime, "ports": f"{first}-{first + INSTANCE_PORTS - 1}", "base_domain": BASE_DOMAIN,
            "standby": "20s", "podman_binary": podman,
        }  # fmt: skip
        self.settings: Settings = load(flags, {}, Path(stage.directory) / "no-such-file")
        self.clock = FastClock(speed)
        self.store = SqliteStore(self.settings.data_dir / "pvdify.db")
        self.router = build_router(self.settings)
        self.web = HttpxWeb()
        self.supervisor = Found(names=frozenset(), running=frozenset())

    async def open(self) -> None:
        prepare(self.settings)
        ensure_webhook_secret(self.settings)
        await self.store.open()
        encrypted = build_encrypted(self.settings)
        prepare_encryption(encrypted.vault, encrypted.config, encrypted.credentials)
        inputs = RuntimeInputs(settings=self.settings, runner=SubprocessRunner(), clock=SystemClock(), web=self.web)
        runtime = build_runtime(inputs)
        world = build_world(inputs, runtime, self.store, self.router, encrypted)
        self.world: World = replace(world, clock=self.clock)
        self.outside: Outside = build_outside(inputs, runtime, self.store, self.web)

    async def close(self) -> None:
        await self.router.close()
        await self.web.close()
        await self.store.close()

    async def route_of(self, app: str) -> tuple[int, ...]:
        route = (await self.router.routes()).get(app)
        return tuple(target.port for target in route.targets) if route else ()

    def containers(self) -> tuple[Container, ...]:
        """List every container of this server; ``supervisor`` then has the same list."""
        label = f"label=io.pvdify.server={self.settings.server_id}"
        listed = subprocess.run(
            ("podman", "ps", "--all", "--filter", label, "--format", "json"), check=True, capture_output=True, text=True
        )
        found = tuple(_container(it) for it in json.loads(listed.stdout or "[]"))
        self.supervisor = Found(
            names=frozenset(it.name for it in found), running=frozenset(it.name for it in found if it.is_running)
        )
        return found

    def images(self) -> list[str]:
        """The images that releases of this server pin."""
        pattern = f"--filter=reference=localhost/pvdify/{self.settings.server_id}/*:*"
        listed = subprocess.run(
            ("podman", "images", "--format", "{{.Repository}}:{{.Tag}}", pattern), check=True, capture_output=True,
            text=True,
        )  # fmt: skip
        return listed.stdout.split()

    async def get(self, address: str, hostname: str, path: str) -> tuple[int, str]:
        """Request this address; return status and text."""
        return await asyncio.to_thread(_get, f"http://{address}{path}", hostname)


class RealDaemon(Asking):
    """An engine on the machine."""

    def __init__(self, machine: RealMachine) -> None:
        wired = build_engine(machine.world, machine.outside)
        engine, self.world = wired.engine, wired.world
        self.clock, self.store = self.world.clock, self.world.store
        self.worker, self.reconciler = wired.worker, wired.reconciler
        self.requests, self.queries = engine.requests, engine.queries
        self.processes, self.domains = engine.processes, engine.domains

    async def begin(self) -> None:
        """Start, and resume what the previous daemon left."""
        await self.reconciler.ensure_router()
        await self.worker.resume()

    async def end(self) -> None:
        """Stop where it is."""
        self.reconciler.close()
        await self.worker.close()


def _container(listed: dict[str, Any]) -> Container:
    return Container(
        name=listed["Labels"]["io.pvdify.name"],
        image_id=listed["ImageID"],
        is_running=listed["State"] == "running",
        host_ports=tuple(port["host_port"] for port in listed["Ports"] or ()),
        labels=listed["Labels"],
    )


def _get(url: str, hostname: str) -> tuple[int, str]:
    request = urllib.request.Request(url, headers={"Host": hostname, "Connection": "close"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
