"""The ``credentials`` port on files, ``credentials/<name>.json``, readable by root alone."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

from pvdify.adapters.files.whole_file import write_whole
from pvdify.errors import StoreUnavailable
from pvdify.model.instance import Secret


class FileCredentials:
    """Keeps values as they are; the files' mode is what guards them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def write(self, name: str, values: Mapping[str, Secret]) -> None:
        """See the port."""
        content = json.dumps({key: str(value) for key, value in values.items()}).encode()
        try:
            await asyncio.to_thread(write_whole, self._file(name), content)
        except OSError as error:
            raise _unavailable(name, error) from error

    async def read(self, name: str) -> dict[str, Secret] | None:
        """See the port."""
        try:
            document = json.loads(await asyncio.to_thread(self._file(name).read_text, "utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise _unavailable(name, error) from error
        return {key: Secret(value) for key, value in document.items()}

    async def remove(self, name: str) -> None:
        """See the port."""
        try:
            await asyncio.to_thread(self._file(name).unlink, missing_ok=True)
        except OSError as error:
            raise _unavailable(name, error) from error

    def _file(self, name: str) -> Path:
        return self._directory / f"{name}.json"


def _unavailable(name: str, error: Exception) -> StoreUnavailable:
    return StoreUnavailable(
        f"the keys kept as {name} cannot be read or written",
        why=str(error),
        next="check that the disk under the data directory is not full or read-only; nothing was changed",
    )
