"""Making and starting containers, whatever stands in the way."""

from pathlib import Path

from pvdify.adapters.podman import commands, init, parse, refusals, watch
from pvdify.adapters.podman.instance_dir import InstanceDir
from pvdify.adapters.podman.launcher import find_conmon, write_launcher
from pvdify.adapters.podman.logs import LogFiles
from pvdify.errors import RuntimeUnavailable, StartFailed
from pvdify.model.instance import InstanceSpec, InstanceState
from pvdify.ports.clock import Clock
from pvdify.ports.command_runner import Argv, CommandRunner, Completed

START_SECONDS = 120.0
LAST_WORDS = 5
LISTED_WITHIN, LISTED_PAUSE = 5.0, 0.1


class Starter:
    """Looks first where looking is free; otherwise acts, and looks when podman says that something is in the way."""

    def __init__(
        self, *, runner: CommandRunner, server_id: str, log_dir: Path, binary: str, clock: Clock, logs: LogFiles
    ) -> None:
        self._runner = runner
        self._server = server_id
        self._log_dir = log_dir
        self._podman = binary
        self._clock = clock
        self._logs = logs
        self._launcher: Path | None = None
        self._has_init = True
        self._is_own_init: dict[str, bool] = {}

    async def start(self, spec: InstanceSpec, files: InstanceDir) -> None:
        """The container runs, whether it was missing, made, exited or running."""
        if files.is_running:
            return
        files.write(spec.environment)
        known = files.container_id
        if known is not None and await self._start_existing(spec, files, known):
            return
        await self._make(spec, files, is_started=True)

    async def create(self, spec: InstanceSpec, files: InstanceDir) -> None:
        """The container is there."""
        if files.container_id is None:
            files.write(spec.environment)
            await self._make(spec, files, is_started=False)

    async def remove(self, container: str) -> None:
        """The container is gone, running or not."""
        argv = commands.remove_container(self._podman, container)
        done = await self._run(argv)
        if done.exit_code != 0:
            # one that ended while nobody watched: the first call makes podman notice, the second one removes it
            done = await self._run(argv)
        if done.exit_code != 0 and not refusals.is_container_missing(done):
            raise refusals.unavailable(done)

    async def list(self, *, app: str | None = None, name: str | None = None) -> tuple[parse.Listed, ...]:
        """This server's containers, of one app or one name if given."""
        done = await self._run(commands.list_containers(self._podman, self._server, app=app, name=name))
        if done.exit_code != 0:
            raise refusals.unavailable(done)
        return tuple(
            each
            for each in parse.listed(done.stdout)
            if each.identity.server == self._server
            and app in (None, each.identity.app)
            and name in (None, each.identity.name)
        )

    async def look_up(self, name: str) -> str | None:
        """The container's id by its labels."""
        found = await self.list(name=name)
        return found[0].id if found else None

    async def _make(self, spec: InstanceSpec, files: InstanceDir, *, is_started: bool) -> None:
        """Make the container under the first name that is free, unless it turns out to be there."""
        own_name = f"{spec.name}.{self._server}"
        for name in (spec.name, own_name, own_name):
            files.forget_container()
            done = await self._make_as(spec, files, name, is_started=is_started)
            if not refusals.is_name_in_use(done):
                await self._check_made(spec, files, done, is_started=is_started)
                return
            if await self._adopt_when_listed(spec, files, name, is_started=is_started):
                return
            if name == own_name:
                # nobody else uses this name: it is the rest of a call of ours that was cut short
                await self.remove(own_name)
        raise refusals.start_failed(spec, refusals.words_of(done.stderr))

    async def _make_as(self, spec: InstanceSpec, files: InstanceDir, name: str, *, is_started: bool) -> Completed:
        place = commands.Placement(
            container_name=name,
            conmon=await self._conmon(),
            cid_file=files.cid_file,
            pid_file=files.pid_file,
            conmon_pid_file=files.conmon_pid_file,
            log_file=self._log_file(spec),
        )
        build = commands.run_instance if is_started else commands.create_instance
        has_init = self._has_init and not await self._brings_init(spec)
        with files.open_gate():
            done = await self._run(build(self._podman, spec, self._server, place, has_init=has_init), files)
        if refusals.is_init_missing(done):
            self._has_init = False
            return await self._make_as(spec, files, name, is_started=is_started)
        return done

    async def _adopt_when_listed(self, spec: InstanceSpec, files: InstanceDir, name: str, *, is_started: bool) -> bool:
        """As ``_adopt``, but patient: podman takes a name some time before it lists the container.

        A call that an earlier life of the daemon began may still be at it, and must not be taken for somebody else's.
        """
        deadline = self._clock.monotonic() + LISTED_WITHIN
        while True:
            known = await self._run(commands.inspect_container(self._podman, name))
            if await self._adopt(spec, files, is_started=is_started):
                return True
            if known.exit_code == 0 or self._clock.monotonic() > deadline:
                return False
            await self._clock.sleep(LISTED_PAUSE)

    async def _adopt(self, spec: InstanceSpec, files: InstanceDir, *, is_started: bool) -> bool:
        """Take over the container of ours that has the name; False where it is somebody else's."""
        found = await self.list(name=spec.name)
        if not found:
            return False
        (container, *_) = found
        if container.identity.app != spec.app:
            raise refusals.start_failed(spec, f"{container.identity.app} has a container of the same name")
        files.cid_file.write_text(container.id, encoding="ascii")
        if is_started and container.state is not InstanceState.RUNNING:
            return await self._start_existing(spec, files, container.id)
        return True

    async def _start_existing(self, spec: InstanceSpec, files: InstanceDir, container: str) -> bool:
        """Start what is there; False when it is not there any more."""
        was_started = files.pid is not None
        with files.open_gate():
            done = await self._podman_start(container, files)
        if refusals.is_container_missing(done):
            return False
        if refusals.is_not_startable(done) or (done.exit_code == 0 and not files.was_launched):
            return await self._is_alive_or_removed(spec.name, container)
        self._check_started(spec, files, done)
        if was_started:
            files.count_restart()
        await self._check_program(spec, files)
        return True

    async def _is_alive_or_removed(self, name: str, container: str) -> bool:
        """podman takes the container for running. Without its conmon it may have ended unseen: then it has to go."""
        if any(watch.is_running(each.pid) for each in await self.list(name=name) if each.pid):
            return True
        await self.remove(container)
        return False

    async def _podman_start(self, container: str, files: InstanceDir) -> Completed:
        return await self._run(commands.start_container(self._podman, await self._conmon(), container), files)

    async def _check_made(self, spec: InstanceSpec, files: InstanceDir, done: Completed, *, is_started: bool) -> None:
        """Raise if it went wrong, and then leave nothing behind."""
        try:
            if is_started:
                self._check_started(spec, files, done)
                await self._check_program(spec, files)
            elif done.exit_code != 0:
                raise refusals.start_failed(spec, refusals.words_of(done.stderr))
        except StartFailed:
            if files.container_id is not None:
                await self.remove(files.container_id)
            files.remove()
            raise

    def _check_started(self, spec: InstanceSpec, files: InstanceDir, done: Completed) -> None:
        if done.exit_code != 0:
            raise refusals.start_failed(spec, refusals.words_of(done.stderr))
        if not files.was_launched:
            words = refusals.words_of(done.stderr) if done.stderr else "podman did not use it"
            raise refusals.start_failed(spec, f"config vars could not be passed through {self._launcher}: {words}")

    async def _check_program(self, spec: InstanceSpec, files: InstanceDir) -> None:
        """With an init as process 1, podman does not notice that the program itself could not be executed."""
        if not self._has_init or files.pid is None or await init.wait_for_program(files.pid, self._clock):
            return
        for line in await self._logs.tail((spec.name,), LAST_WORDS, None):
            if refusals.is_exec_failure(line.text):
                raise refusals.start_failed(spec, line.text)

    async def _brings_init(self, spec: InstanceSpec) -> bool:
        if commands.replaces_entrypoint(spec.command):
            return isinstance(spec.command, tuple) and init.is_init(spec.command)
        if spec.image_id not in self._is_own_init:
            # one more call for an image's first instance: images of some init systems do not start under another init
            done = await self._run(commands.inspect_image(self._podman, spec.image_id))
            image = parse.local_image(done.stdout) if done.exit_code == 0 else None
            program = image.entrypoint or image.command if image else ()
            self._is_own_init[spec.image_id] = init.is_init(program)
        return self._is_own_init[spec.image_id]

    def _log_file(self, spec: InstanceSpec) -> Path:
        try:
            return self._logs.make_room(spec.app, spec.name)
        except OSError as error:
            raise RuntimeUnavailable(
                f"there is no place for the logs of {spec.app}",
                why=str(error),
                next="see to the server's data directory; what runs goes on running",
            ) from error

    async def _conmon(self) -> Path:
        """What podman takes for conmon; written once."""
        if self._launcher is None or not self._launcher.exists():
            self._launcher = write_launcher(self._log_dir, find_conmon() or await self._ask_for_conmon())
        return self._launcher

    async def _ask_for_conmon(self) -> str:
        done = await self._run(commands.read_conmon_path(self._podman))
        if done.exit_code != 0:
            raise refusals.unavailable(done)
        return done.stdout.strip()

    async def _run(self, argv: Argv, files: InstanceDir | None = None) -> Completed:
        directory = files.path if files else None
        return await self._runner.run(argv, directory=directory, timeout=START_SECONDS)
