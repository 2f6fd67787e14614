"""The ``sample_store`` port: the part of the database that keeps samples while pvdifyd is stopped."""

from collections.abc import Mapping

from pvdify.adapters.sqlite.queries import statements
from pvdify.adapters.sqlite.records import Records


class SampleRecords(Records):
    """What ``SqliteStore`` does for this port, in the same file and thread."""

    async def samples(self) -> dict[str, bytes]:
        return {row["app"]: bytes(row["content"]) for row in await self._rows("samples")}

    async def save_samples(self, contents: Mapping[str, bytes]) -> None:
        rows = [(statements()["save_sample"], {"app": app, "content": content}) for app, content in contents.items()]
        await self._write([(statements()["forget_samples"], {}), *rows])
