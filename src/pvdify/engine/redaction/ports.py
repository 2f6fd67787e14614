"""Ports that let no secret through. What is not written here goes to the port behind them as it is."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from pvdify.engine.redaction.lines import LineCleaner
from pvdify.engine.redaction.redactors import Redactors
from pvdify.errors import PvdifyError
from pvdify.model.config import ConfigVar
from pvdify.model.deploy_log import LogEntry
from pvdify.model.event import Event
from pvdify.model.instance import InstanceSpec, LogLine
from pvdify.model.names import app_of_instance
from pvdify.model.operation import Operation, StepRecord
from pvdify.model.release import Failure, Release
from pvdify.ports.deploy_log import DeployLog
from pvdify.ports.secrets import Secrets
from pvdify.ports.store import Record, Store
from pvdify.ports.supervisor import Supervisor


class LearningSecrets:
    """The ``secrets`` port; whatever passes is hidden from then on."""

    def __init__(self, secrets: Secrets, redactors: Redactors) -> None:
        self._port = secrets
        self._redactors = redactors

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    async def write(self, app: str, version: int, values: Mapping[str, ConfigVar]) -> None:
        """See the port."""
        self._redactors.learn(app, values.values())
        await self._port.write(app, version, values)

    async def read(self, app: str, version: int) -> dict[str, ConfigVar]:
        """See the port."""
        values = await self._port.read(app, version)
        self._redactors.learn(app, values.values())
        return values

    async def remove(self, app: str) -> None:
        """See the port."""
        await self._port.remove(app)
        self._redactors.forget(app)


class CleanSupervisor:
    """The ``supervisor`` port; what instances wrote, and what it tells of them in errors, is without secrets."""

    def __init__(self, supervisor: Supervisor, redactors: Redactors) -> None:
        self._port = supervisor
        self._redactors = redactors

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    async def start(self, spec: InstanceSpec) -> None:
        """See the port."""
        try:
            await self._port.start(spec)
        except PvdifyError as error:
            raise await self._cleaned(error, spec.app) from error.__cause__

    async def create(self, spec: InstanceSpec) -> None:
        """See the port."""
        try:
            await self._port.create(spec)
        except PvdifyError as error:
            raise await self._cleaned(error, spec.app) from error.__cause__

    async def tail(self, names: Sequence[str], lines: int, *, since: datetime | None = None) -> tuple[LogLine, ...]:
        """See the port. Raises StoreUnavailable: secrets cannot be read, so lines cannot be told."""
        cleaner = LineCleaner()
        for app in {app_of_instance(name) for name in names}:
            cleaner.use(app, await self._redactors.of(app))
        return cleaner.clean_all(await self._port.tail(names, lines, since=since))

    async def follow(self, names: Sequence[str], *, since: datetime) -> AsyncIterator[LogLine]:
        """See the port. Raises StoreUnavailable: secrets cannot be read, so lines cannot be told."""
        cleaner = LineCleaner()
        async for line in self._port.follow(names, since=since):
            app = app_of_instance(line.instance)
            cleaner.use(app, await self._redactors.of(app))
            yield cleaner.clean(line)

    async def _cleaned(self, error: PvdifyError, app: str) -> PvdifyError:
        error.what = await self._redactors.clean(app, error.what)
        error.why = await self._redactors.clean(app, error.why)
        error.next = await self._redactors.clean(app, error.next)
        error.args = (error.what,)
        return error


class CleanDeployLog:
    """The ``deploy_log`` port; no secret is written into a log."""

    def __init__(self, deploy_log: DeployLog, redactors: Redactors) -> None:
        self._port = deploy_log
        self._redactors = redactors

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    async def append(self, app: str, release: int, entry: LogEntry) -> None:
        """See the port."""
        text = await self._redactors.clean(app, entry.text)
        await self._port.append(app, release, entry if text == entry.text else replace(entry, text=text))


class CleanStore:
    """The ``store`` port; no record holds a secret in the words it tells."""

    def __init__(self, store: Store, redactors: Redactors) -> None:
        self._port = store
        self._redactors = redactors

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    async def save(self, *records: Record) -> None:
        """See the port."""
        await self._port.save(*[await self._cleaned(record) for record in records])

    async def delete_app(self, name: str, event: Event) -> None:
        """See the port."""
        await self._port.delete_app(name, await self._event(event))

    async def _cleaned(self, record: Record) -> Record:
        match record:
            case Event():
                return await self._event(record)
            case Release(failure=Failure() as failure):
                return replace(record, failure=await self._failure(record.app, failure))
            case Operation():
                return await self._operation(record)
            case _:
                return record

    async def _event(self, event: Event) -> Event:
        return replace(event, text=await self._redactors.clean(event.app, event.text))

    async def _operation(self, operation: Operation) -> Operation:
        error = await self._failure(operation.app, operation.error) if operation.error else None
        steps = [await self._step(operation.app, it) for it in operation.steps]
        return replace(operation, error=error, steps=tuple(steps))

    async def _step(self, app: str, step: StepRecord) -> StepRecord:
        text = await self._redactors.clean(app, step.text)
        return step if text == step.text else replace(step, text=text)

    async def _failure(self, app: str, failure: Failure) -> Failure:
        return Failure(
            code=failure.code,
            what=await self._redactors.clean(app, failure.what),
            why=await self._redactors.clean(app, failure.why),
            next=await self._redactors.clean(app, failure.next),
        )
