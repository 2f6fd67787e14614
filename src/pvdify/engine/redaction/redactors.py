"""What is to be hidden: per app, every value that its config ever had as a secret."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable

from pvdify.errors import StoreUnavailable
from pvdify.model.config import ConfigVar
from pvdify.model.redaction import Redactor
from pvdify.ports.secrets import Secrets
from pvdify.ports.store import Store

SLOW_CHARACTERS = 20_000  # so many take some 0.1 s to learn, in which the server must go on answering


class Redactors:
    """One redactor per app. An app's earlier values are read once; later ones are learned as they are set.

    Args:
        secrets: the values of config versions.
        store: says which versions there are.
    """

    def __init__(self, secrets: Secrets, store: Store) -> None:
        self._secrets = secrets
        self._store = store
        self._values: defaultdict[str, set[str]] = defaultdict(set)
        self._built: dict[str, Redactor] = {}
        self._read: set[str] = set()

    async def of(self, app: str) -> Redactor:
        """The app's redactor. Raises StoreUnavailable: what cannot be searched for its secrets is not to be told."""
        if app in self._built and app in self._read:
            return self._built[app]
        if app not in self._read:
            for version in await self._store.config_versions(app):
                self.learn(app, (await self._secrets.read(app, version.version)).values())
            self._read.add(app)
        return await self._build(app)

    async def clean(self, app: str | None, text: str) -> str:
        """The text without the app's secrets; of no app, without those of all apps that are known by now.

        A text that cannot be searched is withheld.
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
        """The text without any value that this server has had in its hands since it started."""
        for app, values in list(self._values.items()):
            if app not in self._built:
                self._built[app] = Redactor(values)
            text = self._built[app].clean(text)
        return text

    def learn(self, app: str, variables: Iterable[ConfigVar]) -> None:
        """These are to be hidden from now on, as far as they are secrets."""
        known = self._values[app]
        fresh = {str(var.value) for var in variables if var.is_secret} - known
        if fresh:
            known |= fresh
            self._built.pop(app, None)

    def forget(self, app: str) -> None:
        """The app is gone."""
        self._values.pop(app, None)
        self._built.pop(app, None)
        self._read.discard(app)

    async def _build(self, app: str) -> Redactor:
        while app not in self._built:
            values = frozenset(self._values[app])
            is_slow = sum(map(len, values)) > SLOW_CHARACTERS
            redactor = await asyncio.to_thread(Redactor, values) if is_slow else Redactor(values)
            if values == self._values[app]:
                self._built[app] = redactor
        return self._built[app]
