"""``pvdifyd``: reads its settings, starts, runs until told to stop."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pvdify import __version__
from pvdify.errors import PvdifyError
from pvdify.settings import DEFAULT_FILE, Settings, describe, load, names

EXIT_CONFLICT = 5
EXIT_USAGE = 2


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script. Exits with 0 after SIGTERM or SIGINT, 2 for bad settings, 1 when it cannot start."""
    options = _parser().parse_args(arguments)
    try:
        settings = load({name: getattr(options, name) for name in names()}, os.environ, Path(options.settings))
        asyncio.run(_serve(settings))
    except PvdifyError as error:
        print(error.render(), file=sys.stderr)
        sys.exit({"invalid": EXIT_USAGE, "conflict": EXIT_CONFLICT}.get(error.kind.value, 1))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pvdifyd",
        description="The pvdify control plane: REST API, deploy engine and reconciler.",
        epilog="example: pvdifyd --data-dir /srv/trial --listen 127.0.0.1:9543 --router-listen 127.0.0.1:9180 "
        "--ports 5001-5099 --base-domain localhost",
    )
    parser.add_argument("--version", action="version", version=f"pvdifyd {__version__}")
    parser.add_argument("--settings", default=str(DEFAULT_FILE), metavar="FILE", help="settings file (%(default)s)")
    for name in names():
        default, help_text = describe(name)
        flag = "--" + name.replace("_", "-")
        shown = f"{help_text} ({default})" if default else help_text
        parser.add_argument(flag, dest=name, metavar="VALUE", help=shown.replace("%", "%%"))
    return parser


async def _serve(settings: Settings) -> None:
    # Imported late: `pvdifyd --help` and a bad setting need none of it.
    from pvdify.daemon.life import serve

    await serve(settings)
