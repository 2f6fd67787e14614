"""Ports that hide secrets in arguments and results. Each method is redacted here, or listed as unchanged."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import assert_never

from pvdify.engine.redaction.lines import HELD, LineCleaner
from pvdify.engine.redaction.redactors import Redactors
from pvdify.engine.redaction.unchanged import unchanged
from pvdify.errors import PvdifyError
from pvdify.model.app import App
from pvdify.model.backup import Backup, BackupPlan, BackupTask
from pvdify.model.config import ConfigVar, ConfigVersion
from pvdify.model.deploy_log import LogEntry
from pvdify.model.event import Event, IdempotentRequest
from pvdify.model.grant import Grant
from pvdify.model.instance import InstanceSpec, LogLine
from pvdify.model.job import JobRecord, JobRun
from pvdify.model.names import app_of_instance
from pvdify.model.operation import Operation, StepRecord
from pvdify.model.preview import Preview
from pvdify.model.release import Failure, Release, SwitchCount
from pvdify.model.runtime_choice import RuntimeChoice
from pvdify.model.scale import Scale
from pvdify.model.service import Service, ServiceLink
from pvdify.model.slot import Slot
from pvdify.model.status import NotedStatus
from pvdify.model.token import Token
from pvdify.model.volume import AppVolume
from pvdify.model.webhook import SeenWebhook
from pvdify.ports.deploy_log import DeployLog
from pvdify.ports.instance_logs import InstanceLogs
from pvdify.ports.instances import Instances
from pvdify.ports.secrets import Secrets
from pvdify.ports.store import Record, Store

CLEANED_AT_ONCE = 200  # lines between two pauses for other tasks; takes some milliseconds


class LearningSecrets(Secrets):
    """The ``secrets`` port. Secrets that are read or written are hidden from then on."""

    def __init__(self, secrets: Secrets, redactors: Redactors) -> None:
        self._port = secrets
        self._redactors = redactors

    async def write(self, app: str, version: int, values: Mapping[str, ConfigVar]) -> None:
        """Write values. Raises InvalidConfigVar if the app would have more secrets than can be hidden."""
        await self._redactors.check_room(app, values.values())
        await self._redactors.learn(app, values.values())
        await self._port.write(app, version, values)

    async def read(self, app: str, version: int) -> dict[str, ConfigVar]:
        values = await self._port.read(app, version)
        await self._redactors.learn(app, values.values())
        return values

    async def remove(self, app: str) -> None:
        await self._port.remove(app)
        self._redactors.forget(app)

    text = unchanged(Secrets.text)  # encrypted
    missing = unchanged(Secrets.missing)
    open_file = unchanged(Secrets.open_file)  # a file from an operator; its secrets are learned when they are written
    recipients = unchanged(Secrets.recipients)
    rotate = unchanged(Secrets.rotate)
    set_recipients = unchanged(Secrets.set_recipients)

    async def rename(self, old: str, new: str) -> None:
        await self._port.rename(old, new)
        self._redactors.forget(old)
        await self._redactors.of(new)


class CleanInstances(Instances):
    """The ``instances`` port without secrets in errors."""

    def __init__(self, instances: Instances, redactors: Redactors) -> None:
        self._port = instances
        self._redactors = redactors

    async def start(self, spec: InstanceSpec) -> None:
        try:
            await self._port.start(spec)
        except PvdifyError as error:
            raise await self._cleaned(error, spec.app) from error.__cause__

    async def create(self, spec: InstanceSpec) -> None:
        try:
            await self._port.create(spec)
        except PvdifyError as error:
            raise await self._cleaned(error, spec.app) from error.__cause__

    find = unchanged(Instances.find)
    refresh = unchanged(Instances.refresh)
    is_running = unchanged(Instances.is_running)
    stop = unchanged(Instances.stop)
    remove = unchanged(Instances.remove)
    wait_down = unchanged(Instances.wait_down)
    wait = unchanged(Instances.wait)
    restarts = unchanged(Instances.restarts)
    forget_restarts = unchanged(Instances.forget_restarts)

    async def _cleaned(self, error: PvdifyError, app: str) -> PvdifyError:
        error.what = await self._redactors.clean(app, error.what)
        error.why = await self._redactors.clean(app, error.why)
        error.next = await self._redactors.clean(app, error.next)
        error.args = (error.what,)
        return error


class CleanInstanceLogs(InstanceLogs):
    """The ``instance_logs`` port without secrets in lines.

    Methods that read lines raise StoreUnavailable, too: if secrets cannot be read, no line can be shown.
    """

    def __init__(
        self, logs: InstanceLogs, redactors: Redactors, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._port = logs
        self._redactors = redactors
        self._now = now

    writers = unchanged(InstanceLogs.writers)
    forget = unchanged(InstanceLogs.forget)

    async def tail(self, names: Sequence[str], lines: int, *, since: datetime | None = None) -> tuple[LogLine, ...]:
        cleaner = LineCleaner()
        for app in {app_of_instance(name) for name in names}:
            cleaner.use(app, await self._redactors.of(app))
        return cleaner.clean_all(await self._port.tail(names, lines, since=since), self._now())

    async def history(
        self, names: Sequence[str], lines: int, *, since: datetime | None = None
    ) -> AsyncGenerator[tuple[LogLine, ...], None]:
        cleaner, last = LineCleaner(), self._now()
        for app in {app_of_instance(name) for name in names}:
            cleaner.use(app, await self._redactors.of(app))
        async with aclosing(self._port.history(names, lines, since=since)) as batches:
            async for batch in batches:
                for start in range(0, len(batch), CLEANED_AT_ONCE):
                    yield tuple(cleaner.clean(line) for line in batch[start : start + CLEANED_AT_ONCE])
                    await asyncio.sleep(0)
        if held := [line for line in cleaner.rest() if last - line.at >= HELD]:
            yield tuple(held)

    async def follow(self, names: Sequence[str], *, since: datetime) -> AsyncIterator[LogLine]:
        cleaner = LineCleaner()
        async with aclosing(_with_pauses(self._port.follow(names, since=since), cleaner)) as lines:
            async for line in lines:
                if line is None:
                    for held in cleaner.rest():
                        yield held
                    continue
                app = app_of_instance(line.instance)
                cleaner.use(app, await self._redactors.of(app))
                cleaned = cleaner.clean(line)
                if cleaned.text or not line.is_part:
                    yield cleaned

    async def output(self, name: str, ended: asyncio.Event) -> AsyncIterator[tuple[LogLine, ...]]:
        cleaner, app = LineCleaner(), app_of_instance(name)
        async for batch in self._port.output(name, ended):
            cleaner.use(app, await self._redactors.of(app))
            for start in range(0, len(batch), CLEANED_AT_ONCE):
                cleaned = [cleaner.clean(line) for line in batch[start : start + CLEANED_AT_ONCE]]
                yield tuple(line for line in cleaned if line.text or not line.is_part)
                await asyncio.sleep(0)
        if held := cleaner.rest():
            yield tuple(held)


async def _with_pauses(lines: AsyncIterator[LogLine], cleaner: LineCleaner) -> AsyncGenerator[LogLine | None, None]:
    """Yield the lines; also None if text is held back and no line has followed for HELD, and at the end."""
    following: asyncio.Future[LogLine] | None = None
    try:
        while True:
            following = following or asyncio.ensure_future(anext(lines))
            await asyncio.wait({following}, timeout=HELD.total_seconds() if cleaner.is_holding else None)
            if not following.done():
                yield None
                continue
            line, following = following.result(), None
            yield line
    except StopAsyncIteration:
        yield None
    finally:
        if following is not None:
            following.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration):
                await following


class CleanDeployLog(DeployLog):
    """The ``deploy_log`` port. Secrets are removed before entries are written."""

    def __init__(self, deploy_log: DeployLog, redactors: Redactors) -> None:
        self._port = deploy_log
        self._redactors = redactors

    async def append(self, app: str, release: int, *entries: LogEntry) -> None:
        await self._port.append(app, release, *[await self._cleaned(app, entry) for entry in entries])

    read = unchanged(DeployLog.read)  # entries were redacted when they were written
    watch = unchanged(DeployLog.watch)
    end = unchanged(DeployLog.end)
    remove = unchanged(DeployLog.remove)
    rename = unchanged(DeployLog.rename)

    async def _cleaned(self, app: str, entry: LogEntry) -> LogEntry:
        text = await self._redactors.clean(app, entry.text)
        return entry if text == entry.text else replace(entry, text=text)


class CleanStore(Store):
    """The ``store`` port. Secrets are removed from the text of records before they are written."""

    def __init__(self, store: Store, redactors: Redactors) -> None:
        self._port = store
        self._redactors = redactors

    async def save(self, *records: Record) -> None:
        await self._port.save(*[await self._cleaned(record) for record in records])

    async def delete_app(self, name: str, event: Event) -> None:
        await self._port.delete_app(name, await self._event(event))

    async def delete_grant(self, grant: Grant, event: Event) -> None:
        await self._port.delete_grant(grant, await self._event(event))

    @property
    def writes(self) -> int:
        return self._port.writes

    # records that are read were redacted when they were written
    next_write = unchanged(Store.next_write)
    writes_to_apps = unchanged(Store.writes_to_apps)
    rename_apps = unchanged(Store.rename_apps)  # its records have no output of programs
    former_names = unchanged(Store.former_names)
    app = unchanged(Store.app)
    apps = unchanged(Store.apps)
    release = unchanged(Store.release)
    releases = unchanged(Store.releases)
    live_versions = unchanged(Store.live_versions)
    last_live_in = unchanged(Store.last_live_in)
    active_release = unchanged(Store.active_release)
    active_releases = unchanged(Store.active_releases)
    failed_releases = unchanged(Store.failed_releases)
    switch_counts = unchanged(Store.switch_counts)
    scale = unchanged(Store.scale)
    scales = unchanged(Store.scales)
    noted_statuses = unchanged(Store.noted_statuses)
    slots = unchanged(Store.slots)
    slot = unchanged(Store.slot)
    runtime_choice = unchanged(Store.runtime_choice)
    volumes = unchanged(Store.volumes)
    forget_volume = unchanged(Store.forget_volume)
    operation = unchanged(Store.operation)
    unsettled_operations = unchanged(Store.unsettled_operations)
    config_versions = unchanged(Store.config_versions)
    preview = unchanged(Store.preview)
    previews = unchanged(Store.previews)
    previews_due = unchanged(Store.previews_due)
    unleased_previews = unchanged(Store.unleased_previews)
    origin_of = unchanged(Store.origin_of)
    grants = unchanged(Store.grants)
    token = unchanged(Store.token)
    tokens = unchanged(Store.tokens)
    note_token_use = unchanged(Store.note_token_use)
    events = unchanged(Store.events)
    matching_events = unchanged(Store.matching_events)
    idempotent_request = unchanged(Store.idempotent_request)
    is_webhook_seen = unchanged(Store.is_webhook_seen)
    forget_webhooks = unchanged(Store.forget_webhooks)
    job_records = unchanged(Store.job_records)
    job_run = unchanged(Store.job_run)
    job_runs = unchanged(Store.job_runs)
    unsettled_job_runs = unchanged(Store.unsettled_job_runs)
    has_run_of = unchanged(Store.has_run_of)
    forget_job_runs = unchanged(Store.forget_job_runs)
    backup_plan = unchanged(Store.backup_plan)
    forget_backup_plan = unchanged(Store.forget_backup_plan)
    backups = unchanged(Store.backups)
    forget_backup = unchanged(Store.forget_backup)
    backup_task = unchanged(Store.backup_task)
    backup_tasks = unchanged(Store.backup_tasks)
    services = unchanged(Store.services)
    service = unchanged(Store.service)
    forget_service = unchanged(Store.forget_service)
    service_links = unchanged(Store.service_links)
    forget_service_link = unchanged(Store.forget_service_link)

    async def _cleaned(self, record: Record) -> Record:  # noqa: PLR0911 - one for each kind of record
        match record:
            case Event():
                return await self._event(record)
            case Release(failure=Failure() as failure):
                return replace(record, failure=await self._failure(record.app, failure))
            case JobRun(cause=cause) if cause:
                return replace(record, cause=await self._redactors.clean(record.app, cause))
            case Operation():
                return await self._operation(record)
            case Service(problem=problem, failure=failure) if problem or failure:
                clean = self._redactors.clean
                return replace(
                    record, problem=await clean(record.key, problem), failure=await clean(record.key, failure)
                )
            case BackupTask() | Backup() | BackupPlan():
                return await self._of_backups(record)
            case (
                App() | AppVolume() | ConfigVersion() | Grant() | IdempotentRequest() | JobRecord() | JobRun()
                | NotedStatus() | Preview() | Release() | Scale() | RuntimeChoice() | SeenWebhook() | Service()
                | ServiceLink() | Slot() | SwitchCount() | Token()
            ):  # fmt: skip
                return record  # has no output of an app's programs
            case _:
                assert_never(record)

    async def _of_backups(self, record: BackupTask | Backup | BackupPlan) -> BackupTask | Backup | BackupPlan:
        clean = self._redactors.clean
        match record:
            case BackupPlan():
                return replace(record, trouble=await clean(None, record.trouble))
            case BackupTask():
                log = [await clean(None, line) for line in record.log]
                return replace(record, cause=await clean(None, record.cause), log=tuple(log))
            case Backup():
                items = [replace(it, problem=await clean(None, it.problem)) for it in record.items]
                return replace(record, cause=await clean(None, record.cause), items=tuple(items))

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
