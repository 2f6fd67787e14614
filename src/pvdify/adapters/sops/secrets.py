"""The ``secrets`` port on SOPS files, ``config/<app>/v<N>.sops.yaml``."""

import asyncio
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from pvdify.adapters.sops import config_vars
from pvdify.adapters.sops.vault import ENDING, Vault, unavailable
from pvdify.errors import StoreUnavailable
from pvdify.model.config import ConfigVar
from pvdify.ports.secrets import OpenedFile, Recipient, Reencrypted


class SopsSecrets:
    """A store of config versions. Encrypts every value, secret or not, and the list of which ones are secrets."""

    def __init__(self, directory: Path, vault: Vault) -> None:
        self._directory = directory
        self._vault = vault

    async def write(self, app: str, version: int, values: Mapping[str, ConfigVar]) -> None:
        await self._vault.write(self._file(app, version), config_vars.marked(values))

    async def read(self, app: str, version: int) -> dict[str, ConfigVar]:
        if version == 0:
            return {}
        try:
            return config_vars.vars_of(await self._vault.read(self._file(app, version)))
        except FileNotFoundError as error:
            raise _missing(app, version, error) from error

    async def text(self, app: str, version: int) -> str:
        try:
            return await asyncio.to_thread(self._file(app, version).read_text, "utf-8")
        except FileNotFoundError as error:
            raise _missing(app, version, error) from error
        except OSError as error:
            raise unavailable(f"the config v{version} of {app} cannot be read", error) from error
        except UnicodeDecodeError as error:
            raise StoreUnavailable(
                f"the config v{version} of {app} cannot be read", why=f"{self._file(app, version)} is not UTF-8 text",
                next="restore this file from a backup, or set the config vars again with `pvdify config:set`",
            ) from error  # fmt: skip

    async def missing(self, wanted: Collection[tuple[str, int]]) -> list[tuple[str, int]]:
        return await asyncio.to_thread(self._missing, wanted)

    def _missing(self, wanted: Collection[tuple[str, int]]) -> list[tuple[str, int]]:
        return [(app, version) for app, version in wanted if not _has_content(self._file(app, version))]

    async def remove(self, app: str) -> None:
        await asyncio.to_thread(shutil.rmtree, self._directory / app, ignore_errors=True)

    async def rename(self, old: str, new: str) -> None:
        try:
            await self._vault.move(self._directory / old, self._directory / new)
        except OSError as error:
            raise unavailable(f"the config of {old} cannot be kept under {new}", error) from error

    async def open_file(self, text: str, kind: str) -> OpenedFile:
        """See the port. Tries retired keys too: the file may be older than the last rotation."""
        identities = await asyncio.to_thread(self._vault.keys.with_retired)
        return await asyncio.to_thread(config_vars.open_file, text, kind, identities)

    async def recipients(self) -> tuple[Recipient, ...]:
        return await asyncio.to_thread(self._vault.recipients)

    async def rotate(self) -> Reencrypted:
        return await self._vault.rotate()

    async def set_recipients(self, others: tuple[Recipient, ...]) -> Reencrypted:
        return await self._vault.set_recipients(others)

    def encrypt_clear_files(self) -> list[Path]:
        """Replace each unencrypted ``v<N>.yaml`` by a SOPS file, and return the paths of the unencrypted files.

        pvdify wrote such files before it used SOPS. Deletes one only after the SOPS file was read back with equal
        values. Raises OSError, StoreUnavailable.
        """
        clear_files = [file for file in sorted(self._directory.glob("*/v*.yaml")) if not file.name.endswith(ENDING)]
        for clear in clear_files:
            values, sealed = config_vars.read_clear(clear), clear.with_name(clear.stem + ENDING)
            if not sealed.exists():
                self._vault.seal(sealed, config_vars.marked(values))
            if config_vars.vars_of(self._vault.texts(sealed)) == values:
                clear.unlink()
        return clear_files

    def _file(self, app: str, version: int) -> Path:
        return self._directory / app / f"v{version}{ENDING}"


def _has_content(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except OSError:
        return False


def _missing(app: str, version: int, error: OSError) -> StoreUnavailable:
    return StoreUnavailable(
        f"the config v{version} of {app} cannot be read", why=str(error),
        next="restore the file from a backup; nothing was changed, and running apps keep running",
    )  # fmt: skip
