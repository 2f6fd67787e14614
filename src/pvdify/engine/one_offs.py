"""One-off commands: run in a container of the live release, for as long as somebody is there to see.

They live with this daemon: nothing of them is in the journal, and the reconciler takes away what an earlier life left.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncGenerator

import structlog

from pvdify.engine.not_found import no_app
from pvdify.engine.posthog import config_of
from pvdify.engine.specs import run_spec
from pvdify.engine.world import World
from pvdify.errors import InvalidError, NothingRuns, OneOffNotFound, PvdifyError
from pvdify.manifest.definition import Command
from pvdify.model.event import Event
from pvdify.model.instance import InstanceSpec
from pvdify.model.one_off import Output, TerminalSize
from pvdify.model.token import Actor
from pvdify.ports.attached import Attached, OneOffs

log = structlog.get_logger()
ABSENCE = (
    5.0  # seconds that nobody has to be there before the command is ended; a connection may be lost and made again
)
KEPT_PIECES = 64  # for those who come back
NUMBERS = range(1000, 10_000)


class OneOff:
    """A command under way."""

    def __init__(self, spec: InstanceSpec, process: Attached) -> None:
        self.spec = spec
        self._process = process
        self._kept: deque[tuple[int, Output]] = deque(maxlen=KEPT_PIECES)
        self._read, self._taken = 0, 0  # pieces of output, bytes of input
        self._reading, self._writing = asyncio.Lock(), asyncio.Lock()
        self.watchers = 0
        self.watched = asyncio.Event()

    @property
    def id(self) -> str:
        """``run.4711``."""
        return f"{self.spec.process}.{self.spec.number}"

    async def output(self, seen: int) -> AsyncGenerator[tuple[int, Output], None]:
        """Numbered pieces after the ``seen`` first ones, to the end; what was not seen lately may be lost."""
        async with self._reading:
            for number, piece in [kept for kept in self._kept if kept[0] > seen]:
                yield number, piece
            while (fresh := await self._process.read()) is not None:
                self._read += 1
                self._kept.append((self._read, fresh))
                yield self._read, fresh

    async def exit_code(self) -> int:
        """How it ended, once it has."""
        return await self._process.wait()

    async def write(self, at: int, data: bytes) -> None:
        """Input from this offset on; what came before is not taken twice."""
        async with self._writing:
            fresh = data[max(0, self._taken - at) :]
            self._taken += len(fresh)
            await self._process.write(fresh)

    async def close_input(self) -> None:
        """There is no more input."""
        async with self._writing:
            await self._process.close_input()

    def resize(self, size: TerminalSize) -> None:
        """Its terminal has another size now."""
        self._process.resize(size)

    async def end(self) -> None:
        """It has ended, whatever it was doing, and its container is gone. Raises RuntimeUnavailable."""
        await self._process.end()


class OneOffRuns:
    """What one may ask about one-off commands."""

    def __init__(self, world: World, one_offs: OneOffs) -> None:
        self._world = world
        self._one_offs = one_offs
        self._running: dict[tuple[str, str], OneOff] = {}
        self._minders: set[asyncio.Task[None]] = set()

    async def start(self, app: str, command: Command, terminal: TerminalSize | None, actor: Actor) -> OneOff:
        """Run a command with the live release's image and config.

        It is ended when nobody has watched its output for a few seconds. Raises AppNotFound, NothingRuns, InvalidError,
        RuntimeUnavailable, StoreUnavailable.
        """
        if not command or not command[0]:
            raise InvalidError("there is no command to run", next=f"`pvdify run {app} -- COMMAND`")
        live = await self._world.store.active_release(app)
        if live is None:
            raise await self._nothing(app)
        config = await config_of(self._world, app, live.config_version)
        spec = run_spec(live, secrets.choice(NUMBERS), command, config)
        self._world.one_offs.add(spec.name)
        try:
            process = await self._one_offs.start(spec, terminal)
        except BaseException:
            self._world.one_offs.discard(spec.name)
            raise
        run = self._running[app, f"run.{spec.number}"] = OneOff(spec, process)
        minder = asyncio.create_task(self._mind(run, actor))
        self._minders.add(minder)
        minder.add_done_callback(self._minders.discard)
        await self._note(run, actor, "started")
        return run

    def find(self, app: str, id: str) -> OneOff:
        """A command that is under way, or ended a moment ago. Raises OneOffNotFound."""
        run = self._running.get((app, id))
        if run is None:
            raise OneOffNotFound(f"{app} runs no {id}", next="it has ended; `pvdify run` starts another one")
        return run

    async def watch(self, run: OneOff, seen: int) -> AsyncGenerator[tuple[int, Output] | int, None]:
        """Its output as it comes, then its exit code. For as long as somebody watches, it goes on."""
        run.watchers += 1
        run.watched.set()
        try:
            async for numbered in run.output(seen):
                yield numbered
            yield await run.exit_code()
        finally:
            run.watchers -= 1

    async def close(self) -> None:
        """End all of them."""
        for minder in tuple(self._minders):
            minder.cancel()
        await asyncio.gather(*self._minders, return_exceptions=True)

    async def _mind(self, run: OneOff, actor: Actor) -> None:
        """Until it has ended by itself and been told, or nobody has been there for a while."""
        clock = self._world.clock
        ended = asyncio.create_task(run.exit_code())
        last_seen = clock.monotonic()
        try:
            while clock.monotonic() - last_seen < ABSENCE:
                await clock.sleep(0.5)
                if run.watchers:
                    last_seen = clock.monotonic()
            how = f"exited with code {ended.result()}" if ended.done() else "was ended: nobody was there"
            await self._note(run, actor, "ended", how)
        finally:
            ended.cancel()
            await self._forget(run)

    async def _forget(self, run: OneOff) -> None:
        try:
            await run.end()
        except PvdifyError as error:
            log.warning("run.not-removed", app=run.spec.app, name=run.spec.name, what=error.what, why=error.why)
        finally:
            # from now on the reconciler takes away what may be left of it
            self._running.pop((run.spec.app, run.id), None)
            self._world.one_offs.discard(run.spec.name)

    async def _note(self, run: OneOff, actor: Actor, verb: str, how: str = "") -> None:
        spec = run.spec
        # arguments may hold secrets: the program is named, its arguments are not
        words = spec.command.split() if isinstance(spec.command, str) else list(spec.command or ())
        event = Event(
            at=self._world.clock.now(), actor=actor.name, action=f"run.{verb}", app=spec.app, release=spec.slot,
            text=f"{run.id} {words[0]} {how}".strip(),
        )  # fmt: skip
        await self._world.store.save(event)

    async def _nothing(self, app: str) -> PvdifyError:
        if await self._world.store.app(app) is None:
            return no_app(app)
        return NothingRuns(
            f"{app} has no live release to run a command in", next=f"`pvdify deploy {app} --image REFERENCE`"
        )
