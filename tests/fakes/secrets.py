"""Config versions in memory."""

from collections.abc import Collection, Mapping

from pvdify.errors import InvalidConfigFile, InvalidRecipient, SecretsLocked, StoreUnavailable
from pvdify.model.config import ConfigVar
from pvdify.ports.secrets import OpenedFile, Recipient, Reencrypted


class FakeSecrets:
    """Keeps every version of every app.

    ``files``: what the operator's files hold, by their text; any other text is refused. ``is_locked``: the key is lost.
    """

    def __init__(self) -> None:
        self.versions: dict[tuple[str, int], dict[str, ConfigVar]] = {}
        self.files: dict[str, OpenedFile] = {}
        self.others: tuple[Recipient, ...] = ()
        self.is_locked = False
        self.generation = 1

    async def write(self, app: str, version: int, values: Mapping[str, ConfigVar]) -> None:
        self._check_unlocked()
        self.versions[app, version] = dict(values)

    async def read(self, app: str, version: int) -> dict[str, ConfigVar]:
        if version == 0:
            return {}
        self._check_unlocked()
        if (app, version) not in self.versions:
            raise StoreUnavailable(f"the config v{version} of {app} cannot be read")
        return dict(self.versions[app, version])

    async def text(self, app: str, version: int) -> str:
        return f"{app} v{version}, encrypted: {', '.join(await self.read(app, version))}"

    async def missing(self, wanted: Collection[tuple[str, int]]) -> list[tuple[str, int]]:
        return [each for each in wanted if each not in self.versions]

    async def remove(self, app: str) -> None:
        for key in [key for key in self.versions if key[0] == app]:
            del self.versions[key]

    async def rename(self, old: str, new: str) -> None:
        self._check_unlocked()
        for app, version in [key for key in self.versions if key[0] == old]:
            self.versions[new, version] = self.versions.pop((app, version))

    async def open_file(self, text: str, kind: str) -> OpenedFile:
        self._check_unlocked()
        if text not in self.files:
            raise InvalidConfigFile("the file was not imported", why=f"it is no {kind} that the fake knows")
        return self.files[text]

    async def recipients(self) -> tuple[Recipient, ...]:
        self._check_unlocked()
        return (Recipient(name="pvdify", key=f"age1server{self.generation}"), *self.others)

    async def rotate(self) -> Reencrypted:
        self._check_unlocked()
        self.generation += 1
        return await self._reencrypted()

    async def set_recipients(self, others: tuple[Recipient, ...]) -> Reencrypted:
        if any(not recipient.key.startswith(("age1", "ssh-")) for recipient in others):
            raise InvalidRecipient("the recipients were not changed")
        self.others = others
        return await self._reencrypted()

    async def _reencrypted(self) -> Reencrypted:
        return Reencrypted(documents=len(self.versions), recipients=await self.recipients())

    def _check_unlocked(self) -> None:
        if self.is_locked:
            raise SecretsLocked("config vars cannot be opened: age.key is not there")
