"""Where podman stores images and containers, by its configuration files: containers-storage.conf(5)."""

import os
import tomllib
from collections.abc import Iterable
from pathlib import Path

DEFAULT = Path("/var/lib/containers/storage")
FILES = (Path("/etc/containers/storage.conf"), Path("/usr/share/containers/storage.conf"))
CHOSEN = "CONTAINERS_STORAGE_CONF"  # the environment variable that names another file


def container_storage(files: Iterable[Path] = FILES) -> Path:
    """Return the ``graphroot`` of the first of these files that exists, or podman's default.

    Does not ask podman, which can hang while its disk is full or broken.
    """
    chosen = os.environ.get(CHOSEN)
    for file in (Path(chosen),) if chosen else files:
        try:
            graphroot = tomllib.loads(file.read_text(encoding="utf-8"))["storage"]["graphroot"]
        except FileNotFoundError:
            continue
        except (OSError, ValueError, KeyError, TypeError):
            break
        return Path(graphroot) if graphroot and isinstance(graphroot, str) else DEFAULT
    return DEFAULT
