"""The secrets that GitHub signs its webhooks with: one that we made, unless the operator has another."""

import os
import secrets

from pvdify.daemon.secret_files import read_secret
from pvdify.settings import Settings

FILE = "github-webhook.secret"


def ensure_webhook_secret(settings: Settings) -> None:
    """Write ``DATA_DIR/github-webhook.secret`` (0600) if it is not there."""
    file = settings.data_dir / FILE
    if file.exists():
        return
    temporary = file.with_name(f"{FILE}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(secrets.token_hex(32) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    temporary.rename(file)


def webhook_secrets(settings: Settings) -> tuple[str, ...]:
    """Every word of the file: two while one takes the other's place. Raises InvalidSetting."""
    return tuple(read_secret(str(settings.data_dir / FILE), FILE).split())
