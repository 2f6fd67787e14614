"""One container of FakeSupervisor: what happened to it, worked out from the time."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from pvdify.model.endpoint import NO_ROUTE
from pvdify.model.instance import Exit, FoundInstance, InstanceSpec, InstanceState, Listener, LogLine
from pvdify.ports.clock import Clock
from tests.fakes.behaviour import Behaviour


@dataclass(kw_only=True)
class Run:
    """One time that the container was started."""

    behaviour: Behaviour
    started: float
    started_at: datetime
    exit: Exit | None = None


@dataclass(kw_only=True)
class Container:
    """Bound to no event loop: it keeps running after the daemon that started it has ended."""

    spec: InstanceSpec
    clock: Clock
    lines: list[LogLine]
    runs: list[Run] = field(default_factory=list)
    is_removed: bool = False
    is_of_earlier_boot: bool = False
    restarts_at: float | None = None  # on the monotonic clock: its supervisor starts it again by itself then
    _watchers: set[asyncio.Future[None]] = field(default_factory=set)

    @property
    def state(self) -> InstanceState:
        if not self.runs:
            return InstanceState.CREATED
        self._restart_when_due()
        return InstanceState.EXITED if self.exit else InstanceState.RUNNING

    @property
    def is_running(self) -> bool:
        return self.state is InstanceState.RUNNING

    @property
    def behaviour(self) -> Behaviour:
        return self.runs[-1].behaviour

    @property
    def age(self) -> float:
        # rounded: a remainder below the precision of the clock would be waited for without end
        return round(self.clock.monotonic() - self.runs[-1].started, 6)

    @property
    def exit(self) -> Exit | None:
        """How it ended, if its time has come by now."""
        if not self.runs:
            return None
        run = self.runs[-1]
        code = run.behaviour.exit_code
        if run.exit is None and code is not None and self.age >= run.behaviour.exit_after:
            run.exit = Exit(code=code, is_out_of_memory=run.behaviour.is_out_of_memory)
        return run.exit

    @property
    def seconds_left(self) -> float | None:
        """How long until it exits by itself; None: never."""
        if self.exit or self.behaviour.exit_code is None:
            return None
        return self.behaviour.exit_after - self.age

    @property
    def listeners(self) -> tuple[Listener, ...]:
        port = self.runs and (self.behaviour.listens_port or self._inside_port)
        if not self.is_running or not port or self.age < self.behaviour.listens_after:
            return ()
        return (Listener(address=self.behaviour.listens_on, port=port),)

    @property
    def _inside_port(self) -> int | None:
        return None if self.spec.exposed is NO_ROUTE else self.spec.exposed.port

    @property
    def is_reachable(self) -> bool:
        """Something answers behind its published port."""
        return any(not it.is_loopback_only and it.port == self._inside_port for it in self.listeners)

    def start(self, behaviour: Behaviour) -> None:
        self.restarts_at = None
        self.is_of_earlier_boot = False
        self.runs.append(Run(behaviour=behaviour, started=self.clock.monotonic(), started_at=self.clock.now()))
        for number, text in enumerate(behaviour.lines, start=1):
            self.write(text, is_part=behaviour.is_last_unended and number == len(behaviour.lines))
        self._changed()

    def _restart_when_due(self) -> None:
        if self.restarts_at is not None and self.clock.monotonic() >= self.restarts_at:
            self.restarts_at = None
            self.start(self.behaviour)

    def end(self, exit: Exit) -> None:
        if self.is_running:
            self.runs[-1].exit = exit
            self._changed()

    def remove(self) -> None:
        self.restarts_at = None
        self.end(Exit(code=137))
        self.is_removed = True
        self._changed()

    def write(self, text: str, *, stream: str = "stdout", at: datetime | None = None, is_part: bool = False) -> None:
        line = LogLine(at=at or self.clock.now(), instance=self.spec.name, stream=stream, text=text, is_part=is_part)
        self.lines.append(line)

    async def change(self) -> None:
        """Return when something was done to it, or its own end has come."""
        watcher = asyncio.get_running_loop().create_future()
        self._watchers.add(watcher)
        left = self.seconds_left
        sleep = asyncio.ensure_future(self.clock.sleep(left)) if left is not None else None
        try:
            await asyncio.wait({watcher, sleep} if sleep else {watcher}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._watchers.discard(watcher)
            watcher.cancel()
            if sleep:
                sleep.cancel()

    def found(self) -> FoundInstance:
        spec = self.spec
        endpoint = NO_ROUTE if spec.exposed is NO_ROUTE else spec.exposed.at
        return FoundInstance(
            name=spec.name,
            app=spec.app,
            process=spec.process,
            slot=spec.slot,
            number=spec.number,
            role=spec.role,
            operation=spec.operation,
            state=self.state,
            endpoint=endpoint,
            exit=self.exit,
            started_at=self.runs[-1].started_at if self.runs else None,
            restarts=max(0, len(self.runs) - 1),
            is_restarting=self.restarts_at is not None,
            is_of_earlier_boot=self.is_of_earlier_boot and not self.is_running,
            runtime=spec.runtime,
            pid=endpoint.port if endpoint is not NO_ROUTE and self.is_running else None,
        )

    def _changed(self) -> None:
        for watcher in tuple(self._watchers):
            if not watcher.done() and not watcher.get_loop().is_closed():
                watcher.set_result(None)
