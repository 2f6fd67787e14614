"""Write the first admin token, for the operator who installed the server."""

import asyncio

import structlog

from pvdify.adapters.files.whole_file import write_whole
from pvdify.daemon.bootstrap import Server
from pvdify.errors import StoreUnavailable, naming_cause
from pvdify.model.token import Actor, Role

log = structlog.get_logger()
FILE = "admin.token"
INSTALLER = Actor(name="pvdifyd", role=Role.ADMIN)


async def ensure_admin_token(server: Server) -> None:
    """Write ``DATA_DIR/admin.token`` (0600) if this server has no admin token yet.

    The file is written before the record: after a crash in between, the next start replaces the file, and no token
    is lost. Raises StoreUnavailable.
    """
    tokens = await server.store.tokens()
    if any(token.role is Role.ADMIN for token in tokens):
        return
    token, text = await server.engine.tokens.draft("admin", Role.ADMIN, None, None, INSTALLER)
    file = server.settings.data_dir / FILE
    with naming_cause(
        StoreUnavailable,
        f"{file} cannot be written",
        next="check that the disk under the data directory can be written",
    ):
        await asyncio.to_thread(write_whole, file, f"{text}\n".encode())
    await server.engine.tokens.keep(token, INSTALLER)
    log.info("admin_token.written", file=str(file))
