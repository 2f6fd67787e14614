"""The ``sample_store`` port: usage samples, stored so that they survive a restart of pvdifyd."""

from collections.abc import Mapping

from pvdify.adapters.sqlite.queries import statements
from pvdify.adapters.sqlite.records import Records


class SampleRecords(Records):
    """The methods of ``SqliteStore`` for samples."""

    async def samples(self) -> dict[str, bytes]:
        return {row["app"]: bytes(row["content"]) for row in await self._rows("samples")}

    async def save_samples(self, contents: Mapping[str, bytes]) -> None:
        rows = [(statements()["save_sample"], {"app": app, "content": content}) for app, content in contents.items()]
        await self._write([(statements()["forget_samples"], {}), *rows])
