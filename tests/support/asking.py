"""Requests to an engine, each waited for until its end; on fakes or on real podman."""

from typing import Any

from pvdify.engine.deploys.processes import Processes
from pvdify.engine.deploys.requests import Requests
from pvdify.engine.reading.queries import Queries
from pvdify.model.operation import Operation, Strategy
from pvdify.model.release import Release, Source
from pvdify.model.scale import RequestedCount
from pvdify.model.token import Actor, Role
from pvdify.ports.clock import Clock
from pvdify.ports.store import Store
from tests.support.wanted import deploy_request

ACTOR = Actor(name="ci", role=Role.DEPLOY)
IMAGE = "reg.example.com/shop:v1"


class Asking:
    """Requests of a client that waits for each operation."""

    requests: Requests
    processes: Processes
    queries: Queries
    clock: Clock
    store: Store

    def check_alive(self) -> None:
        """Raise if the daemon has ended."""

    async def deploy(
        self,
        app: str = "shop",
        image: str | None = IMAGE,
        manifest: dict[str, Any] | None = None,
        strategy: Strategy = Strategy.BLUE_GREEN,
        **source: Any,
    ) -> Release:
        request = deploy_request(image=image, manifest=manifest, source=Source(**source), strategy=strategy)
        release = await self.requests.deploy(app, request, ACTOR)
        return await self.finish(app, release.version)

    async def rollback(
        self, app: str = "shop", version: int | None = None, strategy: Strategy = Strategy.BLUE_GREEN
    ) -> Release:
        release = await self.requests.rollback(app, version, ACTOR, strategy=strategy)
        return await self.finish(app, release.version)

    async def scale(self, app: str = "shop", **counts: int) -> Operation:
        """Scale to these counts, to the end."""
        requested = {process: RequestedCount(number=count) for process, count in counts.items()}
        return await self.finish_operation(await self.processes.scale(app, requested, ACTOR))

    async def restart(self, app: str = "shop", process: str | None = None) -> Operation:
        """Restart, to the end."""
        return await self.finish_operation(await self.processes.restart(app, process, ACTOR))

    async def finish_operation(self, operation: Operation) -> Operation:
        """The operation once it has settled."""
        while not operation.state.is_settled:
            await self.clock.sleep(0.05)
            operation = await self.processes.operation(operation.app, operation.id)
        return operation

    async def finish(self, app: str, version: int) -> Release:
        """The release once its operation has settled."""
        while not await self.queries.is_settled(app, version):
            await self.clock.sleep(0.05)
            self.check_alive()
        release = await self.store.release(app, version)
        assert release is not None
        return release
