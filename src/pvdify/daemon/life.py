"""Run pvdifyd: open, serve until a signal, close. The next start resumes unfinished operations."""

import asyncio
import os
import signal
from collections.abc import Iterable

import structlog

from pvdify import __version__
from pvdify.adapters.host.file_systems import IN_MEMORY, kind_of
from pvdify.adapters.subprocess.command_runner import SubprocessRunner
from pvdify.daemon import database, logs
from pvdify.daemon.admin_token import ensure_admin_token
from pvdify.daemon.bootstrap import Server, build_server
from pvdify.daemon.collector import spare_lasting_objects
from pvdify.daemon.container_disk import find_container_disk
from pvdify.daemon.core_dumps import leave_no_core
from pvdify.daemon.descriptors import bounds, raise_limit
from pvdify.daemon.directories import DataDirLock, prepare
from pvdify.daemon.encryption import prepare_encryption
from pvdify.daemon.runtime_check import check_runtime
from pvdify.daemon.service_manager import READY, STOPPING, ServiceManager
from pvdify.daemon.serving import Listeners
from pvdify.daemon.user_namespaces import check_user_namespaces
from pvdify.daemon.webhook_secret import ensure_webhook_secret
from pvdify.engine.notifying.github_reports import ensure_reports
from pvdify.errors import PvdifyError
from pvdify.settings import Settings

log = structlog.get_logger()


async def serve(settings: Settings) -> None:
    """Start everything, answer until a signal, stop. Raises PvdifyError if it cannot start."""
    leave_no_core()
    logs.configure()
    limit = raise_limit()
    manager = ServiceManager(os.environ)
    prepare(settings)
    _warn_of_disk(settings)
    lock = DataDirLock(settings.data_dir)
    lock.acquire()
    server = await _opened(settings)
    await _answer(server, Listeners(settings, server.engine, bounds(limit)), manager)
    await _close(server)
    lock.release()
    log.info("stopped")


async def begin_anew(settings: Settings) -> None:
    """Make an empty database for the next start, on the operator's request. Raises PvdifyError if it cannot."""
    logs.configure()
    prepare(settings)
    lock = DataDirLock(settings.data_dir)
    lock.acquire()
    await database.begin_anew(settings)
    lock.release()


def _warn_of_disk(settings: Settings) -> None:
    kind = kind_of(settings.run_dir)
    if kind and kind not in IN_MEMORY:
        log.warning(
            "run_dir.on_disk", directory=str(settings.run_dir), file_system=kind,
            why="config vars in clear are written there, and a disk keeps what is deleted",
            next="mount /run as tmpfs, as systemd does; then restart pvdifyd",
        )  # fmt: skip


async def _opened(settings: Settings) -> Server:
    """Open the database, build the server, and create its missing files."""
    store, identity = await database.open_database(settings)
    try:
        await check_runtime(store, settings)
        await check_user_namespaces(settings, SubprocessRunner())
        layers = await find_container_disk(settings, SubprocessRunner())
    except PvdifyError:
        await store.close()
        raise
    ensure_webhook_secret(settings)
    server = build_server(settings, store, identity, layers)
    logs.configure(server.wired.redactors.clean_of_all)
    encrypted = server.encrypted
    await asyncio.to_thread(prepare_encryption, encrypted.vault, encrypted.config, encrypted.credentials)
    await ensure_admin_token(server)
    world, has_token = server.wired.world, bool(settings.github_token_file)
    await ensure_reports(
        settings.github_api, is_on=has_token, clock=world.clock, credentials=world.credentials, outbox=world.outbox
    )
    return server


async def _answer(server: Server, doors: Listeners, manager: ServiceManager) -> None:
    """Resume unfinished work, start the background work, and answer requests, until a signal."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await _report_missing_config(server)
    await server.engine.renames.recover()
    await server.engine.runtime_moves.recover()
    await server.engine.registries.apply()
    await server.wired.reconciler.ensure_router()
    await server.wired.worker.resume()
    await spare_lasting_objects(server.engine)
    background = [asyncio.create_task(work) for work in server.background_work()]
    background.append(asyncio.create_task(manager.keep_calm()))
    serving = asyncio.create_task(doors.serve())
    manager.notify(READY)
    settings = server.settings
    log.info("started", version=__version__, listen=str(settings.listen), data_dir=str(settings.data_dir))
    await asyncio.wait({asyncio.create_task(stopping.wait()), serving}, return_when=asyncio.FIRST_COMPLETED)
    manager.notify(STOPPING)
    doors.close()
    await _end(background)
    await asyncio.gather(serving, return_exceptions=True)


async def _report_missing_config(server: Server) -> None:
    for check in await server.engine.queries.server.check_config():
        log.error("config.missing", what=check.text, next=check.next)


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _close(server: Server) -> None:
    await server.wired.close()
    await server.router.close()
    await server.web.close()
    await server.store.close()
