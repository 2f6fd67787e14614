"""``pvdifyd``: reads its settings, starts, runs until told to stop."""

import argparse
import asyncio
import os
import signal
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
    """Start everything, answer until a signal, stop where we are: the journal knows how to go on."""
    # Imported late: `pvdifyd --help` and a bad setting need none of it.
    import structlog

    from pvdify.daemon import logs
    from pvdify.daemon.admin_token import ensure_admin_token
    from pvdify.daemon.bootstrap import build_server
    from pvdify.daemon.core_dumps import leave_no_core
    from pvdify.daemon.directories import DataDirLock, prepare
    from pvdify.daemon.encryption import prepare_encryption
    from pvdify.daemon.service_manager import READY, STOPPING, ServiceManager
    from pvdify.daemon.serving import Doors
    from pvdify.daemon.webhook_secret import ensure_webhook_secret
    from pvdify.engine.github_reports import ensure_reports

    leave_no_core()
    logs.configure()
    manager = ServiceManager(os.environ)
    log = structlog.get_logger()
    prepare(settings)
    lock = DataDirLock(settings.data_dir)
    lock.acquire()
    ensure_webhook_secret(settings)
    server = build_server(settings)
    logs.configure(server.redactors.clean_of_all)
    await server.store.open()
    encrypted = server.encrypted
    await asyncio.to_thread(prepare_encryption, encrypted.vault, encrypted.config, encrypted.credentials)
    await ensure_admin_token(server)
    await ensure_reports(server.world, settings.github_api, is_on=bool(settings.github_token_file))
    doors = Doors(settings, server.engine)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await server.engine.registries.apply()
    await server.reconciler.ensure_router()
    await server.worker.resume()
    duties = (server.reconciler.keep_router(), server.reconciler.run(), server.liveness.run(), server.reaper.run(),
              server.courier.run(), server.edge.run(), server.engine.observations.keep_access_log_small(),
              manager.keep_calm())  # fmt: skip
    watching = [asyncio.create_task(duty) for duty in duties]
    serving = asyncio.create_task(doors.serve())
    manager.notify(READY)
    log.info("started", version=__version__, listen=str(settings.listen), data_dir=str(settings.data_dir))
    await asyncio.wait({asyncio.create_task(stopping.wait()), serving}, return_when=asyncio.FIRST_COMPLETED)
    manager.notify(STOPPING)
    doors.close()
    for task in watching:
        task.cancel()
    await asyncio.gather(serving, *watching, return_exceptions=True)
    await server.engine.one_offs.close()
    await server.worker.close()
    await server.router.close()
    await server.web.close()
    await server.store.close()
    lock.release()
    log.info("stopped")
