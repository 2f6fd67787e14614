"""The ``containers`` port on podman."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path

from pvdify.adapters.podman import commands, oom, parse, refusals, sockets, watch
from pvdify.adapters.podman.calls import Calls
from pvdify.adapters.podman.instance_dir import GATE, InstanceDir
from pvdify.adapters.podman.logs import LogFiles
from pvdify.adapters.podman.started import check_started
from pvdify.adapters.podman.usage import read_usage
from pvdify.model.instance import Exit, FoundInstance, InstanceSpec, InstanceState, Listener, LogLine, Role, Usage
from pvdify.ports.clock import Clock
from pvdify.ports.containers import Launch, Way

GONE = Exit(code=parse.KILLED)
STOP_SECONDS = 60.0
LOOK_EVERY_SECONDS = 1.0


class PodmanContainers:
    """Containers are known by their labels, so several servers can share one podman, and by the files in
    ``run_dir/instances/<name>``, which save a call where they tell enough.

    Args:
        calls: this server's use of podman.
        run_dir: on tmpfs; holds what must not touch a disk.
        clock: time.
    """

    def __init__(self, *, calls: Calls, run_dir: Path, clock: Clock) -> None:
        self._calls = calls
        self._instances = run_dir / "instances"
        self._clock = clock
        self._output = LogFiles(self._instances, clock, instances=self._instances)

    async def prepare(self, spec: InstanceSpec, name: str, log_tag: str) -> Launch:
        """See the port."""
        files, calls = self._files(spec.name), self._calls
        await calls.networks.ensure(spec.app)
        files.write(spec.environment)
        runs_once = spec.role is not Role.INSTANCE
        if runs_once:
            files.output_file.touch(mode=0o600)
        place = commands.Placement(
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
            run=commands.run_in_unit(calls.podman, spec, calls.server, place, has_init=has_init),
            after=("/bin/rm", "-f", str(files.path / GATE)),
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
        """See the port."""
        files = self._files(spec.name)
        await check_started(spec, files, exit_code=exit_code, words=words, tail=tail, clock=self._clock)

    async def make_way(self, spec: InstanceSpec, words: str) -> Way:
        """See the port."""
        if refusals.says_init_missing(words):
            self._calls.do_without_init()
            return Way.SAME_NAME
        if not refusals.says_name_in_use(words):
            return Way.CLOSED
        found = await self._calls.list(name=spec.name)
        if not found:
            return Way.OTHER_NAME
        if found[0].identity.app != spec.app:
            raise refusals.start_failed(spec, f"{found[0].identity.app} has a container of the same name")
        if found[0].state is not InstanceState.RUNNING:  # from before a boot, or from another way of running
            await self._calls.remove(found[0].id)
        return Way.SAME_NAME

    async def find(self, app: str | None = None) -> tuple[FoundInstance, ...]:
        """See the port."""
        found = await self._calls.list(app=app)
        return tuple(sorted((self._found(each) for each in found), key=lambda instance: instance.name))

    async def stop(self, name: str, grace: float) -> None:
        """See the port."""
        container = await self._id(name)
        if container is not None:
            argv = commands.stop_container(self._calls.podman, container, grace)
            done = await self._calls.run(argv, timeout=grace + STOP_SECONDS)
            if done.exit_code != 0 and not refusals.is_container_missing(done):
                raise refusals.unavailable(done)

    async def remove(self, name: str) -> None:
        """See the port."""
        container = await self._id(name)
        if container is not None:
            await self._calls.remove(container)
        self._files(name).remove()

    async def wait_down(self, name: str) -> None:
        """See the port. The kernel tells; conmon has podman clean up before it ends itself."""
        files = self._files(name)
        pid, conmon = files.pid, files.conmon_pid
        if pid is not None and conmon is not None and files.is_running:
            await watch.wait_for_child(pid, conmon, self._clock)
        else:
            await self.wait(name)

    async def wait(self, name: str) -> Exit:
        """See the port. Costs nothing while it waits: the kernel tells when conmon ends, which is after its container.

        After a restart of pvdifyd it goes on from the files; after a boot, from what podman knows.
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
                return GONE  # its conmon was killed before it: how it ended, nobody saw
            else:
                await self._clock.sleep(LOOK_EVERY_SECONDS)  # not started yet, or without its conmon

    async def listeners(self, name: str) -> tuple[Listener, ...]:
        """See the port."""
        files = self._files(name)
        if files.is_running and files.pid is not None:
            return sockets.read_listeners(files.pid)
        container = await self._id(name)
        known = await self._calls.inspect(container) if container else None
        return sockets.read_listeners(known.pid) if known and known.pid else ()

    async def usage(self, name: str) -> Usage | None:
        """See the port."""
        files = self._files(name)
        return read_usage(files.pid) if files.is_running and files.pid is not None else None

    def keeps_output(self, name: str) -> bool:
        """See the port."""
        return self._files(name).output_file.exists()

    async def tail_output(self, names: Sequence[str], lines: int, since: datetime | None) -> tuple[LogLine, ...]:
        """See the port."""
        return await self._output.tail(names, lines, since)

    def follow_output(self, names: Sequence[str], since: datetime) -> AsyncIterator[LogLine]:
        """See the port."""
        return self._output.follow(names, since)

    async def is_running(self, name: str) -> bool:
        """See the port."""
        return self._files(name).is_running

    async def was_out_of_memory(self, container: str) -> bool:
        """See the port."""
        return await asyncio.to_thread(oom.was_killed_for_memory, container)

    async def networks(self) -> frozenset[str]:
        """See the port."""
        return await self._calls.networks.apps()

    async def remove_network(self, app: str) -> None:
        """See the port."""
        await self._calls.networks.remove(app)

    def _files(self, name: str) -> InstanceDir:
        return InstanceDir(self._instances / name)

    async def _id(self, name: str) -> str | None:
        return self._files(name).container_id or await self._calls.look_up(name)

    async def _exit(self, files: InstanceDir, container: str, known: parse.Inspected) -> Exit:
        is_oom = known.is_out_of_memory or files.is_out_of_memory
        if not is_oom and known.exit_code == parse.KILLED:
            is_oom = await self.was_out_of_memory(container)
        return Exit(code=known.exit_code, is_out_of_memory=is_oom)

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
            host_port=identity.host_port,
            exit=ended,
            started_at=listed.started_at,
            restarts=files.restarts,
            pid=listed.pid if state is InstanceState.RUNNING and listed.pid else None,
        )
