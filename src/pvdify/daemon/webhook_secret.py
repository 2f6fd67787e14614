"""The secrets that GitHub signs its webhooks with: one that we made, unless the operator has another."""

import secrets

from pvdify.adapters.files.whole_file import write_whole
from pvdify.daemon.secret_files import read_secret
from pvdify.errors import StoreUnavailable, naming_cause
from pvdify.settings import Settings

FILE = "github-webhook.secret"


def ensure_webhook_secret(settings: Settings) -> None:
    """Write ``DATA_DIR/github-webhook.secret`` (0600) if it is not there. Raises StoreUnavailable."""
    file = settings.data_dir / FILE
    if file.exists():
        return
    with naming_cause(
        StoreUnavailable,
        f"{file} cannot be written",
        next="check that the disk under the data directory can be written",
    ):
        write_whole(file, f"{secrets.token_hex(32)}\n".encode())


def webhook_secrets(settings: Settings) -> tuple[str, ...]:
    """Every word of the file: two while one takes the other's place. Raises InvalidSetting."""
    return tuple(read_secret(str(settings.data_dir / FILE), FILE).split())
