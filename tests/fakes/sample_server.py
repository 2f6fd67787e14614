"""A server with sample apps on the fakes: dashboard and API over real HTTP, without podman. ``make run`` starts it."""

import argparse
import asyncio
import itertools
import math
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
import uvicorn

from pvdify.adapters.clock.clock import SystemClock
from pvdify.daemon.serving import build_listener
from pvdify.engine.access.places import Places
from pvdify.engine.front_door import Engine
from pvdify.errors import PvdifyError
from pvdify.model.capacity import Usage
from pvdify.model.config import ConfigVar
from pvdify.model.instance import Secret
from pvdify.model.release import Source
from pvdify.model.route import WAIT_BOUNDS, TargetCount, Traffic
from pvdify.model.samples import POINTS, STEP, Sample, Series
from pvdify.model.service_kinds import KINDS
from pvdify.model.token import Actor, Role
from pvdify.model.visit import Visit
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import Daemon, Machine
from tests.fakes.router import FakeRouter
from tests.support.databases import Databases
from tests.support.wanted import deploy_request, preview_request

ADMIN = Actor(name="ada", role=Role.ADMIN)
CI = Actor(name="github-actions", role=Role.DEPLOY)
REGISTRY = "ghcr.io/acme"
MB = 1024 * 1024
_PATHS = ("/", "/cart", "/products/7", "/search?q=shoes", "/checkout", "/api/v2/orders", "/missing.png")
_SAID = (
    "GET /cart 200 12 ms", "GET /products/7 200 8 ms", "cache hit products:7", "POST /checkout 201 84 ms",
    "warning: retrying payment gateway (1 of 3)", "GET /search 200 31 ms", "queue depth 3",
    "error: payment gateway timed out after 2000 ms (order 10293)", "GET / 200 4 ms",
)  # fmt: skip


class BusyRouter(FakeRouter):
    """Its visitors wait as long as visitors do."""

    async def counts(self) -> tuple[TargetCount, ...]:
        """See the port; the waits are made up from how many requests there were."""
        shares = (0.35, 0.3, 0.2, 0.1, 0.04, 0.01)
        return tuple(
            TargetCount(
                app=it.app, slot=it.slot, number=it.number, requests=it.requests, in_flight=it.in_flight,
                router_errors=it.router_errors, app_errors=it.app_errors, by_class=it.by_class, seconds=it.seconds,
                waits=tuple(int(it.requests * share) for share in shares) + (0,) * (len(WAIT_BOUNDS) + 1 - len(shares)),
            )
            for it in await super().counts()
        )  # fmt: skip


@dataclass
class SampleServer:
    """Everything that a server has, on one event loop. ``seed``: what chance does."""

    seed: int = 1
    base_domain: str = "pvdify.localhost"
    machine: Machine = field(init=False)
    daemon: Daemon = field(init=False)
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        clock: Any = SystemClock()
        self.machine = Machine(clock, base_domain=self.base_domain)
        self.machine.router = BusyRouter()
        self.daemon = self.machine.daemon()
        self.engine = self.daemon.engine
        self._chance = random.Random(self.seed)
        self._tasks: list[asyncio.Task[None]] = []
        self._requests = itertools.count(1)

    async def open(self) -> None:
        """Recover, and begin the duties that pages depend on."""
        await self.daemon.reconciler.ensure_router()
        await self.daemon.worker.resume()
        for duty in (
            self.daemon.reconciler.run(), self.daemon.scheduler.run(), self.daemon.courier.run(),
            self.daemon.service_keeper.run(), self.daemon.keeper.run(), self.engine.samples.run(), self._live(),
        ):  # fmt: skip
            self._tasks.append(asyncio.create_task(duty))

    async def close(self) -> None:
        """End everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.daemon.bury()

    def sign_in_link(self, origin: str, actor: Actor = ADMIN) -> str:
        """A link that signs one browser in; good once, for a minute."""
        secret, _ = self.engine.sessions.make_link(actor)
        return f"{origin}/sign-in/link/{secret}"

    async def deploy(
        self,
        app: str,
        tag: str,
        *,
        image: str = "",
        behaviour: Behaviour | None = None,
        by: Actor = CI,
        **manifest: Any,
    ) -> int:
        """Deploy an image, pushed just before, to its end. ``behaviour``: of its containers. Returns the release."""
        reference = f"{REGISTRY}/{image or app}:{tag}"
        pushed = self.machine.registry.push(reference, size=self._chance.randint(20, 120) * 1_000_000)
        if behaviour is not None:
            self.machine.supervisor.script(behaviour, image_id=pushed.image_id)
        commit = f"{self._chance.getrandbits(160):040x}"
        request = deploy_request(
            image=reference, manifest={"app": app, **manifest}, source=Source(commit=commit, branch="main")
        )
        release = (await self.engine.previews.deploy(app, request, CI)).release
        return await self.settle(app, release.version)

    async def settle(self, app: str, version: int) -> int:
        """Wait until a release's deploy has ended."""
        while not (await self.engine.queries.release(app, version)).release.status.is_settled:
            await asyncio.sleep(0.02)
        return version

    async def _live(self) -> None:
        """Visitors and log lines, every half a second."""
        while True:
            await asyncio.sleep(0.5)
            try:
                await self._visit_all()
            except (PvdifyError, KeyError):
                continue  # an app has just gone

    async def _visit_all(self) -> None:
        supervisor = self.machine.supervisor
        for found in await supervisor.find():
            if found.name not in supervisor.running or found.process != "web":
                continue
            if found.pid is not None:
                spent = self.machine.host.used.get(found.pid, Usage(cpu_seconds=0.0)).cpu_seconds or 0.0
                memory = int((90 + 40 * self._chance.random()) * MB)
                self.machine.host.used[found.pid] = Usage(
                    memory=memory, cpu_seconds=spent + 0.05 * self._chance.random()
                )
            count = self._chance.randint(0, 14)
            errors = int(self._chance.random() < 0.1)
            self.machine.router.serve(found.app, found.slot, Traffic(requests=count, app_errors=errors), found.number)
            for _ in range(min(count, 2)):
                self._visit(found.app, found.slot, found.number)
            if self._chance.random() < 0.5:
                supervisor.write(found.name, self._chance.choice(_SAID))

    def _visit(self, app: str, slot: int, number: int) -> None:
        path = self._chance.choice(_PATHS)
        status = 404 if path == "/missing.png" else 503 if self._chance.random() < 0.03 else 200
        took, visits = self._chance.random() * 0.1, self.machine.access_log.visits
        visits.append(
            Visit(
                at=datetime.now(UTC), request_id=f"{next(self._requests):08x}", client="203.0.113.7", protocol="https",
                method="GET", host=f"{app}.{self.base_domain}", path=path, status=status, seconds=took, wait=took,
                bytes_in=400, bytes_out=self._chance.randint(200, 40_000), target=f"{app}/v{slot}:{number}", retries=0,
                ended="----", agent="Mozilla/5.0",
            )
        )  # fmt: skip
        del visits[:-5000]

    async def make_day(self, apps: dict[str, float]) -> None:
        """Samples of the last 24 hours: by app, how many requests a second at noon."""
        now, contents = datetime.now(UTC), {}
        for app, busy in apps.items():
            series = Series()
            for point in range(POINTS):
                at = now - timedelta(seconds=STEP * (POINTS - point))
                day = 0.55 + 0.45 * math.sin((at.hour * 60 + at.minute) / 1440 * 2 * math.pi - math.pi / 2)
                requests = busy * day * (0.85 + 0.3 * self._chance.random())
                peak = 4 if 150 < point < 156 else 1
                series.put(
                    at,
                    Sample(
                        requests=requests, errors=requests * 0.004 * peak * peak, memory=(330 + 90 * day) * MB,
                        wait=0.06 + 0.03 * day * peak * (0.8 + 0.4 * self._chance.random()), cpu=0.1 + 0.3 * day,
                    ),
                )  # fmt: skip
            contents[app] = series.to_bytes()
        await self.machine.store.save_samples(contents)
        await self.engine.samples.load()


async def fill(server: SampleServer) -> None:
    """The sample apps: one of each kind that a page shows."""
    machine, engine = server.machine, server.engine
    web = {"processes": {"web": {"count": 2}, "worker": {"command": "npm run worker"}}, "domains": ["shop.example.com"]}
    jobs = {"jobs": {"report": {"schedule": "0 3 * * *", "command": "npm run report"}}}
    state = {"volumes": {"uploads": {"path": "/uploads", "shared": True}}, "resources": {"memory": "256M", "cpu": 0.5}}
    made = Behaviour(exit_code=0, exit_after=2.0, lines=("1204 orders", "report.pdf written"))
    machine.supervisor.script(made, process="report")
    for image in filter(None, (kind.image for kind in KINDS.values())):  # a custom service has no usual image
        machine.registry.push(image)
    Databases(machine)
    await engine.requests.create_app("shop", ADMIN)
    secret = ConfigVar(value=Secret("postgres://shop:kX9v2LqT@db/shop"), is_secret=True)
    changes = {"DATABASE_URL": secret, "LOG_LEVEL": Secret("info"), "PAYMENT_TIMEOUT": Secret("2000")}
    await engine.requests.change_config("shop", changes, ADMIN)
    for tag in ("v1.4.0", "v1.4.1", "v1.5.0"):
        await server.deploy("shop", tag, **web, **jobs, **state)
    await engine.requests.change_config("shop", {"PAYMENT_TIMEOUT": Secret("4000")}, ADMIN)
    lines = (
        "> shop@1.6.0 start",
        "Error: Cannot find module 'stripe'",
        "    at Module._resolveFilename (node:internal)",
    )
    broken = Behaviour(exit_code=1, exit_after=0.2, lines=lines)
    await server.deploy("shop", "v1.6.0", behaviour=broken, **web, **jobs, **state)
    await engine.domains.add("shop", "www.shop.example.com", ADMIN)
    await server.deploy("shop-staging", "v1.6.1", image="shop", **jobs)
    await server.deploy("api", "2026-11-29", processes={"web": {"count": 3}})
    await server.deploy("blog", "v8")
    await engine.requests.set_maintenance("blog", ADMIN, is_on=True)
    await server.deploy("mailer", "v3")
    for pull_request in (41, 57):
        machine.registry.push(f"{REGISTRY}/shop:pr-{pull_request}")
        request = preview_request(image=f"{REGISTRY}/shop:pr-{pull_request}", repository="acme/shop")
        _, release = await engine.previews.open("shop", pull_request, request, CI)
        await server.settle(release.app, release.version)
    await engine.previews.close("shop", 41, CI)
    await server.make_day({"shop": 42.0, "shop-staging": 6.0, "api": 60.0, "blog": 12.0})
    for name in list(machine.supervisor.running):
        if "-mailer-" in name:
            machine.supervisor.crash(name)
    machine.registry_logins.passwords["ghcr.io", "acme-bot"] = "a token"
    await engine.registries.login("ghcr.io", "acme-bot", Secret("a token"), ADMIN)
    await engine.tokens.create("github-actions", Role.DEPLOY, None, 90 * 86400.0, ADMIN)


async def serve(host: str, port: int) -> None:
    """Answer until interrupted, and print how to sign in."""
    server = SampleServer()
    await server.open()
    filling = asyncio.create_task(fill(server))
    origin = f"http://{host}:{port}"
    _, token = await server.engine.tokens.create("sample", Role.ADMIN, None, None, ADMIN)
    print(f"Sign in within a minute: {server.sign_in_link(origin)}")
    print(f"Command line: export PVDIFY_URL={origin} PVDIFY_TOKEN={token}")
    print("`pvdify open` makes another link. Nothing here is real: the apps run on fakes. Ctrl-C ends it.")
    try:
        await uvicorn.Server(config(build_listener(server.engine, Places(512)), host, port)).serve()
    finally:
        filling.cancel()
        await server.close()


def config(application: Any, host: str, port: int) -> uvicorn.Config:
    """As pvdifyd serves."""
    return uvicorn.Config(
        application, host=host, port=port, log_config=None, access_log=False, http="h11", lifespan="off", ws="none",
        timeout_graceful_shutdown=1, server_header=False,
    )  # fmt: skip


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=9443)
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    asyncio.run(serve("127.0.0.1", arguments.port))


if __name__ == "__main__":
    main()
