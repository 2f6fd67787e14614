"""The manifest in the current folder: finding it, reading its text, and reading its app name.

The server validates it. The text is sent unchanged, so that problems have the right line numbers.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pvdify.errors import InvalidManifest, PackedWithout

NAME = "pvdify.yml"
_SIBLING = r"-(staging|pr-[1-9][0-9]*)"


def read(path: Path) -> str:
    """Read the manifest's text. Raises InvalidManifest if it cannot be read."""
    try:
        return path.read_text("utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InvalidManifest(
            f"{path} cannot be read", why=why or str(error), next="name a manifest that exists, or leave out --manifest"
        ) from error


def write(path: Path, text: str) -> None:
    """Write a file. Raises InvalidManifest if it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as error:
        raise InvalidManifest(
            f"{path} cannot be written", why=error.strerror or str(error), next="name a place that can be written to"
        ) from error


@contextmanager
def needing_the_definition() -> Iterator[None]:
    """Guard the import of ``pvdify.manifest``. Raises PackedWithout if its requirements are not installed."""
    try:
        yield
    except ImportError as error:
        raise PackedWithout(
            "this copy of pvdify can only send manifests to the server",
            why=f"it was packed without {error.name}",
            next="install the whole of it where you need this: `pip install pvdify`",
        ) from error


def read_default(folder: Path) -> str | None:
    """Read the folder's pvdify.yml; None if there is none."""
    path = folder / NAME
    return read(path) if path.is_file() else None


def app_in(folder: Path) -> str | None:
    """Return ``app:`` of the folder's pvdify.yml, or None."""
    text = read_default(folder)
    return None if text is None else app_of(text)


def app_of(text: str) -> str | None:
    """Return ``app:`` of a manifest, or None. Raises InvalidManifest if the text is not YAML."""
    if "app" not in text:
        return None
    import yaml

    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: 2026-99-99 is no date
        raise InvalidManifest(f"{NAME} is not YAML", why=str(error), next="correct it at the place named") from error
    app = content.get("app") if isinstance(content, dict) else None
    return app if isinstance(app, str) and app else None


def is_for(manifest_app: str | None, app: str) -> bool:
    """Return whether a manifest may be used for an app: the named app, its staging or one of its previews."""
    if manifest_app is None or manifest_app == app:
        return True
    return app.startswith(manifest_app) and re.fullmatch(_SIBLING, app.removeprefix(manifest_app)) is not None
