"""The ``secrets`` port on YAML files, ``config/<app>/v<N>.yaml``, readable by root alone."""

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path

import yaml

from pvdify.adapters.files.whole_file import write_whole
from pvdify.errors import StoreUnavailable
from pvdify.model.config import ConfigVar
from pvdify.model.instance import Secret


class YamlSecrets:
    """Keeps values as they are; the files' mode is what guards them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def write(self, app: str, version: int, values: Mapping[str, ConfigVar]) -> None:
        """See the port."""
        document = {name: str(var.value) for name, var in values.items()}
        text = yaml.safe_dump(document, allow_unicode=True, default_flow_style=False)
        try:
            await asyncio.to_thread(write_whole, self._file(app, version), text.encode())
        except OSError as error:
            raise _unavailable(app, version, error) from error

    async def read(self, app: str, version: int) -> dict[str, ConfigVar]:
        """See the port."""
        if version == 0:
            return {}
        try:
            text = await asyncio.to_thread(self._file(app, version).read_text, "utf-8")
            document = yaml.safe_load(text) or {}
        except (OSError, yaml.YAMLError) as error:
            raise _unavailable(app, version, error) from error
        return {str(name): ConfigVar(value=Secret(value)) for name, value in document.items()}

    async def remove(self, app: str) -> None:
        """See the port."""
        await asyncio.to_thread(shutil.rmtree, self._directory / app, ignore_errors=True)

    def _file(self, app: str, version: int) -> Path:
        return self._directory / app / f"v{version}.yaml"


def _unavailable(app: str, version: int, error: Exception) -> StoreUnavailable:
    return StoreUnavailable(
        f"the config v{version} of {app} cannot be read or written",
        why=str(error),
        next="check that the disk under the data directory is not full or read-only; nothing was changed",
    )
