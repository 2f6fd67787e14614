"""The life of pvdifyd: opened, answering until it is told to stop, closed. The journal knows how to go on."""

import asyncio
import os
import signal
from collections.abc import Iterable

import structlog

from pvdify import __version__
from pvdify.daemon import logs
from pvdify.daemon.admin_token import ensure_admin_token
from pvdify.daemon.bootstrap import Server, build_server
from pvdify.daemon.core_dumps import leave_no_core
from pvdify.daemon.directories import DataDirLock, prepare
from pvdify.daemon.encryption import prepare_encryption
from pvdify.daemon.service_manager import READY, STOPPING, ServiceManager
from pvdify.daemon.serving import Doors
from pvdify.daemon.webhook_secret import ensure_webhook_secret
from pvdify.engine.github_reports import ensure_reports
from pvdify.settings import Settings

log = structlog.get_logger()


async def serve(settings: Settings) -> None:
    """Start everything, answer until a signal, stop where we are. Raises PvdifyError when it cannot start."""
    leave_no_core()
    logs.configure()
    manager = ServiceManager(os.environ)
    prepare(settings)
    lock = DataDirLock(settings.data_dir)
    lock.acquire()
    server = await _opened(settings)
    await _answer(server, Doors(settings, server.engine), manager)
    await _close(server)
    lock.release()
    log.info("stopped")


async def _opened(settings: Settings) -> Server:
    """All parts, with everything on disk as they need it."""
    ensure_webhook_secret(settings)
    server = build_server(settings)
    logs.configure(server.redactors.clean_of_all)
    await server.store.open()
    encrypted = server.encrypted
    await asyncio.to_thread(prepare_encryption, encrypted.vault, encrypted.config, encrypted.credentials)
    await ensure_admin_token(server)
    await ensure_reports(server.world, settings.github_api, is_on=bool(settings.github_token_file))
    return server


async def _answer(server: Server, doors: Doors, manager: ServiceManager) -> None:
    """Take up unfinished work, do all duties and answer, until a signal."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await server.engine.registries.apply()
    await server.reconciler.ensure_router()
    await server.worker.resume()
    duties = [asyncio.create_task(duty) for duty in server.duties()]
    duties.append(asyncio.create_task(manager.keep_calm()))
    serving = asyncio.create_task(doors.serve())
    manager.notify(READY)
    settings = server.settings
    log.info("started", version=__version__, listen=str(settings.listen), data_dir=str(settings.data_dir))
    await asyncio.wait({asyncio.create_task(stopping.wait()), serving}, return_when=asyncio.FIRST_COMPLETED)
    manager.notify(STOPPING)
    doors.close()
    await _end(duties)
    await asyncio.gather(serving, return_exceptions=True)


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _close(server: Server) -> None:
    await server.engine.one_offs.close()
    await server.worker.close()
    await server.router.close()
    await server.web.close()
    await server.store.close()
