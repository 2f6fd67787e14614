"""Questions about apps, releases and the server. Nothing here changes anything."""

import asyncio
from collections.abc import AsyncIterator

from pvdify.engine.reading.activity import Activity
from pvdify.engine.reading.differences import Difference, differences
from pvdify.engine.reading.processes import ProcessQueries
from pvdify.engine.reading.runtime_logs import RuntimeLogs
from pvdify.engine.reading.server import ServerQueries
from pvdify.engine.reading.views import AppView, ConfigView, ReleaseView, Views
from pvdify.engine.running.statuses import AppStatuses
from pvdify.engine.world.not_found import no_app, no_release
from pvdify.engine.world.urls import PublicUrls
from pvdify.model.config import ConfigVersion
from pvdify.model.deploy_log import LogEntry
from pvdify.model.operation import Operation, operation_id
from pvdify.model.release import Release
from pvdify.model.status import Status
from pvdify.model.token import Token
from pvdify.model.urls import Urls
from pvdify.ports.deploy_log import DeployLog
from pvdify.ports.secrets import Secrets
from pvdify.ports.store import Store

LOG_PAUSE = 0.5
LOG_ENTRIES = 1000  # of a deploy log that are read at once


class Queries:
    """Answers questions. Every method raises StoreUnavailable, and AppNotFound where an app is named.

    ``runtime_logs``: what instances wrote; ``activity``: who did what; ``processes``: what runs; ``server``: how it is.
    """

    def __init__(  # noqa: PLR0913 - one for each port and part
        self, *, deploy_log: DeployLog, secrets: Secrets, store: Store, statuses: AppStatuses, urls: PublicUrls,
        views: Views, activity: Activity, processes: ProcessQueries, runtime_logs: RuntimeLogs, server: ServerQueries,
    ) -> None:  # fmt: skip
        self._deploy_log, self._secrets, self._store = deploy_log, secrets, store
        self._statuses, self._urls, self._views = statuses, urls, views
        self.activity, self.processes, self.runtime_logs, self.server = activity, processes, runtime_logs, server

    async def urls(self) -> Urls:
        """How URLs of apps look now. Raises StoreUnavailable."""
        return await self._urls.now()

    async def apps(self) -> tuple[AppView, ...]:
        """All apps by name, in a fixed number of queries however many there are."""
        return await self._views.apps()

    async def statuses(self) -> dict[str, Status]:
        """How every app is doing, by name. Waits for nothing but the store."""
        return await self._statuses.by_app()

    async def app(self, name: str) -> AppView:
        """One app."""
        return await self._views.app(name)

    async def releases(self, app: str, limit: int) -> tuple[ReleaseView, ...]:
        """An app's releases, newest first."""
        await self.app(app)
        return await self._views.releases(app, await self._store.releases(app, limit))

    async def release(self, app: str, version: int) -> ReleaseView:
        """One release. Raises ReleaseNotFound."""
        release = await self._store.release(app, version)
        if release is None:
            await self.app(app)
            raise no_release(app, version)
        return await self._views.release(release)

    async def diff(self, app: str, older: int, newer: int) -> tuple[Difference, ...]:
        """What the second release has otherwise than the first. Raises ReleaseNotFound."""
        before, after = (await self.release(app, older)).release, (await self.release(app, newer)).release
        read = self._secrets.read
        return differences(before, after, await read(app, before.config_version), await read(app, after.config_version))

    async def is_warm(self, app: str, target: Release) -> bool:
        """Whether the release's instances are still started, so that a rollback to it is a switch only."""
        slot = await self._store.slot(app, target.slot) if target.slot else None
        return slot is not None and slot.state.is_idle

    async def operation(self, app: str, version: int) -> Operation | None:
        """The work that makes a release live, with its steps so far; None once it is forgotten."""
        return await self._store.operation(operation_id(app, version))

    async def is_settled(self, app: str, version: int) -> bool:
        """Whether a release's deploy has ended, with everything that belongs to it."""
        operation = await self._store.operation(operation_id(app, version))
        return operation is None or operation.state.is_settled

    async def deploy_log(self, app: str, version: int, skip: int = 0) -> tuple[LogEntry, ...]:
        """The deploy log so far. Raises ReleaseNotFound."""
        await self.release(app, version)
        return await self._deploy_log.read(app, version, skip=skip)

    async def follow_deploy_log(self, app: str, version: int, skip: int = 0) -> AsyncIterator[LogEntry | None]:
        """The deploy log as it comes, until the deploy has settled; None when there has been nothing for a while."""
        seen = skip
        while True:
            grown = self._deploy_log.watch(app, version)
            is_over = await self.is_settled(app, version)
            entries = await self._deploy_log.read(app, version, skip=seen, most=LOG_ENTRIES)
            for entry in entries:
                seen += 1
                yield entry
            if len(entries) == LOG_ENTRIES:
                continue
            if is_over:
                return
            try:
                await asyncio.wait_for(grown.wait(), LOG_PAUSE)
            except TimeoutError:
                yield None

    async def config(self, app: str) -> ConfigView:
        """The newest config."""
        if await self._store.app(app) is None:
            raise no_app(app)
        versions = await self._store.config_versions(app)
        version = versions[0].version if versions else 0
        return await self._views.config(app, version, await self._secrets.read(app, version))

    async def config_versions(self, app: str) -> tuple[ConfigVersion, ...]:
        """All changes of the config, newest first."""
        await self.app(app)
        return await self._store.config_versions(app)

    async def failed_releases(self) -> tuple[Release, ...]:
        """The newest release of each app whose newest release failed."""
        return await self._store.failed_releases()

    async def tokens(self) -> tuple[Token, ...]:
        """All tokens that are not revoked."""
        return await self._store.tokens()
