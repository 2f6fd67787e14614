"""Requests about backups: set the target and the schedule; make, prove or restore a backup."""

import asyncio
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from pathlib import Path

from pvdify.engine.state.backups.keeper import due_times_of, new_task
from pvdify.engine.state.backups.restoring import RestorePlan, plan_restore
from pvdify.engine.state.backups.service_restoring import plan_service_restore
from pvdify.engine.state.backups.tools import PASSWORD, BackupTools, credentials_of, event, plan_of
from pvdify.engine.world.hostname_rights import check_own_hostname
from pvdify.engine.world.not_found import renamed
from pvdify.errors import BackupNotFound, BackupsBusy, InvalidBackupTarget
from pvdify.manifest.schedules import check_schedule, check_time_zone
from pvdify.model.action import Action
from pvdify.model.backup import LATE, Backup, BackupPlan, BackupTask, Keep, RestoreSubject, TaskKind
from pvdify.model.former_name import FormerNames
from pvdify.model.instance import Secret
from pvdify.model.names import check_app_name
from pvdify.model.token import Actor
from pvdify.ports.backups import BackupTarget
from pvdify.ports.clock import Clock
from pvdify.ports.credentials import Credentials
from pvdify.ports.instances import Instances
from pvdify.ports.store import Store
from pvdify.quantities import format_bytes, number_of
from pvdify.settings import Settings

KEYS = frozenset({
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "SSH_PRIVATE_KEY",
})  # fmt: skip
EXISTING = "RESTIC_PASSWORD"  # the key for the password of a target that has backups already
_LOCATIONS = re.compile(r"(/[^\s]*|sftp:[^\s:/@]+@[^\s:/]+:[^\s]+|sftp://[^\s:@]+@[^\s]+|s3:https?://[^\s@]+/[^\s]+)")
_NO = "none"
MOST_KEPT = 1000


@dataclass(frozen=True, kw_only=True)
class BackupsView:
    """All backups. ``plan``: None if no target is set. ``tasks``: the last 20, running and queued ones included."""

    plan: BackupPlan | None
    backups: tuple[Backup, ...]
    tasks: tuple[BackupTask, ...]
    due: Mapping[TaskKind, datetime | None]


@dataclass(frozen=True, kw_only=True)
class BackupHealth:
    """The state of backups. ``problem``: why there is no recent proven backup; "" if there is one."""

    text: str
    problem: str
    next: str


class Backups:
    """Requests about backups.

    Args:
        tools: the ports that only backups need.
        wake: wakes the keeper when set.
    """

    def __init__(
        self, *, clock: Clock, credentials: Credentials, former_names: FormerNames, instances: Instances,
        settings: Settings, store: Store, tools: BackupTools, wake: asyncio.Event,
    ) -> None:  # fmt: skip
        self._clock, self._credentials, self._former_names = clock, credentials, former_names
        self._instances = instances
        self._settings, self._store = settings, store
        self._tools = tools
        self._wake = wake
        self._changing = asyncio.Lock()

    async def show(self) -> BackupsView:
        """Return the plan, the backups and the tasks, newest first. Raises StoreUnavailable."""
        plan, store = await self._store.backup_plan(), self._store
        return BackupsView(
            plan=plan, backups=await store.backups(), tasks=await store.backup_tasks(20),
            due=due_times_of(plan) if plan else {},
        )  # fmt: skip

    async def set_target(
        self, location: str, keys: Mapping[str, str], actor: Actor
    ) -> tuple[BackupPlan, Secret | None]:
        """Set the target of backups; return the plan, and the password if the location is new and ``keys`` had none.

        Earlier backups stay at the old target. Raises InvalidBackupTarget, BackupsBusy, BackupTargetUnavailable,
        BackupTargetRefused, RuntimeUnavailable, StoreUnavailable.
        """
        location = _checked(location, keys, self._settings.data_dir)
        async with self._changing:
            await self._check_idle()
            name, known = credentials_of(location), await self._store.backup_plan()
            kept = await self._credentials.read(name) or {}
            given = {key: Secret(value) for key, value in keys.items() if key != EXISTING}
            password = Secret(keys[EXISTING]) if EXISTING in keys else kept.get(PASSWORD)
            made = password or Secret(secrets.token_urlsafe(32))
            merged = {**{key: value for key, value in kept.items() if key != PASSWORD}, **given}
            if not kept:  # a new password is stored before the repository that nothing else opens; one that works stays
                await self._credentials.write(name, {**merged, PASSWORD: made})
            target = BackupTarget(location=location, password=made, keys=merged)
            repository = await self._tools.targets.open(target, may_create=EXISTING not in keys)
            learned = await self._tools.targets.learn(target)
            await self._credentials.write(name, {**learned, PASSWORD: made})
            plan = self._plan(known, location, repository, actor)
            await self._store.save(plan, event(self._clock.now(), actor.name, Action.BACKUP_TARGET, location))
        self._wake.set()
        is_shown = EXISTING not in keys and (known is None or known.location != location)
        return plan, made if is_shown else None

    async def schedule(
        self, actor: Actor, *, schedule: str | None, drills: str | None, time_zone: str | None, keep: Keep | None
    ) -> BackupPlan:  # fmt: skip
        """Change when backups are made and proven, and which are kept; None leaves a part as it is.

        Raises NoBackupTarget, InvalidBackupTarget, StoreUnavailable.
        """
        _check_keep(keep)
        async with self._changing:
            plan, now = await plan_of(self._store), self._clock.now()
            plan = replace(
                plan, schedule=_schedule(schedule, plan.schedule), drills=_schedule(drills, plan.drills),
                time_zone=_zone(time_zone, plan.time_zone), keep=keep or plan.keep, accounted=now, drills_accounted=now,
            )  # fmt: skip
            text = f"backups {plan.schedule or _NO}, drills {plan.drills or _NO}, {plan.time_zone}, kept: {plan.keep}"
            await self._store.save(plan, event(self._clock.now(), actor.name, Action.BACKUP_SCHEDULE, text))
        self._wake.set()
        return plan

    async def run(self, actor: Actor) -> BackupTask:
        """Request a backup now. Raises NoBackupTarget, BackupsBusy, StoreUnavailable."""
        return await self._ask(new_task(TaskKind.BACKUP, self._clock.now(), actor.name))

    async def verify(self, id: str, actor: Actor, *, accepts_smaller: bool) -> BackupTask:
        """Request the proof of a backup, by default the newest. Raises BackupNotFound and as ``run``."""
        if id:
            await self._backup(id)
        task = new_task(TaskKind.VERIFY, self._clock.now(), actor.name)
        return await self._ask(replace(task, backup=id, accepts_smaller=accepts_smaller))

    async def plan_restore(self, id: str, wanted: RestoreSubject) -> RestorePlan:
        """Return the steps of a restore.

        Raises BackupNotFound, VolumeExists, VolumeInUse, ServiceExists, ServiceBusy, InvalidError, AppRenamed,
        HostnameReserved.
        """
        if wanted.service:
            await plan_of(self._store)
            return await plan_service_restore(self._store, await self._backup(id), wanted)
        check_app_name(wanted.to)
        if former := self._former_names.get(wanted.to):
            raise renamed(former)
        check_own_hostname(self._settings, wanted.to)
        await plan_of(self._store)
        return await plan_restore(self._store, self._instances, await self._backup(id), wanted)

    async def restore(self, id: str, wanted: RestoreSubject, actor: Actor) -> BackupTask:
        """Request the restore of an app's volumes, or of a service. Raises as ``plan_restore`` and ``run``."""
        plan = await self.plan_restore(id, wanted)
        task = new_task(TaskKind.RESTORE, self._clock.now(), actor.name)
        return await self._ask(replace(task, backup=plan.backup.id, wanted=wanted))

    async def task(self, id: str) -> BackupTask:
        """Return one task. Raises BackupNotFound, StoreUnavailable."""
        found = await self._store.backup_task(id)
        if found is None:
            raise BackupNotFound(f"nothing called {id} was done with backups", next="`pvdify backups`")
        return found

    async def health(self) -> BackupHealth | None:
        """Return whether there is a recent proven backup; None if there is neither a target nor a volume."""
        store = self._store
        plan = await store.backup_plan()
        if plan is None:
            volumes = [it for it in await store.volumes() if not it.is_trashed]
            text = f"none are made: {number_of(len(volumes), 'volume')} of this server would be lost with it"
            return BackupHealth(text=text, problem=text, next="`pvdify backups:target LOCATION`") if volumes else None
        backups = await store.backups()
        newest = next((it for it in backups if it.is_restorable), None)
        proven = next((it for it in backups if it.proven_at), None)
        return BackupHealth(
            text=_text(plan, newest, proven), problem=self._problem(plan, newest) or self._unproven(plan, backups),
            next="`pvdify backups:run`, then `pvdify backups:verify`; `pvdify backups` shows both",
        )  # fmt: skip

    def _problem(self, plan: BackupPlan, newest: Backup | None) -> str:
        if plan.trouble:
            return plan.trouble
        if not plan.schedule:
            return "nothing makes them by itself: no schedule is set"
        due = due_times_of(replace(plan, accounted=newest.made_at if newest else plan.set_at))[TaskKind.BACKUP]
        if due is not None and due + LATE < self._clock.now():
            return f"none was made since {newest.made_at:%Y-%m-%d %H:%M}Z" if newest else "none was made yet"
        return ""

    def _unproven(self, plan: BackupPlan, backups: Sequence[Backup]) -> str:
        """Return the problem that the last drill found, or that a drill is late; "" for no problem."""
        drilled = max((it for it in backups if it.drilled_at), key=lambda it: it.drilled_at or it.made_at, default=None)
        if drilled is not None and drilled.proof:
            return f"the backup {drilled.id} could not be proven: {drilled.proof[0]}"
        if not plan.drills or not any(it.is_restorable for it in backups):
            return ""
        proven = max((it.proven_at for it in backups if it.proven_at), default=None)
        due = due_times_of(replace(plan, drills_accounted=proven or plan.set_at))[TaskKind.VERIFY]
        if due is not None and due + LATE < self._clock.now():
            return f"none was proven since {proven:%Y-%m-%d %H:%M}Z" if proven else "none was proven yet"
        return ""

    async def for_app(self, app: str) -> tuple[Backup, ...]:
        """Return the backups that have volumes or services of an app, newest first. Raises StoreUnavailable."""
        linked = {link.service for link in await self._store.service_links(app=app)}
        apps = {app} | {it.key for it in await self._store.services() if it.id in linked}
        backups = await self._store.backups()
        return tuple(it for it in backups if any(item.app in apps or item.id in linked for item in it.items))

    async def _ask(self, task: BackupTask) -> BackupTask:
        async with self._changing:
            await plan_of(self._store)
            await self._check_idle()
            await self._store.save(task)
        self._wake.set()
        return task

    async def _check_idle(self) -> None:
        busy = next((it for it in await self._store.backup_tasks() if not it.state.is_over), None)
        if busy is not None:
            raise BackupsBusy(
                "another backup task is running",
                why=f"a {busy.kind.value} requested by {busy.created_by} is under way",
                next="wait for its end: `pvdify backups` shows it",
            )  # fmt: skip

    async def _backup(self, id: str) -> Backup:
        found = next((it for it in await self._store.backups() if it.is_restorable and id in ("", it.id)), None)
        if found is None:
            raise BackupNotFound(
                f"there is no backup {id}" if id else "there is no backup yet",
                next="`pvdify backups` lists them; `pvdify backups:run` makes one",
            )
        return found

    def _plan(self, known: BackupPlan | None, location: str, repository: str, actor: Actor) -> BackupPlan:
        now = self._clock.now()
        if known is not None:
            same = known.location == location
            return replace(known, location=location, repository=repository, set_at=now, set_by=actor.name, trouble="",
                           size=known.size if same else None)  # fmt: skip
        return BackupPlan(
            location=location, repository=repository, set_at=now, set_by=actor.name, accounted=now, drills_accounted=now
        )


def _checked(location: str, keys: Mapping[str, str], data_dir: Path) -> str:
    """Return the location without a slash at its end. Raises InvalidBackupTarget."""
    location = location.strip().rstrip("/")
    problems = [f"{key}: no such key; expected {', '.join(sorted(KEYS))} or {EXISTING}"
                for key in sorted(set(keys) - KEYS - {EXISTING})]  # fmt: skip
    if not _LOCATIONS.fullmatch(location) or not location.isprintable():
        problems.append("location: expected a directory, sftp:USER@HOST:/PATH or s3:https://HOST/BUCKET")
    elif location.startswith("/") and Path(location).is_relative_to(data_dir):
        problems.append("location: is in the server's own data directory, which it would be lost with")
    if problems:
        raise InvalidBackupTarget(
            "backups cannot go there", why=problems[0], next="`pvdify backups:target --help` has examples",
            details={"problems": problems},
        )  # fmt: skip
    return location


def _check_keep(keep: Keep | None) -> None:
    least = Keep(daily=1, weekly=0, monthly=0)
    if keep is None or all(
        low <= number <= MOST_KEPT for low, number in zip(astuple(least), astuple(keep), strict=True)
    ):
        return
    raise InvalidBackupTarget(
        f"the backups to keep were not set: {keep}",
        why=f"expected 1 to {MOST_KEPT} daily ones, 0 to {MOST_KEPT} others",
        next="correct the number",
    )  # fmt: skip


def _schedule(text: str | None, known: str) -> str:
    if text is None or text == "":
        return known
    if text == _NO:
        return ""
    try:
        return check_schedule(text)
    except ValueError as error:
        raise _invalid(text, error) from error


def _zone(name: str | None, known: str) -> str:
    if not name:
        return known
    try:
        return check_time_zone(name)
    except ValueError as error:
        raise _invalid(name, error) from error


def _invalid(text: str, error: ValueError) -> InvalidBackupTarget:
    return InvalidBackupTarget(f'"{text}" cannot be used', why=str(error), next="correct it; `none` for no schedule")


def _text(plan: BackupPlan, newest: Backup | None, proven: Backup | None) -> str:
    made = f"newest {newest.made_at:%Y-%m-%d %H:%M}Z" if newest else "none yet"
    proof = f"proven {proven.proven_at:%Y-%m-%d %H:%M}Z" if proven and proven.proven_at else "none proven yet"
    size = f", {format_bytes(plan.size)}" if plan.size is not None else ""
    return f"{made}, {proof}, at {plan.location}{size}, kept: {plan.keep}"
