"""The store: durable records of apps, releases, operations and everything else that survives a restart."""

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
from pvdify.model.runtime_choice import RuntimeChoice
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
    | RuntimeChoice
)


class Store(JobStore, BackupStore, ServiceStore, Protocol):
    """Durable records. Every method raises StoreUnavailable and nothing else."""

    @property
    def writes(self) -> int:
        """The number of transactions since the store was opened, failed ones included.

        While it stays equal, no record has changed.
        """
        ...

    async def next_write(self, seen: int) -> int:
        """Wait until there were more than ``seen`` transactions, and return their number. Never raises."""
        ...

    def writes_to_apps(self) -> int:
        """Return how often apps, or records that decide their status, were written to since the store was opened.

        A write is counted before its method returns, also if it failed in a way that leaves it unclear.
        """
        ...

    async def save(self, *records: Record) -> None:
        """Write all records, new or changed, in one transaction: on return all are on disk; after an error, none."""
        ...

    async def delete_app(self, name: str, event: Event) -> None:
        """Delete an app with its releases, slots, config and preview. Events stay, and this event is added."""
        ...

    async def rename_apps(self, names: Sequence[tuple[str, str]], since: datetime, *records: Record) -> None:
        """Rename apps (old, new) in every record, and write ``records``, in one transaction.

        The old names become former names as of ``since``. The new names have no records yet, except those that need no
        app (grants, links, tokens); the renamed app gets these.
        """
        ...

    async def former_names(self) -> tuple[FormerName, ...]:
        """Return the former names of apps, sorted by name."""
        ...

    async def app(self, name: str) -> App | None: ...

    async def apps(self) -> tuple[App, ...]: ...

    async def release(self, app: str, version: int) -> Release | None: ...

    async def releases(self, app: str, limit: int) -> tuple[Release, ...]:
        """Return an app's releases, newest first."""
        ...

    async def live_versions(self, app: str, limit: int, *, before: int | None = None) -> tuple[int, ...]:
        """Return the versions of the releases that are or were live, newest first; only those below ``before``."""
        ...

    async def last_live_in(self, app: str, slot: int) -> int | None:
        """Return the version of the newest release that is or was live in a slot, or None."""
        ...

    async def active_release(self, app: str) -> Release | None:
        """Return the live release, or None."""
        ...

    async def active_releases(self) -> tuple[Release, ...]:
        """Return the live release of every app that has one."""
        ...

    async def failed_releases(self) -> tuple[Release, ...]:
        """Return the newest release of each app whose newest release failed."""
        ...

    async def switch_counts(self, app: str, first: int, last: int) -> tuple[SwitchCount, ...]:
        """Return the router's counts at the switches to the releases from ``first`` to ``last``."""
        ...

    async def scale(self, app: str) -> Scale:
        """Return the scale that was set for an app; empty if none was set."""
        ...

    async def scales(self) -> tuple[Scale, ...]:
        """Return the scale of every app that has one."""
        ...

    async def noted_statuses(self, app: str | None = None) -> tuple[NotedStatus, ...]:
        """Return the recorded status of each app, or of one app: the status at its last change."""
        ...

    async def slots(self, app: str | None = None) -> tuple[Slot, ...]:
        """Return the slots that are not retired, oldest first; of one app if ``app`` is given."""
        ...

    async def slot(self, app: str, number: int) -> Slot | None:
        """Return the slot with this number, retired or not."""
        ...

    async def runtime_choice(self) -> RuntimeChoice | None:
        """Return the runtime that an operator chose; None if the setting ``runtime`` applies."""
        ...

    async def volumes(self, app: str | None = None) -> tuple[AppVolume, ...]:
        """Return volumes, including those in the trash, sorted by app, name and age; of one app if ``app`` is given."""
        ...

    async def forget_volume(self, id: str) -> None:
        """Delete the record of a volume whose data is removed."""
        ...

    async def operation(self, id: str) -> Operation | None: ...

    async def unsettled_operations(self, app: str | None = None) -> tuple[Operation, ...]:
        """Return operations that are queued, running or undoing, oldest first; of one app if ``app`` is given."""
        ...

    async def config_versions(self, app: str) -> tuple[ConfigVersion, ...]:
        """Return an app's config versions, newest first."""
        ...

    async def preview(self, name: str) -> Preview | None:
        """Return the preview whose app has this name."""
        ...

    async def previews(self, parent: str | None = None) -> tuple[Preview, ...]:
        """Return all previews, or those of one app, sorted by app and number."""
        ...

    async def previews_due(self, now: datetime, asked_before: datetime) -> tuple[Preview, ...]:
        """Return previews whose lease ended by ``now``, or about which the code host never answered or not lately.

        ``asked_before``: an answer at or before this moment is not recent.
        """
        ...

    async def unleased_previews(self) -> tuple[str, ...]:
        """Return the names of apps that are named like a preview but have no preview record."""
        ...

    async def origin_of(self, app: str) -> tuple[str, int | None] | None:
        """Return a preview's repository and pull request number, or a linked app's repository and None."""
        ...

    async def grants(self, app: str) -> tuple[Grant, ...]:
        """Return an app's grants, sorted by kind and name."""
        ...

    async def delete_grant(self, grant: Grant, event: Event) -> None:
        """Delete a grant, and write the event."""
        ...

    async def token(self, id: str) -> Token | None: ...

    async def note_token_use(self, id: str, at: datetime) -> None:
        """Record when a token was used. Changes nothing else of it, and nothing without such a token."""
        ...

    async def tokens(self) -> tuple[Token, ...]:
        """Return all tokens that are not revoked, oldest first."""
        ...

    async def events(self, app: str | None = None, limit: int = 100) -> tuple[Event, ...]:
        """Return events, of one app if ``app`` is given, newest first."""
        ...

    async def matching_events(self, wanted: EventFilter, limit: int) -> tuple[Event, ...]:
        """Return the newest matching events, newest first."""
        ...

    async def idempotent_request(self, key: str, actor: str, since: datetime) -> IdempotentRequest | None:
        """Return the request that this actor made with this key at or after ``since``, with its answer."""
        ...

    async def is_webhook_seen(self, id: str, digest: str) -> bool:
        """Return whether a webhook with this id, or with this content, was handled before."""
        ...

    async def forget_webhooks(self, before: datetime) -> None:
        """Delete the records of webhooks received before this moment."""
        ...
