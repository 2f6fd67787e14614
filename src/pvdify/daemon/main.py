"""``pvdifyd``: read the settings, start, and run until a signal."""

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
    """Run pvdifyd until SIGTERM or SIGINT, then return.

    Exits with status 2 if an option or a setting is invalid, 5 for a conflict, such as another pvdifyd with the same
    data directory, and 1 for any other error. With ``--new-database``, make an empty database and return.
    """
    options = _parser().parse_args(arguments)
    try:
        settings = load({name: getattr(options, name) for name in names()}, os.environ, Path(options.settings))
        asyncio.run(_begin_anew(settings) if options.new_database else _serve(settings))
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
    parser.add_argument(
        "--new-database",
        action="store_true",
        help="make an empty database and exit, where the earlier one is lost or damaged; what is left of it is put "
        "aside, and no container is removed",
    )
    for name in names():
        default, help_text = describe(name)
        flag = "--" + name.replace("_", "-")
        shown = f"{help_text} ({default})" if default else help_text
        parser.add_argument(flag, dest=name, metavar="VALUE", help=shown.replace("%", "%%"))
    return parser


async def _begin_anew(settings: Settings) -> None:
    from pvdify.daemon.life import begin_anew

    await begin_anew(settings)
    print(f"an empty database is in {settings.data_dir}; start pvdifyd", file=sys.stderr)


async def _serve(settings: Settings) -> None:
    # Imported late: `pvdifyd --help` and a bad setting need none of it.
    from pvdify.daemon.life import serve

    await serve(settings)
