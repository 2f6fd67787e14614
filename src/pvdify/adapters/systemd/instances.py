"""The ``instances`` port on systemd: one unit for each instance, which systemd restarts when it exits."""

import asyncio
import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import structlog

from pvdify.adapters.systemd import commands, exits, parse, unit
from pvdify.adapters.systemd.journal import log_tag
from pvdify.adapters.systemd.parse import UnitState
from pvdify.adapters.systemd.systemctl import Systemctl
from pvdify.adapters.systemd.unit import Mark
from pvdify.adapters.systemd.units import PREFIX, SUFFIX, Units
from pvdify.errors import RuntimeUnavailable, StartFailed, naming_cause
from pvdify.model.instance import Exit, FoundInstance, InstanceSpec, InstanceState, LogLine, Restart
from pvdify.plumbing.command_runner import Completed
from pvdify.plumbing.containers import Containers, Launch, RetryAdvice
from pvdify.ports.instance_logs import InstanceLogs

log = structlog.get_logger()
LAST_WORDS = 5  # log lines that are read to explain a failed start
KILLED = Exit(code=137)  # the exit of an instance whose container is missing
START_TRIES = 3


class SystemdInstances:
    """The instances of one server, as units in ``/run/systemd/system`` that run containers.

    Args:
        containers: makes the containers.
        systemctl: runs systemctl.
        units: this server's unit files.
        logs: reads the instances' logs.
        run_dir: contains the instances' directories.
        server_id: the server's id.
    """

    def __init__(
        self, *, containers: Containers, systemctl: Systemctl, units: Units, logs: InstanceLogs,
        run_dir: Path, server_id: str,
    ) -> None:  # fmt: skip
        self._containers = containers
        self._systemctl = systemctl
        self._units = units
        self._logs = logs
        self._instances = run_dir / "instances"
        self._server = server_id

    async def find(self, app: str | None = None) -> tuple[FoundInstance, ...]:
        """See the port. Also returns instances with a unit but no container."""
        marks, states, found = await asyncio.gather(
            self._units.marks(), self._states(f"{PREFIX}*"), self._containers.find(app)
        )
        by_name = {mark.name: (mark, states.get(name)) for name, mark in marks.items() if app in (None, mark.app)}
        known = {each.name for each in found}
        alone = [self._without_container(mark, state) for mark, state in by_name.values() if mark.name not in known]
        both = [_with_unit(each, by_name[each.name][1] if each.name in by_name else None) for each in found]
        return tuple(sorted((*both, *alone), key=lambda instance: instance.name))

    async def is_running(self, name: str) -> bool:
        return await self._containers.is_running(name)

    async def start(self, spec: InstanceSpec) -> None:
        if await self._containers.is_running(spec.name):
            return
        stem = self._units.stem_of(spec.name)
        await self._containers.remove_earlier(spec)
        for _ in range(START_TRIES):
            launch = await self._prepare(spec, stem)
            with writing_unit(spec.name):
                await asyncio.to_thread(exits.start_over, launch.directory)
            done = await self._begin(f"{stem}{SUFFIX}")
            await asyncio.to_thread(exits.end_watch, launch.directory)
            words = await asyncio.to_thread(exits.refusal, launch.directory)
            advice = RetryAdvice.NO if done.exit_code == 0 else await self._prepare_retry(spec, stem, words)
            if advice is RetryAdvice.NO:
                await self._check(spec, done, words)
                return
            if advice is RetryAdvice.OTHER_NAME:
                stem = self._units.own_stem_of(spec.name)
        await self._remove_failed(spec)
        raise StartFailed(
            f"{spec.app} v{spec.slot}: {spec.process}.{spec.number} could not be started",
            why=f"the name of its container was in use at each of {START_TRIES} attempts",
            next=f"`podman ps --all --filter name={spec.name}` shows the container; remove it, then deploy again",
        )

    async def create(self, spec: InstanceSpec) -> None:
        """Write the unit without starting it; do nothing if there is one."""
        if not any(mark.name == spec.name for mark in (await self._units.marks()).values()):
            await self._prepare(spec, self._units.stem_of(spec.name))

    async def refresh(self, spec: InstanceSpec) -> None:
        """Write the unit again; the container keeps running."""
        await self._prepare(spec, self._units.stem_of(spec.name))

    async def stop(self, name: str, grace: float) -> None:
        await self._set_grace(name, math.ceil(grace))
        await self._systemctl.stop(*self._units.names_of(name), within=grace + unit.STOP_SECONDS)
        await self._containers.stop(name, grace)  # a container without a unit, as after a change of the runtime

    async def remove(self, name: str) -> None:
        names = self._units.names_of(name)
        await self._set_grace(name, 0)
        await self._systemctl.stop(*names, within=unit.STOP_SECONDS)
        await self._containers.remove(name)
        await self._units.remove(names)
        await self._systemctl.forget_failures(*names)

    async def restarts(self) -> tuple[Restart, ...]:
        found = []
        for mark in (await self._units.marks()).values():
            for noted in await asyncio.to_thread(exits.take, self._instances / mark.name):
                is_oom = noted.is_out_of_memory or (
                    noted.code == KILLED.code and await self._containers.was_out_of_memory(noted.container)
                )
                found.append(Restart(name=mark.name, at=noted.at, exit=Exit(code=noted.code, is_out_of_memory=is_oom)))
        return tuple(found)

    async def forget_restarts(self, restarts: Sequence[Restart]) -> None:
        for name in {each.name for each in restarts}:
            await asyncio.to_thread(exits.forget, self._instances / name)

    async def wait_down(self, name: str) -> None:
        await self._containers.wait_down(name)

    async def wait(self, name: str) -> Exit:
        return await self._containers.wait(name)

    async def _prepare(self, spec: InstanceSpec, stem: str) -> Launch:
        launch = await self._containers.prepare(spec, stem, log_tag(spec.name, self._server))
        text = unit.build(
            spec,
            launch,
            self._server,
            self._units.keeper,
            version=await self._systemctl.version(),
            database=self._units.database.id,
        )
        with writing_unit(spec.name):
            await asyncio.to_thread(exits.set_grace, launch.directory, math.ceil(spec.stop_timeout))
            is_changed = await self._units.write(stem, text)
        if is_changed:
            await self._systemctl.reload_units()
        return launch

    async def _set_grace(self, name: str, seconds: int) -> None:
        """Set the seconds of the next stop's grace. If that cannot be written, log it; the earlier value applies."""
        directory = self._instances / name
        if directory.exists():
            try:
                await asyncio.to_thread(exits.set_grace, directory, seconds)
            except OSError as error:
                log.warning("instance.grace_not_written", instance=name, why=error.strerror or str(error))

    async def _begin(self, name: str) -> Completed:
        """Start the unit, at once even if systemd waits before its next automatic restart."""
        state = (await self._states(name)).get(name)
        ask = commands.restart_unit if state is not None and state.waits else commands.start_unit
        within = unit.LONGEST_PAUSE + unit.START_SECONDS + 10
        return await self._systemctl.order(ask(name), within=within)

    async def _prepare_retry(self, spec: InstanceSpec, stem: str, words: str) -> RetryAdvice:
        # otherwise systemd would restart the unit during the retry
        await self._systemctl.stop(f"{stem}{SUFFIX}", within=unit.STOP_SECONDS)
        try:
            return await self._containers.prepare_retry(spec, words)
        except StartFailed:
            await self._remove_failed(spec)
            raise

    async def _check(self, spec: InstanceSpec, done: Completed, words: str) -> None:
        """Raise StartFailed if the instance did not start, after removing it."""

        async def tail() -> Sequence[LogLine]:
            return await self._logs.tail((spec.name,), LAST_WORDS)

        try:
            await self._containers.check(spec, done.exit_code, words or done.stderr, tail)
        except StartFailed:
            await self._remove_failed(spec)
            raise

    async def _remove_failed(self, spec: InstanceSpec) -> None:
        await self.remove(spec.name)

    async def _states(self, pattern: str) -> dict[str, UnitState]:
        return parse.unit_states((await self._systemctl.must(commands.list_units(pattern))).stdout)

    def _without_container(self, mark: Mark, state: UnitState | None) -> FoundInstance:
        has_begun = exits.has_begun(self._instances / mark.name)
        is_coming = state is not None and (state.is_coming or state.is_active)
        was_started = has_begun or is_coming
        return FoundInstance(
            name=mark.name, app=mark.app, process=mark.process, slot=mark.slot, number=mark.number, role=mark.role,
            operation=mark.operation, endpoint=mark.endpoint,
            state=InstanceState.EXITED if was_started else InstanceState.CREATED,
            exit=KILLED if was_started else None,
            is_restarting=is_coming and mark.role.is_kept_running,
        )  # fmt: skip


def writing_unit(name: str) -> AbstractContextManager[None]:
    """Return a context that turns an OSError into RuntimeUnavailable with the cause."""
    return naming_cause(
        RuntimeUnavailable,
        f"the unit of {name} cannot be written",
        next="check /run on the server (`df /run`); running apps keep running",
    )


def _with_unit(found: FoundInstance, state: UnitState | None) -> FoundInstance:
    is_coming = state is not None and state.is_coming and found.role.is_kept_running
    return replace(found, is_restarting=found.state is InstanceState.EXITED and is_coming)
