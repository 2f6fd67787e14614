"""The journal and everything else that pvdify must never forget."""

from datetime import datetime
from typing import Protocol

from pvdify.model.app import App
from pvdify.model.config import ConfigVersion
from pvdify.model.event import Event, IdempotentRequest
from pvdify.model.operation import Operation
from pvdify.model.preview import Preview
from pvdify.model.release import Release, SwitchCount
from pvdify.model.scale import Scale
from pvdify.model.slot import Slot
from pvdify.model.token import Token
from pvdify.model.webhook import SeenWebhook

Record = (
    App
    | Release
    | SwitchCount
    | Scale
    | Slot
    | Operation
    | ConfigVersion
    | Preview
    | Token
    | Event
    | IdempotentRequest
    | SeenWebhook
)


class Store(Protocol):
    """Durable records. Every method raises StoreUnavailable and nothing else."""

    async def save(self, *records: Record) -> None:
        """Write all of these, new or changed, in one transaction: after it, all are on disk; before, none."""
        ...

    async def delete_app(self, name: str, event: Event) -> None:
        """Forget an app with everything of it (releases, slots, config, preview); events stay, this one is added."""
        ...

    async def app(self, name: str) -> App | None:
        """One app."""
        ...

    async def apps(self) -> tuple[App, ...]:
        """All apps by name."""
        ...

    async def release(self, app: str, version: int) -> Release | None:
        """One release."""
        ...

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

    async def switch_counts(self, app: str) -> tuple[SwitchCount, ...]:
        """What the router counted at each of an app's switches."""
        ...

    async def scale(self, app: str) -> Scale:
        """What was chosen for an app; nothing, where nobody chose."""
        ...

    async def scales(self) -> tuple[Scale, ...]:
        """What was chosen, of every app where somebody chose."""
        ...

    async def slots(self, app: str | None = None) -> tuple[Slot, ...]:
        """Slots that are not retired, oldest first."""
        ...

    async def slot(self, app: str, number: int) -> Slot | None:
        """One slot, retired or not."""
        ...

    async def operation(self, id: str) -> Operation | None:
        """One operation."""
        ...

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
        """Previews whose lease has run out by ``now``, or whose code host has not told anything since."""
        ...

    async def unleased_previews(self) -> tuple[str, ...]:
        """Names of apps that are named like a preview and have no record as one."""
        ...

    async def origin_of(self, app: str) -> tuple[str, int | None] | None:
        """The repository of a preview with its pull request's number, or the repository that an app is linked to."""
        ...

    async def token(self, id: str) -> Token | None:
        """One token."""
        ...

    async def tokens(self) -> tuple[Token, ...]:
        """All tokens that are not revoked, oldest first."""
        ...

    async def events(self, app: str | None = None, limit: int = 100) -> tuple[Event, ...]:
        """Events, newest first."""
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
