"""Secrets that the server itself needs, each in a file of its own that only its owner may read."""

import os
import stat
from pathlib import Path

from pvdify.errors import InvalidSetting


def read_secret(file: str, setting: str) -> str:
    """Return the one line in the file. Raises InvalidSetting if it is missing, empty, or readable by others."""
    path = Path(file)
    try:
        with path.open(encoding="utf-8") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            text = stream.read(65536).strip()
    except (OSError, ValueError) as error:
        raise InvalidSetting(
            f"pvdifyd cannot read {file}", why=str(error), next=f"put the secret there, or correct {setting}"
        ) from error
    if stat.S_IMODE(mode) & 0o077:
        raise InvalidSetting(
            f"{file} can be read by others than its owner", why=f"its mode is {stat.S_IMODE(mode):o}",
            next=f"chmod 600 {file}",
        )  # fmt: skip
    if not text or not text.isprintable():
        raise InvalidSetting(f"{file} does not hold a secret", why="expected one line", next=f"correct {setting}")
    return text
