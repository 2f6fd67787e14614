"""An in-memory router that implements the port, with scripted failures and a record of its calls."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from enum import Enum

from pvdify.errors import RouterUnavailable
from pvdify.model.endpoint import Endpoint
from pvdify.model.names import slot_key
from pvdify.model.probe import Answer, ProbeResult
from pvdify.model.route import WAIT_BOUNDS, Route, Routes, TargetCount, Traffic

API_KEY = "only the router has it"


class Failure(Enum):
    """When an injected failure is raised: a caller cannot distinguish the two."""

    BEFORE_EFFECT = "before-effect"
    AFTER_EFFECT = "after-effect"


@dataclass
class FakeRouter:
    """Implements ``ports.router.Router``.

    ``puts`` are the routes that were put, in order, also those that failed. ``answers`` maps a target's port to the
    status that it gives (200 where nothing is said, None: nothing listens there). ``silences``: how many of the next
    requests get no answer in time.
    """

    is_running: bool = True
    puts: list[Route] = field(default_factory=list)
    answers: dict[int, int | None] = field(default_factory=dict)
    silences: int = 0
    web_sockets: dict[int, int] = field(default_factory=dict)  # port -> how many of its requests in flight are such
    _on_disk: dict[str, Route] = field(default_factory=dict)
    _in_force: dict[str, Route] = field(default_factory=dict)
    _traffic: dict[str, Traffic] = field(default_factory=dict)
    _of_instance: dict[tuple[str, int], Traffic] = field(default_factory=dict)
    _targets: dict[Endpoint, tuple[str, int]] = field(default_factory=dict)
    _failures: dict[str, list[Failure]] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def fail(self, method: str, where: Failure = Failure.BEFORE_EFFECT, *, times: int = 1) -> None:
        """Let the next calls of a method raise RouterUnavailable."""
        self._failures.setdefault(method, []).extend([where] * times)

    def kill(self) -> None:
        """The router's process dies: routes stay on disk, counts are lost."""
        self.is_running = False
        self._in_force.clear()
        self._traffic.clear()
        self._of_instance.clear()
        self._changed.set()

    def drift(self, app: str) -> None:
        """Remove an app's route without a request, as a fault does."""
        del self._in_force[app]

    def serve(self, app: str, slot: int, traffic: Traffic, number: int = 1) -> None:
        """Add requests to the counts of an instance and its slot. Negative numbers end requests."""
        key = slot_key(app, slot)
        self._traffic[key] = self._traffic.get(key, Traffic()) + traffic
        self._of_instance[key, number] = self._of_instance.get((key, number), Traffic()) + traffic

    async def ensure_running(self) -> None:
        """See the port."""
        with_effect = self._strike("ensure_running")
        self.is_running = True
        self._in_force = dict(self._on_disk)
        self._finish(with_effect)

    async def wait_died(self) -> None:
        """See the port."""
        while self.is_running:
            self._changed.clear()
            await self._changed.wait()

    async def routes(self) -> Routes:
        """See the port."""
        self._finish(self._strike("routes"))
        self._must_run()
        return dict(sorted(self._in_force.items()))

    async def put(self, route: Route) -> None:
        """See the port."""
        self.puts.append(route)
        with_effect = self._strike("put")
        hostnames = set(route.hostnames)
        for app, other in tuple(self._on_disk.items()):
            if app != route.app and hostnames & set(other.hostnames):
                kept = tuple(name for name in other.hostnames if name not in hostnames)
                self._set(replace(other, hostnames=kept))
        shown = route if route.slot is not None else replace(route, targets=(), numbers=())
        self._set(replace(shown, hostnames=tuple(sorted(hostnames))))
        self._must_run()
        self._finish(with_effect)

    async def take_out(self, app: str, slot: int, number: int) -> None:
        """See the port. A slot that is not live is kept as it is: ``put`` comes before its next visitor."""
        with_effect = self._strike("take_out")
        route = self._on_disk.get(app)
        if route is not None and route.slot == slot and set(route.numbers) - {number}:
            out = {target for target, each in zip(route.targets, route.numbers, strict=True) if each == number}
            self._set(route.without(out))
        self._must_run()
        self._finish(with_effect)

    async def forget(self, app: str, slot: int) -> None:
        """See the port."""
        with_effect = self._strike("forget")
        if app in self._on_disk and self._on_disk[app].slot == slot:
            raise ValueError(f"{slot_key(app, slot)} is live")
        self._must_run()
        self._traffic.pop(slot_key(app, slot), None)
        self._of_instance = {key: it for key, it in self._of_instance.items() if key[0] != slot_key(app, slot)}
        self._finish(with_effect)

    async def remove(self, app: str) -> None:
        """See the port."""
        with_effect = self._strike("remove")
        self._on_disk.pop(app, None)
        self._must_run()
        self._in_force.pop(app, None)
        self._traffic = {key: counts for key, counts in self._traffic.items() if not key.startswith(f"{app}/")}
        self._of_instance = {key: it for key, it in self._of_instance.items() if not key[0].startswith(f"{app}/")}
        self._finish(with_effect)

    async def traffic(self, app: str, slot: int, number: int | None = None) -> Traffic:
        """See the port."""
        self._finish(self._strike("traffic"))
        self._must_run()
        if number is not None:
            return self._of_instance.get((slot_key(app, slot), number), Traffic())
        return self._traffic.get(slot_key(app, slot), Traffic())

    async def upgraded(self, targets: Collection[Endpoint]) -> int:
        return sum(self.web_sockets.get(target.port, 0) for target in targets)

    async def end_requests(self, targets: Collection[Endpoint]) -> int:
        """See the port."""
        with_effect = self._strike("end_requests")
        self._must_run()
        ended = 0
        for key, number in {self._targets[each] for each in targets if each in self._targets}:
            in_flight = self._of_instance.get((key, number), Traffic()).in_flight
            app, _, slot = key.rpartition("/v")
            self.serve(app, int(slot), Traffic(in_flight=-in_flight), number)
            ended += in_flight
        self._finish(with_effect)
        return ended

    async def counts(self) -> tuple[TargetCount, ...]:
        """See the port: the counts of a slot are reported as its first target's."""
        self._finish(self._strike("counts"))
        self._must_run()
        return tuple(_count(key, counted) for key, counted in sorted(self._traffic.items()) if counted.requests)

    async def api_key(self) -> str:
        """See the port."""
        return API_KEY

    async def proof(self, path: str, slot: str) -> bytes:
        """See the port."""
        return f"proof of {path} {slot}".encode()

    async def ask(self, hostname: str, path: str, timeout: float) -> tuple[ProbeResult, str | None]:
        """See the port."""
        if not self.is_running:
            return ProbeResult(answer=Answer.REFUSED), None
        if self.silences > 0:
            self.silences -= 1
            return ProbeResult(answer=Answer.TIMEOUT), None
        name = hostname.partition(":")[0].lower().removesuffix(".")
        route = next((route for route in self._in_force.values() if name in route.hostnames), None)
        if route is None:
            return ProbeResult(answer=Answer.STATUS, status=404), None
        if route.slot is None or not route.targets:
            return ProbeResult(answer=Answer.STATUS, status=503), None
        status = self.answers.get(route.targets[0].port, 200)
        is_app_error = status is not None and status >= 500
        self.serve(
            route.app,
            route.slot,
            Traffic(requests=1, router_errors=int(status is None), app_errors=int(is_app_error)),
            number=route.numbers[0],
        )
        if status is None:
            return ProbeResult(answer=Answer.STATUS, status=503), None
        return ProbeResult(answer=Answer.STATUS, status=status), slot_key(route.app, route.slot)

    def _set(self, route: Route) -> None:
        if route.slot is not None:
            key = slot_key(route.app, route.slot)
            self._targets |= {target: (key, it) for target, it in zip(route.targets, route.numbers, strict=True)}
        self._on_disk[route.app] = route
        if self.is_running:
            self._in_force[route.app] = route

    def _must_run(self) -> None:
        if not self.is_running:
            raise _unavailable("it does not run")

    def _strike(self, method: str) -> Failure | None:
        pending = self._failures.get(method)
        where = pending.pop(0) if pending else None
        if where is Failure.BEFORE_EFFECT:
            raise _unavailable("a failure before the effect was asked for")
        return where

    def _finish(self, where: Failure | None) -> None:
        if where is Failure.AFTER_EFFECT:
            raise _unavailable("a failure after the effect was asked for")


def _count(key: str, counted: Traffic) -> TargetCount:
    app, _, slot = key.partition("/v")
    errors = counted.app_errors + counted.router_errors
    return TargetCount(
        app=app, slot=int(slot), number=1, requests=counted.requests, in_flight=counted.in_flight,
        router_errors=counted.router_errors, app_errors=counted.app_errors,
        by_class=(0, counted.requests - errors, 0, 0, errors), waits=(counted.requests, *[0] * len(WAIT_BOUNDS)),
    )  # fmt: skip


def _unavailable(why: str) -> RouterUnavailable:
    return RouterUnavailable("the router does not take commands", why=why, next="try again")
