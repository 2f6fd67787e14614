"""The ``supervisor`` port on podman."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path

from pvdify.adapters.podman import commands, oom, parse, refusals, sockets, watch
from pvdify.adapters.podman.instance_dir import InstanceDir
from pvdify.adapters.podman.logs import LogFiles
from pvdify.adapters.podman.starter import Starter
from pvdify.model.instance import Exit, FoundInstance, InstanceSpec, InstanceState, Listener, LogLine
from pvdify.ports.clock import Clock
from pvdify.ports.command_runner import CommandRunner

GONE = Exit(code=parse.KILLED)
STOP_SECONDS = 60.0
LOOK_EVERY_SECONDS = 1.0


class PodmanSupervisor:
    """Containers are known by their labels, so several servers can share one podman, and by the files in
    ``run_dir/instances/<name>``, which save a call where they tell enough.

    Args:
        runner: starts podman.
        server_id: tells this server's containers from others'.
        run_dir: on tmpfs; holds what must not touch a disk.
        log_dir: what instances write, ``<app>/<instance>.log``.
        binary: the podman command.
        clock: time.
    """

    def __init__(
        self,
        *,
        runner: CommandRunner,
        server_id: str,
        run_dir: Path,
        log_dir: Path,
        clock: Clock,
        binary: str = "podman",
    ) -> None:
        self._runner = runner
        self._server = server_id
        self._instances = run_dir / "instances"
        self._podman = binary
        self._clock = clock
        self._logs = LogFiles(log_dir, clock)
        self._starter = Starter(
            runner=runner, server_id=server_id, log_dir=log_dir, binary=binary, clock=clock, logs=self._logs
        )

    async def find(self, app: str | None = None) -> tuple[FoundInstance, ...]:
        """See the port."""
        found = await self._starter.list(app=app)
        return tuple(sorted((self._found(each) for each in found), key=lambda instance: instance.name))

    async def start(self, spec: InstanceSpec) -> None:
        """See the port. One podman call where nothing is in the way, none where it runs."""
        await self._starter.start(spec, self._files(spec.name))

    async def create(self, spec: InstanceSpec) -> None:
        """See the port."""
        await self._starter.create(spec, self._files(spec.name))

    async def stop(self, name: str, grace: float) -> None:
        """See the port."""
        container = await self._id(name)
        if container is not None:
            argv = commands.stop_container(self._podman, container, grace)
            done = await self._runner.run(argv, timeout=grace + STOP_SECONDS)
            if done.exit_code != 0 and not refusals.is_container_missing(done):
                raise refusals.unavailable(done)

    async def remove(self, name: str) -> None:
        """See the port."""
        container = await self._id(name)
        if container is not None:
            await self._starter.remove(container)
        self._files(name).remove()

    async def forget_logs(self, app: str) -> None:
        """See the port."""
        await asyncio.to_thread(self._logs.remove, app)

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
            known = await self._inspect(container)
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
        known = await self._inspect(container) if container else None
        return sockets.read_listeners(known.pid) if known and known.pid else ()

    async def tail(self, names: Sequence[str], lines: int, *, since: datetime | None = None) -> tuple[LogLine, ...]:
        """See the port."""
        return await self._logs.tail(names, lines, since)

    def follow(self, names: Sequence[str], *, since: datetime) -> AsyncIterator[LogLine]:
        """See the port."""
        return self._logs.follow(names, since)

    def _files(self, name: str) -> InstanceDir:
        return InstanceDir(self._instances / name)

    async def _id(self, name: str) -> str | None:
        return self._files(name).container_id or await self._starter.look_up(name)

    async def _inspect(self, container: str) -> parse.Inspected | None:
        done = await self._runner.run(commands.inspect_container(self._podman, container))
        if refusals.is_container_missing(done):
            return None
        if done.exit_code != 0:
            raise refusals.unavailable(done)
        return parse.inspected(done.stdout)

    async def _exit(self, files: InstanceDir, container: str, known: parse.Inspected) -> Exit:
        is_oom = known.is_out_of_memory or files.is_out_of_memory
        if not is_oom and known.exit_code == parse.KILLED:
            is_oom = await asyncio.to_thread(oom.was_killed_for_memory, container)
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
        )
