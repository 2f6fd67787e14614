"""One-off commands, which run in a container of the live release for as long as a client is connected.

They are not in the journal. After a restart of pvdifyd, the reconciler removes their containers.
"""

import asyncio
import secrets
from collections import Counter, defaultdict, deque
from collections.abc import AsyncGenerator, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from pvdify.engine.redaction.one_offs import CleanAttached, CleanInside, CleanOneOffs
from pvdify.engine.running.environment import Environments
from pvdify.engine.running.specs import run_spec
from pvdify.engine.world.not_found import no_app
from pvdify.engine.world.runtimes import move_of
from pvdify.errors import AppBusy, InvalidError, NothingRuns, OneOffNotFound, PvdifyError
from pvdify.manifest.definition import Command
from pvdify.manifest.names import unusable_in_command
from pvdify.model.action import Action
from pvdify.model.config import ConfigVar
from pvdify.model.event import Event
from pvdify.model.instance import InstanceSpec, InstanceState, Limits, Role
from pvdify.model.names import WEB, instance_name
from pvdify.model.one_off import Output, Stream, TerminalSize
from pvdify.model.operation import OperationState
from pvdify.model.service import Service
from pvdify.model.slot import Placement, SlotState
from pvdify.model.token import Actor
from pvdify.ports.clock import Clock
from pvdify.ports.instances import Instances
from pvdify.ports.secrets import Secrets
from pvdify.ports.store import Store

log = structlog.get_logger()
ABSENCE = 5.0  # kill the command after this many seconds without a client, which may reconnect meanwhile
KEPT_PIECES = 64  # of output, for clients that reconnect
NUMBERS = range(1000, 10_000)  # of one-off commands, as in run.4711
RUN, EXEC, TUNNEL = "run", "exec", "tunnel"
MOST_AT_ONCE = {RUN: 20, EXEC: 50, TUNNEL: 100}  # of one app or service; a run has a container and memory of its own


@dataclass(frozen=True, kw_only=True)
class InstanceSelector:
    """Selects an instance by process and number; None matches any."""

    process: str | None = None
    number: int | None = None


class OneOff:
    """A running one-off command."""

    def __init__(self, spec: InstanceSpec, process: CleanAttached, *, place: str = "") -> None:
        """``place``: the instance in which the command runs, such as ``web.1``, or ""."""
        self.spec = spec
        self.place = place
        self._process = process
        self._kept: deque[tuple[int, Output]] = deque(maxlen=KEPT_PIECES)
        self._read, self._taken = 0, 0  # pieces of output, bytes of input
        self._reading, self._writing = asyncio.Lock(), asyncio.Lock()
        self.watchers = 0
        self.watched = asyncio.Event()

    @property
    def id(self) -> str:
        """The command's id within its app, such as ``run.4711``."""
        return f"{self.spec.process}.{self.spec.number}"

    async def output(self, seen: int) -> AsyncGenerator[tuple[int, Output], None]:
        """Yield the numbered pieces of output after the first ``seen`` ones, until the output ends.

        Only the newest ``KEPT_PIECES`` of the pieces that were read before are available.
        """
        async with self._reading:
            for number, piece in [kept for kept in self._kept if kept[0] > seen]:
                yield number, piece
            while (fresh := await self._process.read()) is not None:
                self._read += 1
                self._kept.append((self._read, fresh))
                yield self._read, fresh

    async def exit_code(self) -> int:
        """Wait until the command has ended, and return its exit code."""
        return await self._process.wait()

    @property
    def passed(self) -> Counter[str]:
        """How often each secret (by name) occurred in output that was not redacted."""
        return +self._process.passed

    async def write(self, at: int, data: bytes) -> None:
        """Write input that starts at this offset (bytes). Bytes that were written before are skipped."""
        async with self._writing:
            fresh = data[max(0, self._taken - at) :]
            self._taken += len(fresh)
            await self._process.write(fresh)

    async def close_input(self) -> None:
        """Signal the end of the input."""
        async with self._writing:
            await self._process.close_input()

    def resize(self, size: TerminalSize) -> None:
        """Set the size of the command's terminal."""
        self._process.resize(size)

    async def end(self) -> None:
        """End the command and remove its container. Raises RuntimeUnavailable."""
        await self._process.end()


class OneOffRuns:
    """Starts, finds and ends one-off commands."""

    def __init__(
        self, *, clock: Clock, instances: Instances, names: set[str], secrets: Secrets, store: Store,
        environments: Environments, one_offs: CleanOneOffs, inside: CleanInside,
    ) -> None:  # fmt: skip
        self._clock, self._instances, self._names, self._secrets = clock, instances, names, secrets
        self._store, self._environments = store, environments
        self._one_offs = one_offs
        self._inside = inside
        self._running: dict[tuple[str, str], OneOff] = {}
        self._numbers: defaultdict[tuple[str, str], set[int]] = defaultdict(set)  # in use, by app and kind
        self._minders: set[asyncio.Task[None]] = set()

    async def start(
        self, app: str, command: Command, terminal: TerminalSize | None, actor: Actor, raw: Collection[Stream] = ()
    ) -> OneOff:
        """Run a command with the live release's image and config; ``raw``: streams whose secrets are not redacted.

        The command is ended after a few seconds without a client. Raises AppNotFound, NothingRuns, InvalidError,
        AppBusy (too many run, or the app moves), RuntimeUnavailable, StoreUnavailable.
        """
        if not command or not command[0]:
            raise InvalidError("there is no command to run", next=f"`pvdify run {app} -- COMMAND`")
        _check_words(command)
        live = await self._store.active_release(app)
        if live is None:
            raise await self._nothing_runs(app)
        around = await self._environments.of(live)
        with self._number(app, RUN) as number:
            spec = run_spec(live, number, command, around)
            self._names.add(spec.name)  # before the check: a move that begins meanwhile finds this name
            try:
                await self._check_not_moving(app)
                process = await self._one_offs.start(spec, terminal, raw, _named_secrets(around.config))
            except BaseException:
                self._names.discard(spec.name)
                raise
        return await self._keep(OneOff(spec, process), actor)

    async def enter(
        self, app: str, where: InstanceSelector, command: Command, terminal: TerminalSize | None, actor: Actor,
        raw: Collection[Stream] = (),
    ) -> OneOff:  # fmt: skip
        """Run a command inside a running instance, with the instance's config vars; otherwise like ``start``.

        Raises AppNotFound, NothingRuns, InvalidError, AppBusy, RuntimeUnavailable, StoreUnavailable.
        """
        if not command or not command[0]:
            raise InvalidError("there is no command to run", next=f"`pvdify ps:exec {app} -- COMMAND`")
        slot, place = await self._instance(app, where)
        release = await self._store.release(app, slot)
        config = {} if release is None else (await self._environments.of(release)).config
        with self._number(app, EXEC) as number:
            spec = _inside_spec(app, EXEC, slot, number, command)
            process = await self._inside.enter(spec, place.name, terminal, raw, _named_secrets(config))
        return await self._keep(OneOff(spec, process, place=f"{place.process}.{place.number}"), actor)

    async def enter_service(
        self, service: Service, command: Command | None, terminal: TerminalSize | None, actor: Actor,
        raw: Collection[Stream] = (),
    ) -> OneOff:  # fmt: skip
        """Run a command in the container of a service; by default, the client program of its kind, or a shell.

        Raises NothingRuns, InvalidError, AppBusy, RuntimeUnavailable, StoreUnavailable.
        """
        words = command or service.row.shell
        _check_words(words)
        values = await self._secrets.read(service.key, service.config_version)
        with self._number(service.key, EXEC) as number:
            spec = _inside_spec(service.key, EXEC, service.generation, number, words)
            process = await self._inside.enter(spec, service.container, terminal, raw, _named_secrets(values))
        return await self._keep(OneOff(spec, process, place=service.name), actor)

    async def connect(self, app: str, where: InstanceSelector, port: int, actor: Actor) -> OneOff:
        """Connect to a port inside a running instance; input and output of the result are those of the connection.

        Raises AppNotFound, NothingRuns, AppBusy, RuntimeUnavailable, StoreUnavailable.
        """
        slot, place = await self._instance(app, where)
        with self._number(app, TUNNEL) as number:
            spec = _inside_spec(app, TUNNEL, slot, number, (f"port {port}",))
            process = await self._inside.connect(app, place.name, port)
        return await self._keep(OneOff(spec, process, place=f"{place.process}.{place.number}"), actor)

    async def _check_not_moving(self, app: str) -> None:
        """Raise AppBusy while the app's volumes are copied to the other side: what the command writes would be lost."""
        move = await move_of(self._store, app)
        if move is not None and move.state is not OperationState.QUEUED:
            raise AppBusy(
                f"no command can start in {app} now", why=f"v{move.release} moves {app} with copies of its volumes",
                next=f"`pvdify releases {app}` shows when it has ended",
            )  # fmt: skip

    def has_any(self, app: str) -> bool:
        """Whether a command runs in the app, or ended a few seconds ago."""
        return any(owner == app for owner, _ in self._running)

    def find(self, app: str, id: str) -> OneOff:
        """Return a command that runs, or ended a few seconds ago. Raises OneOffNotFound."""
        run = self._running.get((app, id))
        if run is None:
            raise OneOffNotFound(f"{app} runs no {id}", next="it has ended; `pvdify run` starts another one")
        return run

    async def watch(self, run: OneOff, seen: int) -> AsyncGenerator[tuple[int, Output] | int, None]:
        """Yield the command's output, then its exit code. While a client reads this, the command is kept running."""
        run.watchers += 1
        run.watched.set()
        try:
            async for numbered in run.output(seen):
                yield numbered
            yield await run.exit_code()
        finally:
            run.watchers -= 1

    async def close(self) -> None:
        """End all commands, and wait until they have ended."""
        for minder in tuple(self._minders):
            minder.cancel()
        await asyncio.gather(*self._minders, return_exceptions=True)

    @contextmanager
    def _number(self, app: str, kind: str) -> Iterator[int]:
        """Reserve a number for a command that begins; it stays reserved until the command has ended. Raises AppBusy."""
        used, most = self._numbers[app, kind], MOST_AT_ONCE[kind]
        if len(used) >= most:
            raise AppBusy(
                f"{app}: {most} commands of the kind {kind} run already",
                why="more of them could take the memory and processes of the server's other apps",
                next="wait until one has ended, or end one: Ctrl-C where it was started",
            )
        number = secrets.choice([number for number in NUMBERS if number not in used])
        used.add(number)
        try:
            yield number
        except BaseException:
            used.discard(number)
            raise

    async def _keep(self, run: OneOff, actor: Actor) -> OneOff:
        """Make the command available to ``find``, and start the task that ends it without a client."""
        self._running[run.spec.app, run.id] = run
        minder = asyncio.create_task(self._end_when_unwatched(run, actor))
        self._minders.add(minder)
        minder.add_done_callback(self._minders.discard)
        await self._note(run, actor, Action.RUN_STARTED)
        return run

    async def _instance(self, app: str, where: InstanceSelector) -> tuple[int, Placement]:
        """Return slot and placement of a running instance that matches; by default a web instance, if there is one.

        Raises AppNotFound, NothingRuns, RuntimeUnavailable, StoreUnavailable.
        """
        slots = [slot for slot in await self._store.slots(app) if slot.state is SlotState.LIVE]
        if not slots:
            raise await self._nothing_runs(app)
        found = await self._instances.find(app)
        running = {it.name for it in found if it.state is InstanceState.RUNNING}
        places = [(slot.number, place) for slot in slots for place in slot.placements if place.name in running]
        process = where.process or next((WEB for _, place in places if place.process == WEB), None)
        for number, place in sorted(places, key=lambda it: (it[1].process, it[1].number)):
            if process in (None, place.process) and where.number in (None, place.number):
                return number, place
        wanted = ".".join(str(part) for part in (where.process, where.number) if part is not None)
        raise NothingRuns(
            f"{app} has no running instance{f' {wanted}' if wanted else ''}", next=f"`pvdify ps {app}` shows what runs"
        )

    async def _end_when_unwatched(self, run: OneOff, actor: Actor) -> None:
        """Wait until no client has been connected for ``ABSENCE`` seconds, then record the end and end the command."""
        clock = self._clock
        ended = asyncio.create_task(run.exit_code())
        last_seen = clock.monotonic()
        try:
            while clock.monotonic() - last_seen < ABSENCE:
                await clock.sleep(0.5)
                if run.watchers:
                    last_seen = clock.monotonic()
            how = f"exited with code {ended.result()}" if ended.done() else "was ended: no client was connected"
            if run.passed:
                await self._note(run, actor, Action.RUN_REVEALED, f"wrote {', '.join(sorted(run.passed))}")
            await self._note(run, actor, Action.RUN_ENDED, how)
        finally:
            ended.cancel()
            await self._forget(run)

    async def _forget(self, run: OneOff) -> None:
        try:
            await run.end()
        except PvdifyError as error:
            log.warning("run.not-removed", app=run.spec.app, name=run.spec.name, what=error.what, why=error.why)
        finally:
            # if the container is left, the reconciler removes it once its name is discarded
            self._running.pop((run.spec.app, run.id), None)
            self._names.discard(run.spec.name)
            self._numbers[run.spec.app, run.spec.process].discard(run.spec.number)

    async def _note(self, run: OneOff, actor: Actor, action: Action, how: str = "") -> None:
        spec = run.spec
        # the event has the program without its arguments, which may contain secrets
        words = spec.command.split() if isinstance(spec.command, str) else list(spec.command or ())
        event = Event(
            at=self._clock.now(), actor=actor.name, address=actor.address, action=action, app=spec.app,
            release=spec.slot, text=f"{run.id} {words[0]}{f' in {run.place}' if run.place else ''} {how}".strip(),
        )  # fmt: skip
        await self._store.save(event)

    async def _nothing_runs(self, app: str) -> PvdifyError:
        if await self._store.app(app) is None:
            return no_app(app)
        return NothingRuns(
            f"{app} has no live release to run a command in", next=f"`pvdify deploy {app} --image REFERENCE`"
        )


def _check_words(command: Command) -> None:
    for text in (command,) if isinstance(command, str) else command:
        if why := unusable_in_command(text):
            raise InvalidError(why, next="correct the command; its input and its files may hold any byte")


def _inside_spec(app: str, kind: str, slot: int, number: int, command: Command) -> InstanceSpec:
    """Return the spec that describes a command or tunnel inside an instance; no container is made from it."""
    return InstanceSpec(
        name=instance_name(app, kind, slot, number), app=app, process=kind, slot=slot, number=number, role=Role.RUN,
        image_id="", command=command, limits=Limits(memory=0),
    )  # fmt: skip


def _named_secrets(config: Mapping[str, ConfigVar]) -> dict[str, str]:
    return {name: str(var.value) for name, var in config.items() if var.is_secret and var.value}
