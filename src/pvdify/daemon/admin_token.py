"""The first token: written once, for the person who installed the server."""

import os
from contextlib import suppress

import structlog

from pvdify.daemon.bootstrap import Server
from pvdify.model.token import Actor, Role

log = structlog.get_logger()
FILE = "admin.token"
INSTALLER = Actor(name="pvdifyd", role=Role.ADMIN)


async def ensure_admin_token(server: Server) -> None:
    """Write ``DATA_DIR/admin.token`` (0600) if this server has no admin token yet.

    The file comes before the record: a crash in between leaves a file that the next start replaces, never a token
    that was lost. Raises StoreUnavailable.
    """
    tokens = await server.store.tokens()
    if any(token.role is Role.ADMIN for token in tokens):
        return
    token, text = await server.engine.tokens.draft("admin", Role.ADMIN, None, None, INSTALLER)
    file = server.settings.data_dir / FILE
    with suppress(FileNotFoundError):
        file.unlink()
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    await server.engine.tokens.keep(token, INSTALLER)
    log.info("admin_token.written", file=str(file))
