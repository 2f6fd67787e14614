"""Queries about apps, releases and the server. They change nothing."""

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

LOG_PAUSE = 0.5  # seconds
LOG_ENTRIES = 1000  # entries of a deploy log that are read at once


class Queries:
    """Answers questions. Every method raises StoreUnavailable, and AppNotFound where an app is named.

    ``runtime_logs``: output of instances; ``activity``: events; ``processes``: instances; ``server``: its checks.
    """

    def __init__(  # noqa: PLR0913 - one for each port and part
        self, *, deploy_log: DeployLog, secrets: Secrets, store: Store, statuses: AppStatuses, urls: PublicUrls,
        views: Views, activity: Activity, processes: ProcessQueries, runtime_logs: RuntimeLogs, server: ServerQueries,
    ) -> None:  # fmt: skip
        self._deploy_log, self._secrets, self._store = deploy_log, secrets, store
        self._statuses, self._urls, self._views = statuses, urls, views
        self.activity, self.processes, self.runtime_logs, self.server = activity, processes, runtime_logs, server

    async def urls(self) -> Urls:
        """Return the current rules for the URLs of apps. Raises StoreUnavailable."""
        return await self._urls.now()

    async def apps(self) -> tuple[AppView, ...]:
        """Return all apps by name. The number of database queries does not depend on the number of apps."""
        return await self._views.apps()

    @property
    def version(self) -> tuple[object, ...]:
        """A value that differs whenever records or statuses may have changed, except by time alone."""
        return self._statuses.version

    @property
    def writes(self) -> int:
        """The number of writes to the store so far."""
        return self._store.writes

    async def statuses(self) -> dict[str, Status]:
        """Return the status of every app, by name. Waits only for the store."""
        return {view.app.name: view.status for view in await self._views.apps()}

    async def app(self, name: str) -> AppView:
        """Return an app."""
        return await self._views.app(name)

    async def releases(self, app: str, limit: int) -> tuple[ReleaseView, ...]:
        """Return an app's releases, newest first."""
        await self.app(app)
        return await self._views.releases(app, await self._store.releases(app, limit))

    async def release(self, app: str, version: int) -> ReleaseView:
        """Return a release. Raises ReleaseNotFound."""
        release = await self._store.release(app, version)
        if release is None:
            await self.app(app)
            raise no_release(app, version)
        return await self._views.release(release)

    async def diff(self, app: str, older: int, newer: int) -> tuple[Difference, ...]:
        """Return the differences between two releases. Raises ReleaseNotFound."""
        before, after = (await self.release(app, older)).release, (await self.release(app, newer)).release
        read = self._secrets.read
        return differences(before, after, await read(app, before.config_version), await read(app, after.config_version))

    async def is_warm(self, app: str, target: Release) -> bool:
        """Return whether the release's instances are on standby, so that a rollback to it only switches the route."""
        slot = await self._store.slot(app, target.slot) if target.slot else None
        return slot is not None and slot.state.is_idle

    async def operation(self, app: str, version: int) -> Operation | None:
        """Return the operation that makes a release live, with its steps so far; None if it was deleted."""
        return await self._store.operation(operation_id(app, version))

    async def is_settled(self, app: str, version: int) -> bool:
        """Return whether a release's deploy has settled. True if its operation was deleted."""
        operation = await self._store.operation(operation_id(app, version))
        return operation is None or operation.state.is_settled

    async def deploy_log(self, app: str, version: int, skip: int = 0) -> tuple[LogEntry, ...]:
        """Return the deploy log until now, without its first ``skip`` entries. Raises ReleaseNotFound."""
        await self.release(app, version)
        return await self._deploy_log.read(app, version, skip=skip)

    async def follow_deploy_log(self, app: str, version: int, skip: int = 0) -> AsyncIterator[LogEntry | None]:
        """Yield entries of the deploy log until the deploy has settled, and None after each 0.5 s without an entry."""
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
        """Return the newest config."""
        if await self._store.app(app) is None:
            raise no_app(app)
        versions = await self._store.config_versions(app)
        version = versions[0].version if versions else 0
        return await self._views.config(app, version, await self._secrets.read(app, version))

    async def config_versions(self, app: str) -> tuple[ConfigVersion, ...]:
        """Return all versions of the config, newest first."""
        await self.app(app)
        return await self._store.config_versions(app)

    async def failed_releases(self) -> tuple[Release, ...]:
        """Return the newest release of each app if that release failed."""
        return await self._store.failed_releases()

    async def tokens(self) -> tuple[Token, ...]:
        """Return all tokens that are not revoked."""
        return await self._store.tokens()
