"""Keys in memory."""

from collections.abc import Mapping

from pvdify.model.instance import Secret


class FakeCredentials:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Secret]] = {}

    async def write(self, name: str, values: Mapping[str, Secret]) -> None:
        self.kept[name] = dict(values)

    async def read(self, name: str) -> dict[str, Secret] | None:
        found = self.kept.get(name)
        return None if found is None else dict(found)

    async def remove(self, name: str) -> None:
        self.kept.pop(name, None)
