"""``plumbing.containers.Containers`` on podman."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from pvdify.adapters.podman import commands, parse, refusals
from pvdify.adapters.podman.calls import STOP_SECONDS, Calls
from pvdify.adapters.podman.instances import oom, watch
from pvdify.adapters.podman.instances.instance_dir import GATE, InstanceDir, writing_files
from pvdify.adapters.podman.instances.started import check_started
from pvdify.model.instance import Exit, FoundInstance, InstanceSpec, InstanceState, LogLine
from pvdify.plumbing.containers import Launch, RetryAdvice
from pvdify.ports.clock import Clock

GONE = Exit(code=parse.KILLED)  # the exit of a container whose exit code is unknown
LOOK_EVERY_SECONDS = 1.0  # between two calls of podman, while no process can be waited for


class PodmanContainers:
    """The containers of one server, recognized by their labels, so that several servers can share one podman.

    The files in ``run_dir/instances/<name>`` save calls of podman.

    Args:
        calls: this server's use of podman.
        run_dir: on tmpfs; contains secrets, which must not be on a disk.
        clock: the time.
    """

    def __init__(self, *, calls: Calls, run_dir: Path, clock: Clock) -> None:
        self._calls = calls
        self._instances = run_dir / "instances"
        self._clock = clock
        self._earlier: dict[str, str] | None = None  # name -> id of containers from before the boot, once known

    async def prepare(self, spec: InstanceSpec, name: str, log_tag: str) -> Launch:
        files, calls = self._files(spec.name), self._calls
        await calls.networks.ensure_for(spec)
        await calls.volumes.ensure(spec)
        runs_once = not spec.role.is_kept_running
        with writing_files(spec.name):
            files.write(spec.environment)
            if runs_once:
                files.output_file.touch(mode=0o600)
        place = commands.Placement(
            database=calls.database.id,
            first_user=await calls.first_user_of(spec.app),
            storage=calls.storage,
            container_name=name,
            conmon=await calls.launcher(),
            cid_file=files.cid_file,
            pid_file=files.pid_file,
            conmon_pid_file=files.conmon_pid_file,
            log_file=files.output_file if runs_once else None,
            log_tag=log_tag,
        )
        has_init = await calls.needs_init(spec)
        stale = [str(path) for path in files.of_one_start]
        return Launch(
            directory=files.path,
            before=(("/bin/rm", "-rf", *stale), ("/bin/ln", "-sfn", ".", str(files.path / GATE))),
            make_network=calls.networks.creation(spec.app),
            make_private_networks=tuple(calls.networks.private_creation(each) for each in spec.networks),
            run=commands.run_in_unit(calls.podman, spec, calls.server, place, has_init=has_init),
            after=("/bin/rm", "-f", str(files.path / GATE)),
            end_processes=commands.end_processes(files.path),
            stop=commands.stop_in_unit(calls.podman, files.cid_file),
            remove=commands.remove_in_unit(calls.podman, files.cid_file),
            exit_code=commands.ask_exit_code(calls.podman, name),
            id_file=files.cid_file,
            restarts_file=files.restarts_file,
            memory_mark=files.oom_mark,
        )

    async def check(
        self, spec: InstanceSpec, exit_code: int, words: str, tail: Callable[[], Awaitable[Sequence[LogLine]]]
    ) -> None:
        files = self._files(spec.name)
        await check_started(spec, files, exit_code=exit_code, words=words, tail=tail, clock=self._clock)

    async def prepare_retry(self, spec: InstanceSpec, words: str) -> RetryAdvice:
        if refusals.says_init_missing(words):
            self._calls.do_without_init()
            return RetryAdvice.SAME_NAME
        if not refusals.says_name_in_use(words):
            return RetryAdvice.NO
        found = await self._calls.list(name=spec.name)
        if not found:
            return RetryAdvice.OTHER_NAME
        if found[0].identity.app != spec.app:
            raise refusals.start_failed(spec, f"{found[0].identity.app} has a container of the same name")
        if found[0].state is not InstanceState.RUNNING:  # from before a boot, or from another runtime
            await self._calls.remove(found[0].id)
        return RetryAdvice.SAME_NAME

    async def remove_earlier(self, spec: InstanceSpec) -> None:
        """See the port. Lists the containers from before the boot once in pvdifyd's life."""
        if self._earlier is None:
            await self.find()
        container = self._earlier.pop(spec.name, None) if self._earlier else None
        if container is not None and self._files(spec.name).container_id is None and spec.role.is_kept_running:
            await self._calls.remove(container)

    async def find(self, app: str | None = None) -> tuple[FoundInstance, ...]:
        found = await self._calls.list(app=app)
        if app is None and self._earlier is None:
            self._earlier = {each.identity.name: each.id for each in found if self._is_of_earlier_boot(each)}
        return tuple(sorted((self._found(each) for each in found), key=lambda instance: instance.name))

    async def stop(self, name: str, grace: float) -> None:
        container = await self._id(name)
        if container is not None:
            left = await self._calls.end_processes(self._files(name), grace)
            argv = commands.stop_container(self._calls.podman, container, left)
            done = await self._calls.run(argv, timeout=left + STOP_SECONDS)
            if done.exit_code != 0 and not refusals.is_container_missing(done):
                raise refusals.unavailable(done)

    async def remove(self, name: str) -> None:
        container = await self._id(name)
        if container is not None:
            await self._calls.remove(container)
        self._files(name).remove()

    async def wait_down(self, name: str) -> None:
        """See the port. Waits for the container's first process; conmon ends later, after podman's cleanup."""
        files = self._files(name)
        pid, conmon = files.pid, files.conmon_pid
        if pid is not None and conmon is not None and files.is_running:
            await watch.wait_for_child(pid, conmon, self._clock)
        else:
            await self.wait(name)

    async def wait(self, name: str) -> Exit:
        """See the port. Uses no CPU while it waits: the kernel reports the end of conmon, which outlives its container.

        After a restart of pvdifyd the pids come from the instance's files; after a boot, the facts come from podman.
        """
        files = self._files(name)
        while True:
            container = await self._id(name)
            if container is None:
                return GONE
            if files.container_id == container and files.conmon_pid is not None:
                await watch.wait_for_end(files.conmon_pid, container, self._clock)
            known = await self._calls.inspect(container)
            if known is None:
                return GONE
            if known.state is InstanceState.EXITED:
                return await self._exit(files, container, known)
            if known.conmon_pid and watch.is_alive(known.conmon_pid, container):
                await watch.wait_for_end(known.conmon_pid, container, self._clock)
            elif known.pid and not watch.is_running(known.pid):
                return GONE  # conmon was killed before the container ended, so the exit code is unknown
            elif known.pid:
                await watch.wait_for_process(known.pid, self._clock)  # conmon was killed, and the container runs
            else:
                await self._clock.sleep(LOOK_EVERY_SECONDS)  # not started yet

    async def is_running(self, name: str) -> bool:
        return self._files(name).is_running

    async def was_out_of_memory(self, container: str) -> bool:
        return await asyncio.to_thread(oom.was_killed_for_memory, container)

    def _files(self, name: str) -> InstanceDir:
        return InstanceDir(self._instances / name)

    async def _id(self, name: str) -> str | None:
        return self._files(name).container_id or await self._calls.look_up(name)

    async def _exit(self, files: InstanceDir, container: str, known: parse.Inspected) -> Exit:
        is_oom = known.is_out_of_memory or files.is_out_of_memory
        if not is_oom and known.exit_code == parse.KILLED:
            is_oom = await self.was_out_of_memory(container)
        return Exit(code=known.exit_code, is_out_of_memory=is_oom)

    def _is_of_earlier_boot(self, listed: parse.Listed) -> bool:
        """Return whether the container ran before the host's boot: podman lists it, but its tmpfs files are gone."""
        is_down = listed.state is InstanceState.EXITED
        return is_down and self._files(listed.identity.name).container_id is None

    def _found(self, listed: parse.Listed) -> FoundInstance:
        identity, files = listed.identity, self._files(listed.identity.name)
        ended, state = None, listed.state
        if listed.exit_code is not None:
            ended = Exit(code=listed.exit_code, is_out_of_memory=files.is_out_of_memory)
        elif state is InstanceState.RUNNING and not watch.is_running(listed.pid):
            ended, state = GONE, InstanceState.EXITED
        return FoundInstance(
            name=identity.name,
            app=identity.app,
            process=identity.process,
            slot=identity.slot,
            number=identity.number,
            role=identity.role,
            operation=identity.operation,
            state=state,
            endpoint=identity.endpoint,
            exit=ended,
            started_at=listed.started_at,
            restarts=files.restarts,
            is_of_earlier_boot=self._is_of_earlier_boot(listed),
            pid=listed.pid if state is InstanceState.RUNNING and listed.pid else None,
        )
