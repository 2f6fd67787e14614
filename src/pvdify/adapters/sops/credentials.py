"""The ``credentials`` port on SOPS files, ``credentials/<name>.sops.yaml``."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

from pvdify.adapters.sops.vault import ENDING, Vault, unavailable
from pvdify.errors import StoreUnavailable
from pvdify.model.instance import Secret


class SopsCredentials:
    """A store of the keys to external services, encrypted as config vars are."""

    def __init__(self, directory: Path, vault: Vault) -> None:
        self._directory = directory
        self._vault = vault

    async def write(self, name: str, values: Mapping[str, Secret]) -> None:
        await self._vault.write(self._file(name), {key: str(value) for key, value in values.items()})

    async def read(self, name: str) -> dict[str, Secret] | None:
        try:
            texts = await self._vault.read(self._file(name))
        except FileNotFoundError:
            return None
        return {key: Secret(value) for key, value in texts.items()}

    async def remove(self, name: str) -> None:
        try:
            await asyncio.to_thread(self._file(name).unlink, missing_ok=True)
        except OSError as error:
            raise unavailable(f"the keys kept as {name} cannot be removed", error) from error

    def encrypt_clear_files(self) -> list[Path]:
        """Replace each unencrypted ``<name>.json`` by a SOPS file, and return the paths of the unencrypted files.

        Deletes an unencrypted file only after the SOPS file was read back with equal values. Raises OSError,
        StoreUnavailable.
        """
        clear_files = sorted(self._directory.glob("*.json"))
        for clear in clear_files:
            values, sealed = _read_clear(clear), self._file(clear.stem)
            if not sealed.exists():
                self._vault.seal(sealed, values)
            if self._vault.texts(sealed) == values:
                clear.unlink()
        return clear_files

    def _file(self, name: str) -> Path:
        return self._directory / f"{name}{ENDING}"


def _read_clear(file: Path) -> dict[str, str]:
    try:
        return {str(key): str(value) for key, value in json.loads(file.read_text(encoding="utf-8")).items()}
    except (ValueError, AttributeError) as error:
        raise StoreUnavailable(
            f"{file} cannot be read, so it was not encrypted", why="it is not an object of names and values",
            next="correct the file or move it away, then start pvdifyd again",
        ) from error  # fmt: skip
