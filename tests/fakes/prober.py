"""A prober that asks the fake containers, or answers as the test says."""

import asyncio
from collections import defaultdict

from pvdify.model.endpoint import Endpoint
from pvdify.model.probe import Answer, ProbeResult
from pvdify.ports.clock import Clock
from tests.fakes import places
from tests.fakes.container import Container
from tests.fakes.supervisor import FakeSupervisor

REFUSED = ProbeResult(answer=Answer.REFUSED)


class FakeProber:
    """Scripted answers come first, one a probe, the last one again and again; then the container's own."""

    def __init__(self, *, clock: Clock, supervisor: FakeSupervisor | None = None) -> None:
        self.probed: list[tuple[Endpoint, str]] = []
        self.hostnames: list[str] = []
        self._clock = clock
        self._supervisor = supervisor
        self._scripts: dict[Endpoint, list[ProbeResult]] = defaultdict(list)

    def script(self, port: int, *results: ProbeResult | int) -> None:
        """Answers of this port of the fakes' machine, in order; a number is a status."""
        answers = [ProbeResult(answer=Answer.STATUS, status=it) if isinstance(it, int) else it for it in results]
        self._scripts[places.at(port)] = answers

    async def probe(
        self, at: Endpoint, path: str, *, timeout: float, hostname: str = "", scheme: str = ""
    ) -> ProbeResult:
        self.probed.append((at, path))
        self.hostnames.append(hostname)
        await asyncio.sleep(0)
        script = self._scripts.get(at)
        if script:
            return script.pop(0) if len(script) > 1 else script[0]
        container = self._supervisor.behind(at) if self._supervisor else None
        if container is None or not container.is_reachable:
            return REFUSED
        return await self._ask(container, path, timeout, hostname)

    async def _ask(self, container: Container, path: str, timeout: float, hostname: str) -> ProbeResult:
        behaviour = container.behaviour
        if behaviour.answers_in > 0:
            await self._clock.sleep(min(behaviour.answers_in, timeout))
        if behaviour.answers_in > timeout:
            return ProbeResult(answer=Answer.TIMEOUT, seconds=timeout)
        if not container.is_running:
            return ProbeResult(answer=Answer.RESET, seconds=behaviour.answers_in)
        is_healthy = container.age >= behaviour.healthy_after
        status = behaviour.statuses.get(path.partition("?")[0], behaviour.status) if is_healthy else 503
        if behaviour.hosts and hostname not in behaviour.hosts:
            status = behaviour.unknown_host_status
        location = behaviour.location if 300 <= status < 400 else None
        return ProbeResult(answer=Answer.STATUS, status=status, location=location, seconds=behaviour.answers_in)
