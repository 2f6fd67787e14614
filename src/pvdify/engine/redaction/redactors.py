"""The secrets to hide: for each app, every value that a secret config var of the app ever had."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable

from pvdify.errors import InvalidConfigVar, StoreUnavailable
from pvdify.model.config import ConfigVar
from pvdify.model.former_name import FormerNames
from pvdify.model.redaction import HIDDEN, Redactor, clean_of_all
from pvdify.model.service import Service, secrets_of
from pvdify.ports.secrets import Secrets
from pvdify.ports.store import Store

MOST_REMEMBERED = 1024 * 1024  # bytes; limit for all secret values of an app, earlier ones included
QUICKLY_LEARNED = 1024  # bytes of secret values; more are learned in a thread
NOTHING = Redactor(())


class Redactors:
    """One redactor per app. An app's earlier values are read once; later ones are learned when they are set.

    Learning takes about 0.3 ms per kB. More than 1 kB is learned in a thread, and never during a log call.

    Args:
        secrets: has the values of config versions.
        store: lists the config versions.
        former_names: maps former names of apps, so that lines of instances from before a rename are redacted, too.
    """

    def __init__(self, secrets: Secrets, store: Store, former_names: FormerNames | None = None) -> None:
        self._former_names = former_names or FormerNames()
        self._secrets = secrets
        self._store = store
        self._built: dict[str, Redactor] = {}
        self._fresh: defaultdict[str, set[str]] = defaultdict(set)
        self._read: set[str] = set()
        self._learning: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, app: str) -> Redactor:
        """Return the app's redactor. Raises StoreUnavailable; the caller must then not show any text of the app."""
        app = self._former_names.current(app)
        if app not in self._read:
            async with self._learning[app]:
                await self._read_all(app)
        if self._fresh.get(app):
            await self._learn_fresh(app)
        return self._built.get(app, NOTHING)

    async def clean(self, app: str | None, text: str) -> str:
        """Return the text without the app's secrets; if ``app`` is None, without the known secrets of all apps.

        If the secrets cannot be read, return a placeholder instead of the text.
        """
        if not text:
            return text
        if app is None:
            return self.clean_of_all(text)
        try:
            return (await self.of(app)).clean(text)
        except StoreUnavailable:
            return f"(withheld: the secrets of {app} cannot be read, so this was not searched for them)"

    def clean_of_all(self, text: str) -> str:
        """Return the text without any secret that was read or written since the start.

        This method is called for each log line and so does not learn. Values that are not learned yet are hidden only
        in their literal form.
        """
        for value in [value for values in self._fresh.values() for value in values]:
            text = text.replace(value, HIDDEN)
        return clean_of_all(self._built.values(), text)

    async def learn(self, app: str, variables: Iterable[ConfigVar]) -> None:
        """Hide the secrets among these config vars from now on."""
        if self._note(app, variables):
            await self._learn_fresh(app)

    async def check_room(self, app: str, variables: Iterable[ConfigVar]) -> None:
        """Raise InvalidConfigVar if the app would have more secrets than can be hidden. Raises StoreUnavailable."""
        redactor = await self.of(app)
        values = {str(var.value) for var in variables if var.is_secret}
        more = sum(len(value.encode()) for value in values if not redactor.knows(value))
        if more and redactor.size + more > MOST_REMEMBERED:
            raise InvalidConfigVar(
                f"{app} would have {redactor.size + more} bytes of secrets with its earlier ones, "
                f"and {MOST_REMEMBERED} can be hidden",
                why="each value that was ever a secret of an app is hidden in its logs, for as long as the app exists",
                next="set fewer or shorter secrets; for large files use a volume. The config is as it was",
            )

    def forget(self, app: str) -> None:
        """Forget the secrets of an app that was deleted or renamed."""
        self._fresh.pop(app, None)
        self._built.pop(app, None)
        self._learning.pop(app, None)
        self._read.discard(app)

    async def _read_all(self, app: str) -> None:
        if app in self._read:
            return
        for version in await self._store.config_versions(app):
            self._note(app, (await self._secrets.read(app, version.version)).values())
        for service in await self._services_of(app):
            for version in await self._store.config_versions(service.key):
                values = await self._secrets.read(service.key, version.version)
                self._note(app, secrets_of(service, values))
        self._read.add(app)

    async def _services_of(self, app: str) -> list[Service]:
        """Return the services whose secrets may be in the app's logs: all, as a link may have been removed since."""
        services = await self._store.services()
        return [it for it in services if it.key == app] or list(services)

    def _note(self, app: str, variables: Iterable[ConfigVar]) -> bool:
        """Remember the new secrets among these config vars; return whether there are any."""
        built = self._built.get(app, NOTHING)
        new = {str(var.value) for var in variables if var.is_secret and not built.knows(str(var.value))}
        if new:
            self._fresh[app] |= new
        return bool(new)

    async def _learn_fresh(self, app: str) -> None:
        async with self._learning[app]:
            while values := frozenset(self._fresh.get(app, ())):
                redactor = await _grown(self._built.get(app, NOTHING), values)
                if app not in self._fresh:  # the app was forgotten meanwhile
                    return
                self._built[app] = redactor
                self._fresh[app] -= values


async def _grown(redactor: Redactor, values: frozenset[str]) -> Redactor:
    size = redactor.size + sum(len(value) for value in values)
    if size <= QUICKLY_LEARNED:
        return redactor.with_values(values)
    return await asyncio.to_thread(redactor.with_values, values)
