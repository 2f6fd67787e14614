"""Config versions in memory."""

from collections.abc import Mapping

from pvdify.model.config import ConfigVar


class FakeSecrets:
    """Keeps every version of every app."""

    def __init__(self) -> None:
        self.versions: dict[tuple[str, int], dict[str, ConfigVar]] = {}

    async def write(self, app: str, version: int, values: Mapping[str, ConfigVar]) -> None:
        self.versions[app, version] = dict(values)

    async def read(self, app: str, version: int) -> dict[str, ConfigVar]:
        return dict(self.versions[app, version]) if version else {}

    async def remove(self, app: str) -> None:
        for key in [key for key in self.versions if key[0] == app]:
            del self.versions[key]
