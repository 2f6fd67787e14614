"""A container runtime in memory; its containers live on when the engine dies."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from datetime import datetime

from pvdify.errors import PvdifyError, StartFailed
from pvdify.model.endpoint import NO_ROUTE, Endpoint
from pvdify.model.instance import Exit, FoundInstance, InstanceSpec, Listener, LogLine, Restart, Usage
from pvdify.model.names import app_of_instance
from pvdify.ports.clock import Clock
from pvdify.ports.instance_logs import BATCH
from tests.fakes.behaviour import Behaviour, Rule
from tests.fakes.container import Container
from tests.fakes.container_changes import FakeContainerChanges

KILLED = Exit(code=137)
GONE = KILLED
MEMORY, CPU = 32 * 1024**2, 0.25  # what each container uses


class FakeSupervisor:
    """Share one object between a daemon and its successor, as they share a podman.

    Implements the ports ``instances``, ``instance_logs`` and ``inspector``; ``networks`` is a port of its own.

    What a container does is a ``Behaviour``, decided at each start by the newest ``script`` that matches its spec.
    """

    def __init__(self, *, clock: Clock) -> None:
        self.calls: list[tuple[str, str]] = []
        self.started: list[InstanceSpec] = []
        self._clock = clock
        self._containers: dict[str, Container] = {}
        self.made_networks: set[str] = set()
        self.volumes_keep_networks = False  # as in a cluster, where both are in one namespace
        self.kept_apart = 0
        self.networks = FakeNetworks(self)
        self.container_changes = FakeContainerChanges()
        self.instances = self.logs = self.inspector = self  # as the bundles of real ones have them
        self.stored_volumes: dict[str, str] = {}  # id -> app
        self.shared_by: dict[str, set[frozenset[int]]] = {}  # volume -> the slots that ran with it at one time
        self.shared_in: dict[str, set[frozenset[str]]] = {}  # volume -> the web instances that ran with it at one time
        self._lines: list[LogLine] = []
        self.made: list[InstanceSpec] = []
        self.on_start: Callable[[InstanceSpec], None] = lambda _: None
        self._rules: list[Rule] = []
        self._restarts: list[Restart] = []
        self._faults: list[tuple[str, bool, PvdifyError]] = []

    # -- what the test says ------------------------------------------------------------------------------------------

    def script(self, behaviour: Behaviour, *, starts: int | None = None, **parts: object) -> None:
        """Containers whose spec has these parts (name, app, process, slot, number, image_id, command) behave so.

        ``starts``: for this number of starts only; then earlier scripts apply again.
        """
        self._rules.append(Rule(behaviour=behaviour, starts_left=starts, **parts))  # type: ignore[arg-type]

    def fail_next(self, verb: str, error: PvdifyError, *, after_doing_it: bool = False) -> None:
        """The next call of this verb raises; with ``after_doing_it`` what was asked happened all the same."""
        self._faults.append((verb, after_doing_it, error))

    def crash(self, name: str, *, code: int = 1, is_out_of_memory: bool = False) -> None:
        """A running container ends by itself."""
        self._containers[name].end(Exit(code=code, is_out_of_memory=is_out_of_memory))

    def crash_and_restart(self, name: str, *, code: int = 1, is_out_of_memory: bool = False) -> None:
        """A running container ends by itself, and the supervisor starts it again by itself, as systemd does."""
        self.crash(name, code=code, is_out_of_memory=is_out_of_memory)
        ended = Exit(code=code, is_out_of_memory=is_out_of_memory)
        self._restarts.append(Restart(name=name, at=self._clock.now(), exit=ended))
        self._containers[name].restarts_at = self._clock.monotonic() + 1.0

    def move(self, name: str, moved: str) -> None:
        """A running container was moved by the supervisor, as a cluster does whose node is lost."""
        self._restarts.append(Restart(name=name, at=self._clock.now(), exit=Exit(code=137), moved=moved))

    def write(self, name: str, text: str, *, stream: str = "stdout", at: datetime | None = None) -> None:
        """A running container writes a line, now unless it was earlier and comes late."""
        self._containers[name].write(text, stream=stream, at=at)

    def lose(self, name: str) -> None:
        """Remove the container as another program does."""
        self._containers.pop(name).remove()
        self.container_changes.note()

    def intrude(self, spec: InstanceSpec) -> None:
        """Start a container with this server's labels as another program does."""
        self._containers[spec.name] = self._make(spec)
        self._start(self._containers[spec.name])
        self.container_changes.note()

    def reboot(self) -> None:
        """Reboot the machine: every container has exited."""
        for container in self._containers.values():
            container.end(KILLED)
            container.is_of_earlier_boot = True

    # -- what the test asks ------------------------------------------------------------------------------------------

    @property
    def names(self) -> frozenset[str]:
        """Every container there is."""
        return frozenset(self._containers)

    @property
    def running(self) -> frozenset[str]:
        """Every container that runs."""
        return frozenset(name for name, container in self._containers.items() if container.is_running)

    def spec(self, name: str) -> InstanceSpec:
        """What the container was made from."""
        return self._containers[name].spec

    def executions(self, command: str | tuple[str, ...]) -> int:
        """How many times a container with this command was started."""
        return sum(spec.command == command for spec in self.started)

    def used_endpoints(self) -> frozenset[Endpoint]:
        """Where running containers take requests."""
        running = (container.spec.exposed for container in self._containers.values() if container.is_running)
        return frozenset(exposed.at for exposed in running if exposed is not NO_ROUTE)

    def behind(self, endpoint: Endpoint) -> Container | None:
        """The running container that takes requests at this endpoint."""
        exposed = ((container, container.spec.exposed) for container in self._containers.values())
        there = (container for container, it in exposed if it is not NO_ROUTE and it.at == endpoint)
        return next((container for container in there if container.is_running), None)

    def mounts(self, volume: str) -> bool:
        """Whether a container, running or not, has this volume."""
        return any(volume == mount.volume for it in self._containers.values() for mount in it.spec.mounts)

    def has_containers(self, app: str) -> bool:
        """Whether a container of this app is there, running or not."""
        return any(container.spec.app == app for container in self._containers.values())

    def uses_image(self, image_id: str) -> bool:
        """Whether a container, running or not, is made of this image."""
        return any(container.spec.image_id == image_id for container in self._containers.values())

    # -- the port ----------------------------------------------------------------------------------------------------

    async def find(self, app: str | None = None) -> tuple[FoundInstance, ...]:
        async with _Call(self, "find", app or ""):
            ours = sorted(self._containers.items())
            return tuple(container.found() for _, container in ours if app in (None, container.spec.app))

    async def is_running(self, name: str) -> bool:
        container = self._containers.get(name)
        return container is not None and container.is_running

    async def start(self, spec: InstanceSpec) -> None:
        async with _Call(self, "start", spec.name):
            existing = self._containers.get(spec.name)
            if existing is None:
                existing = self._containers[spec.name] = self._make(spec)
                try:
                    self._start(existing)
                except StartFailed:
                    del self._containers[spec.name]  # as podman: what was made for a failed start is taken away
                    raise
            elif not existing.is_running:
                self._start(existing)

    async def create(self, spec: InstanceSpec) -> None:
        async with _Call(self, "create", spec.name):
            if spec.name not in self._containers:
                self._containers[spec.name] = self._make(spec)

    async def refresh(self, spec: InstanceSpec) -> None:
        async with _Call(self, "refresh", spec.name):
            if spec.name in self._containers:
                self._containers[spec.name].spec = spec

    async def stop(self, name: str, grace: float) -> None:
        async with _Call(self, "stop", name):
            container = self._containers.get(name)
            if container is not None and not container.is_running:
                container.restarts_at = None  # as systemd: a stop ends the wait for the next start
            if container is None or not container.is_running:
                return
            takes = container.behaviour.stop_seconds
            await self._clock.sleep(min(takes, grace))
            is_polite = grace > 0 and takes <= grace  # without grace it is killed at once
            container.end(Exit(code=container.behaviour.stop_code) if is_polite else KILLED)

    async def remove(self, name: str) -> None:
        async with _Call(self, "remove", name):
            if name in self._containers:
                self._containers.pop(name).remove()

    async def wait_down(self, name: str) -> None:
        async with _Call(self, "wait_down", name):
            await self._ended(name)

    async def wait(self, name: str) -> Exit:
        async with _Call(self, "wait", name):
            return await self._ended(name)

    async def restarts(self) -> tuple[Restart, ...]:
        return tuple(self._restarts)

    async def forget_restarts(self, restarts: Sequence[Restart]) -> None:
        self._restarts = [each for each in self._restarts if each not in restarts]

    async def forget(self, app: str) -> None:
        self._lines[:] = [line for line in self._lines if not line.instance.startswith(f"pvdify-{app}-")]

    async def usage(self, name: str) -> Usage | None:
        container = self._containers.get(name)
        if container is None or not container.is_running:
            return None
        return Usage(memory=MEMORY, cpu_seconds=container.age * CPU)

    async def listeners(self, name: str) -> tuple[Listener, ...]:
        container = self._containers.get(name)
        return container.listeners if container else ()

    async def writers(self, app: str) -> tuple[str, ...]:
        written = dict.fromkeys(line.instance for line in self._lines)
        return tuple(name for name in written if name not in self._once and app_of_instance(name) == app)

    async def tail(self, names: Sequence[str], lines: int, *, since: datetime | None = None) -> tuple[LogLine, ...]:
        chosen = [line for line in self._lines if line.instance in names and (since is None or line.at > since)]
        return tuple(chosen[-lines:] if lines > 0 else ())

    async def history(
        self, names: Sequence[str], lines: int, *, since: datetime | None = None
    ) -> AsyncGenerator[tuple[LogLine, ...], None]:
        found = await self.tail(names, lines, since=since)
        for start in range(0, len(found), BATCH):
            yield found[start : start + BATCH]

    async def follow(self, names: Sequence[str], *, since: datetime) -> AsyncIterator[LogLine]:
        seen = 0
        while True:
            fresh, seen = self._lines[seen:], len(self._lines)
            for line in fresh:
                if line.instance in names and line.at > since:
                    yield line
            await self._clock.sleep(0.25)

    async def output(self, name: str, ended: asyncio.Event) -> AsyncIterator[tuple[LogLine, ...]]:
        seen = 0
        while True:
            is_over = ended.is_set()
            written = [line for line in self._lines if line.instance == name]
            if written[seen:]:
                yield tuple(written[seen:])
            seen = len(written)
            if is_over:
                return
            await self._clock.sleep(0.25)

    # -- inside ------------------------------------------------------------------------------------------------------

    @property
    def _once(self) -> frozenset[str]:
        return frozenset(spec.name for spec in self.made if not spec.role.is_kept_running)

    def _make(self, spec: InstanceSpec) -> Container:
        self.made.append(spec)
        self.made_networks.add(spec.app)
        self.stored_volumes.update({mount.volume: spec.app for mount in spec.mounts if mount.volume is not None})
        return Container(spec=spec, clock=self._clock, lines=self._lines)

    def _start(self, container: Container) -> None:
        spec = container.spec
        behaviour = self._behaviour(spec)
        refusal = behaviour.refuse
        if spec.exposed is not NO_ROUTE and spec.exposed.at in self.used_endpoints():
            refusal = f"port {spec.exposed.at.port}: address already in use"
        if refusal is not None:
            raise StartFailed(f"{spec.name} could not be started", why=refusal)
        self.started.append(spec)
        self.on_start(spec)
        container.start(behaviour)
        self._note_volumes(spec)

    def _note_volumes(self, started: InstanceSpec) -> None:
        running = [it.spec for it in self._containers.values() if it.is_running] + [started]
        for mount in started.mounts:
            if mount.volume is not None:
                slots = {it.slot for it in running if mount.volume in {each.volume for each in it.mounts}}
                self.shared_by.setdefault(mount.volume, set()).add(frozenset(slots))
                web = {it.name for it in running if it.process == "web" and mount in it.mounts}
                self.shared_in.setdefault(mount.volume, set()).add(frozenset(web))

    def _behaviour(self, spec: InstanceSpec) -> Behaviour:
        rule = next((rule for rule in reversed(self._rules) if rule.matches(spec)), None)
        return rule.use() if rule else Behaviour()

    def take_fault(self, verb: str, when: Callable[[bool], bool]) -> PvdifyError | None:
        """The error that this call has to raise, once."""
        for index, (wanted, after_doing_it, error) in enumerate(self._faults):
            if wanted == verb and when(after_doing_it):
                del self._faults[index]
                return error
        return None

    async def _ended(self, name: str) -> Exit:
        container = self._containers.get(name)
        while container is not None and not container.is_removed and container.exit is None:
            await container.change()
        return (container.exit if container else None) or GONE


class FakeNetworks:
    """Implements ``ports.networks.Networks``: an app's network is made with its first container."""

    def __init__(self, supervisor: FakeSupervisor) -> None:
        self._supervisor = supervisor

    async def apps(self) -> frozenset[str]:
        async with _Call(self._supervisor, "networks", ""):
            return frozenset(self._supervisor.made_networks)

    async def keep_apart(self) -> None:
        self._supervisor.kept_apart += 1

    async def remove(self, app: str) -> None:
        async with _Call(self._supervisor, "remove_network", app):
            is_held = self._supervisor.volumes_keep_networks and app in self._supervisor.stored_volumes.values()
            if not is_held and not self._supervisor.has_containers(app):
                self._supervisor.made_networks.discard(app)


class _Call:
    """Notes a call, gives others a turn as a real one would, and raises what ``fail_next`` asked for."""

    def __init__(self, supervisor: FakeSupervisor, verb: str, subject: str) -> None:
        self._supervisor = supervisor
        self._verb = verb
        self._subject = subject

    async def __aenter__(self) -> None:
        self._supervisor.calls.append((self._verb, self._subject))
        await asyncio.sleep(0)
        self._raise(self._supervisor.take_fault(self._verb, lambda after: not after))

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._raise(self._supervisor.take_fault(self._verb, lambda after: after))

    @staticmethod
    def _raise(error: PvdifyError | None) -> None:
        if error is not None:
            raise error
