"""The journal and everything else that pvdify must never forget."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from pvdify.model.app import App
from pvdify.model.backup import Backup, BackupPlan, BackupTask
from pvdify.model.config import ConfigVersion
from pvdify.model.event import Event, EventFilter, IdempotentRequest
from pvdify.model.former_name import FormerName
from pvdify.model.grant import Grant
from pvdify.model.job import JobRecord, JobRun
from pvdify.model.operation import Operation
from pvdify.model.preview import Preview
from pvdify.model.release import Release, SwitchCount
from pvdify.model.scale import Scale
from pvdify.model.service import Service, ServiceLink
from pvdify.model.slot import Slot
from pvdify.model.status import NotedStatus
from pvdify.model.token import Token
from pvdify.model.volume import AppVolume
from pvdify.model.webhook import SeenWebhook
from pvdify.ports.backup_store import BackupStore
from pvdify.ports.job_store import JobStore
from pvdify.ports.service_store import ServiceStore

Record = (
    App
    | Release
    | SwitchCount
    | Scale
    | NotedStatus
    | Slot
    | Operation
    | ConfigVersion
    | Preview
    | Token
    | Event
    | IdempotentRequest
    | SeenWebhook
    | Grant
    | AppVolume
    | JobRecord
    | JobRun
    | Backup
    | BackupPlan
    | BackupTask
    | Service
    | ServiceLink
)


class Store(JobStore, BackupStore, ServiceStore, Protocol):
    """Durable records. Every method raises StoreUnavailable and nothing else."""

    async def save(self, *records: Record) -> None:
        """Write all of these, new or changed, in one transaction: after it, all are on disk; before, none."""
        ...

    async def delete_app(self, name: str, event: Event) -> None:
        """Forget an app with everything of it (releases, slots, config, preview); events stay, this one is added."""
        ...

    async def rename_apps(self, names: Sequence[tuple[str, str]], since: datetime, *records: Record) -> None:
        """Give apps other names (old, new) in every record, and write these records, in one transaction.

        The old ones are former names from then on. Nothing is known of the new ones yet, but what an app need not exist
        for (grants, links, tokens), which the renamed app gets.
        """
        ...

    async def former_names(self) -> tuple[FormerName, ...]:
        """Names that apps had before, by name."""
        ...

    async def app(self, name: str) -> App | None:
        """One app."""
        ...

    async def apps(self) -> tuple[App, ...]: ...

    async def release(self, app: str, version: int) -> Release | None: ...

    async def releases(self, app: str, limit: int = 1000) -> tuple[Release, ...]:
        """An app's releases, newest first."""
        ...

    async def live_versions(self, app: str, limit: int) -> tuple[int, ...]:
        """The numbers of the releases that are or were live, newest first."""
        ...

    async def active_release(self, app: str) -> Release | None:
        """The release that serves."""
        ...

    async def active_releases(self) -> tuple[Release, ...]:
        """The release that serves, of every app that has one."""
        ...

    async def failed_releases(self) -> tuple[Release, ...]:
        """The newest release of each app whose newest release failed."""
        ...

    async def switch_counts(self, app: str) -> tuple[SwitchCount, ...]:
        """What the router counted at each of an app's switches."""
        ...

    async def scale(self, app: str) -> Scale:
        """The scale that was set for an app; empty if none was."""
        ...

    async def scales(self) -> tuple[Scale, ...]:
        """The scale of every app that has one."""
        ...

    async def noted_statuses(self, app: str | None = None) -> tuple[NotedStatus, ...]:
        """The status that each app had when it last changed."""
        ...

    async def slots(self, app: str | None = None) -> tuple[Slot, ...]:
        """Slots that are not retired, oldest first."""
        ...

    async def slot(self, app: str, number: int) -> Slot | None:
        """One slot, retired or not."""
        ...

    async def volumes(self, app: str | None = None) -> tuple[AppVolume, ...]:
        """Volumes by app, name and age, of one app if named; also those in the trash."""
        ...

    async def forget_volume(self, id: str) -> None:
        """Delete the record of a volume that is no longer stored."""
        ...

    async def operation(self, id: str) -> Operation | None: ...

    async def unsettled_operations(self, app: str | None = None) -> tuple[Operation, ...]:
        """Operations that are queued, running or undoing, oldest first."""
        ...

    async def config_versions(self, app: str) -> tuple[ConfigVersion, ...]:
        """An app's config versions, newest first."""
        ...

    async def preview(self, name: str) -> Preview | None:
        """One preview, by the name of its app."""
        ...

    async def previews(self, parent: str | None = None) -> tuple[Preview, ...]:
        """All previews, or those of one app, by app and number."""
        ...

    async def previews_due(self, now: datetime, asked_before: datetime) -> tuple[Preview, ...]:
        """Previews whose lease has run out by ``now``, or whose code host has sent nothing since."""
        ...

    async def unleased_previews(self) -> tuple[str, ...]:
        """Names of apps that are named like a preview and have no record as one."""
        ...

    async def origin_of(self, app: str) -> tuple[str, int | None] | None:
        """The repository of a preview with its pull request's number, or the repository that an app is linked to."""
        ...

    async def grants(self, app: str) -> tuple[Grant, ...]:
        """What was granted to an app, by kind and name."""
        ...

    async def delete_grant(self, grant: Grant, event: Event) -> None:
        """Forget a grant, and write the event."""
        ...

    async def token(self, id: str) -> Token | None: ...

    async def tokens(self) -> tuple[Token, ...]:
        """All tokens that are not revoked, oldest first."""
        ...

    async def events(self, app: str | None = None, limit: int = 100) -> tuple[Event, ...]:
        """Events, newest first."""
        ...

    async def matching_events(self, wanted: EventFilter, limit: int) -> tuple[Event, ...]:
        """The newest events that match, newest first."""
        ...

    async def idempotent_request(self, key: str, actor: str, since: datetime) -> IdempotentRequest | None:
        """What was answered under this key by this actor, not longer ago than ``since``."""
        ...

    async def is_webhook_seen(self, id: str, digest: str) -> bool:
        """Whether a webhook with this id, or with this content, was dealt with before."""
        ...

    async def forget_webhooks(self, before: datetime) -> None:
        """Webhooks of before then are no longer remembered."""
        ...
