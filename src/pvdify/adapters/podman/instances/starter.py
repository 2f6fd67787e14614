"""Making and starting of containers, with retries for names in use, missing networks and damaged state."""

from pathlib import Path

from pvdify.adapters.podman import commands, refusals
from pvdify.adapters.podman.calls import Calls
from pvdify.adapters.podman.instances import watch
from pvdify.adapters.podman.instances.instance_dir import InstanceDir, writing_files
from pvdify.adapters.podman.instances.started import check_started
from pvdify.adapters.podman.logs.logs import LogFiles
from pvdify.errors import RuntimeUnavailable, StartFailed, naming_cause
from pvdify.model.instance import InstanceSpec, InstanceState, LogLine
from pvdify.plumbing.command_runner import Completed
from pvdify.ports.clock import Clock

LAST_WORDS = 5  # log lines that are read to explain a failed start
LISTED_WITHIN, LISTED_PAUSE = 5.0, 0.1  # seconds to wait until podman lists a container, and between two attempts


class Starter:
    """A starter of containers. It reads files first, then tries to start, and lists containers only after a failure."""

    def __init__(self, *, calls: Calls, clock: Clock, logs: LogFiles) -> None:
        self._calls = calls
        self._clock = clock
        self._logs = logs

    async def start(self, spec: InstanceSpec, files: InstanceDir) -> None:
        """Start the instance: make the container if it is missing; do nothing if it runs.

        Raises StartFailed, RuntimeUnavailable.
        """
        if files.is_running:
            return
        with writing_files(spec.name):
            files.write(spec.environment)
        known = files.container_id
        if known is not None and await self._start_existing(spec, files, known):
            return
        await self._make(spec, files, is_started=True)

    async def create(self, spec: InstanceSpec, files: InstanceDir) -> None:
        """Make the container without starting it, unless it exists. Raises StartFailed, RuntimeUnavailable."""
        if files.container_id is None:
            with writing_files(spec.name):
                files.write(spec.environment)
            await self._make(spec, files, is_started=False)

    async def _make(self, spec: InstanceSpec, files: InstanceDir, *, is_started: bool) -> None:
        """Make the container under the first free name, or adopt this instance's container that has the name."""
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
                # only this server uses this name: the container is left from a call that was interrupted
                await self._calls.remove(own_name)
        raise refusals.start_failed(spec, refusals.words_of(done.stderr))

    async def _make_as(self, spec: InstanceSpec, files: InstanceDir, name: str, *, is_started: bool) -> Completed:
        await self._calls.networks.ensure_for(spec)
        await self._calls.volumes.ensure(spec)
        place = commands.Placement(
            database=self._calls.database.id,
            first_user=await self._calls.first_user_of(spec.app),
            storage=self._calls.storage,
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
            done = await self._calls.run_apart(argv, files.path)
        if refusals.is_init_missing(done):
            self._calls.do_without_init()
            return await self._make_as(spec, files, name, is_started=is_started)
        if refusals.is_network_missing(done):  # another program removed it
            await self._calls.networks.ensure_for(spec, is_certain=True)
            files.forget_container()
            return await self._make_as(spec, files, name, is_started=is_started)
        return done

    async def _adopt_when_listed(self, spec: InstanceSpec, files: InstanceDir, name: str, *, is_started: bool) -> bool:
        """As ``_adopt``, but wait up to LISTED_WITHIN seconds until podman lists the container.

        podman reserves a name before it lists the container. A call that an earlier pvdifyd started may still be
        running, and its container is this server's.
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
        """Use this server's container of this instance, started if wanted; return False if there is none."""
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
        """Start an existing container; return False if it no longer exists."""
        was_started = files.pid is not None
        with files.open_gate():
            launcher = await self._calls.launcher()
            argv = commands.start_container(self._calls.podman, launcher, container)
            done = await self._calls.run_apart(argv, files.path)
            if refusals.is_network_missing(done):
                await self._calls.networks.ensure_for(spec, is_certain=True)
                done = await self._calls.run_apart(argv, files.path)
        if refusals.is_container_missing(done):
            return False
        if refusals.is_not_startable(done) or (done.exit_code == 0 and not files.was_launched):
            return await self._is_alive_or_removed(spec.name, container)
        await self._check_started(spec, files, done)
        if was_started:
            files.count_restart()
        return True

    async def _is_alive_or_removed(self, name: str, container: str) -> bool:
        """Return whether the container's process runs; if not, remove the container.

        podman reports a container as running if it ended without its conmon.
        """
        if any(watch.is_running(each.pid) for each in await self._calls.list(name=name) if each.pid):
            return True
        await self._calls.remove(container)
        return False

    async def _check_made(self, spec: InstanceSpec, files: InstanceDir, done: Completed, *, is_started: bool) -> None:
        """Raise StartFailed if the container was not made or started, after removing it and its files."""
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
            next="check the disk of the server's data directory; running apps keep running",
        ):
            return self._logs.make_room(spec.app, spec.name)
