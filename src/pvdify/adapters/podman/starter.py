"""Making and starting containers, whatever stands in the way."""

from pathlib import Path

from pvdify.adapters.podman import commands, refusals, watch
from pvdify.adapters.podman.calls import Calls
from pvdify.adapters.podman.instance_dir import InstanceDir, writing_files
from pvdify.adapters.podman.logs import LogFiles
from pvdify.adapters.podman.started import check_started
from pvdify.errors import RuntimeUnavailable, StartFailed, naming_cause
from pvdify.model.instance import InstanceSpec, InstanceState, LogLine
from pvdify.plumbing.command_runner import Completed
from pvdify.ports.clock import Clock

LAST_WORDS = 5
LISTED_WITHIN, LISTED_PAUSE = 5.0, 0.1


class Starter:
    """Looks first where looking is free; otherwise acts, and looks when podman says that something is in the way."""

    def __init__(self, *, calls: Calls, clock: Clock, logs: LogFiles) -> None:
        self._calls = calls
        self._clock = clock
        self._logs = logs

    async def start(self, spec: InstanceSpec, files: InstanceDir) -> None:
        """The container runs, whether it was missing, made, exited or running."""
        if files.is_running:
            return
        with writing_files(spec.name):
            files.write(spec.environment)
        known = files.container_id
        if known is not None and await self._start_existing(spec, files, known):
            return
        await self._make(spec, files, is_started=True)

    async def create(self, spec: InstanceSpec, files: InstanceDir) -> None:
        """The container is there."""
        if files.container_id is None:
            with writing_files(spec.name):
                files.write(spec.environment)
            await self._make(spec, files, is_started=False)

    async def _make(self, spec: InstanceSpec, files: InstanceDir, *, is_started: bool) -> None:
        """Make the container under the first name that is free, unless it turns out to be there."""
        own_name = f"{spec.name}.{self._calls.own_suffix}"
        for name in (spec.name, own_name, own_name):
            files.forget_container()
            done = await self._make_as(spec, files, name, is_started=is_started)
            if not refusals.is_name_in_use(done):
                await self._check_made(spec, files, done, is_started=is_started)
                return
            if await self._adopt_when_listed(spec, files, name, is_started=is_started):
                return
            if name == own_name:
                # no other program uses this name: it is the rest of a call of ours that was cut short
                await self._calls.remove(own_name)
        raise refusals.start_failed(spec, refusals.words_of(done.stderr))

    async def _make_as(self, spec: InstanceSpec, files: InstanceDir, name: str, *, is_started: bool) -> Completed:
        await self._calls.networks.ensure_for(spec)
        await self._calls.volumes.ensure(spec)
        place = commands.Placement(
            database=self._calls.database.id,
            container_name=name,
            conmon=await self._calls.launcher(),
            cid_file=files.cid_file,
            pid_file=files.pid_file,
            conmon_pid_file=files.conmon_pid_file,
            log_file=self._log_file(spec) if spec.role.is_kept_running else files.output_file,
        )
        build = commands.run_instance if is_started else commands.create_instance
        argv = build(self._calls.podman, spec, self._calls.server, place, has_init=await self._calls.needs_init(spec))
        with files.open_gate():
            done = await self._calls.run(argv, files.path)
        if refusals.is_init_missing(done):
            self._calls.do_without_init()
            return await self._make_as(spec, files, name, is_started=is_started)
        if refusals.is_network_missing(done):  # it was removed from outside
            await self._calls.networks.ensure_for(spec, is_certain=True)
            files.forget_container()
            return await self._make_as(spec, files, name, is_started=is_started)
        return done

    async def _adopt_when_listed(self, spec: InstanceSpec, files: InstanceDir, name: str, *, is_started: bool) -> bool:
        """As ``_adopt``, but patient: podman takes a name some time before it lists the container.

        A call that an earlier life of the daemon began may still be at it, and must not be taken for a foreign one.
        """
        deadline = self._clock.monotonic() + LISTED_WITHIN
        while True:
            known = await self._calls.run(commands.inspect_container(self._calls.podman, name))
            if await self._adopt(spec, files, is_started=is_started):
                return True
            if known.exit_code == 0 or self._clock.monotonic() > deadline:
                return False
            await self._clock.sleep(LISTED_PAUSE)

    async def _adopt(self, spec: InstanceSpec, files: InstanceDir, *, is_started: bool) -> bool:
        """Take over the container of ours that has the name; False where it is foreign."""
        found = await self._calls.list(name=spec.name)
        if not found:
            return False
        (container, *_) = found
        if container.identity.app != spec.app:
            raise refusals.start_failed(spec, f"{container.identity.app} has a container of the same name")
        with writing_files(spec.name):
            files.cid_file.write_text(container.id, encoding="ascii")
        if is_started and container.state is not InstanceState.RUNNING:
            return await self._start_existing(spec, files, container.id)
        return True

    async def _start_existing(self, spec: InstanceSpec, files: InstanceDir, container: str) -> bool:
        """Start what is there; False when it is not there any more."""
        was_started = files.pid is not None
        with files.open_gate():
            launcher = await self._calls.launcher()
            argv = commands.start_container(self._calls.podman, launcher, container)
            done = await self._calls.run(argv, files.path)
            if refusals.is_network_missing(done):
                await self._calls.networks.ensure_for(spec, is_certain=True)
                done = await self._calls.run(argv, files.path)
        if refusals.is_container_missing(done):
            return False
        if refusals.is_not_startable(done) or (done.exit_code == 0 and not files.was_launched):
            return await self._is_alive_or_removed(spec.name, container)
        await self._check_started(spec, files, done)
        if was_started:
            files.count_restart()
        return True

    async def _is_alive_or_removed(self, name: str, container: str) -> bool:
        """podman takes the container for running. Without its conmon it may have ended unseen: then it has to go."""
        if any(watch.is_running(each.pid) for each in await self._calls.list(name=name) if each.pid):
            return True
        await self._calls.remove(container)
        return False

    async def _check_made(self, spec: InstanceSpec, files: InstanceDir, done: Completed, *, is_started: bool) -> None:
        """Raise if it went wrong, and then leave nothing behind."""
        try:
            if is_started:
                await self._check_started(spec, files, done)
            elif done.exit_code != 0:
                raise refusals.start_failed(spec, refusals.words_of(done.stderr))
        except StartFailed:
            if files.container_id is not None:
                await self._calls.remove(files.container_id)
            files.remove()
            raise

    async def _check_started(self, spec: InstanceSpec, files: InstanceDir, done: Completed) -> None:
        async def tail() -> tuple[LogLine, ...]:
            return await self._logs.tail((spec.name,), LAST_WORDS, None)

        await check_started(spec, files, exit_code=done.exit_code, words=done.stderr, tail=tail, clock=self._clock)

    def _log_file(self, spec: InstanceSpec) -> Path:
        with naming_cause(
            RuntimeUnavailable,
            f"there is no place for the logs of {spec.app}",
            next="check the disk of the server's data directory; what runs goes on running",
        ):
            return self._logs.make_room(spec.app, spec.name)
