"""The start of the installation program, whose modules the command line must not import."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from pvdify.cli.io import Io
from pvdify.client.encode import to_json
from pvdify.errors import PackedWithout

PROGRAM = "pvdify.installation"


def argv_of(order: Any) -> tuple[str, ...]:
    """Return the command line: this Python, which ignores modules in the current folder."""
    return (sys.executable, "-P", "-m", PROGRAM, json.dumps(to_json(order)))


def hand_over(order: Any, io: Io) -> int:
    """Replace this process by the installation program; does not return. Raises PackedWithout."""
    if not Path(__file__).is_file():
        raise PackedWithout(
            "this copy of the command line cannot install a server",
            why="it is one file, without what the server needs",
            next="install pvdify on the server with pip, and run the same command there",
        )
    io.stdout.flush()
    argv = argv_of(order)
    os.execv(argv[0], argv)  # noqa: S606 - an argument tuple, no shell
