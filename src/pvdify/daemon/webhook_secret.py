"""The secrets that GitHub signs its webhooks with: generated, unless the operator sets another."""

import secrets

from pvdify.adapters.files.whole_file import write_whole
from pvdify.daemon.secret_files import read_secret
from pvdify.errors import StoreUnavailable, naming_cause
from pvdify.settings import Settings

FILE = "github-webhook.secret"


def ensure_webhook_secret(settings: Settings) -> None:
    """Write ``DATA_DIR/github-webhook.secret`` (0600) if it does not exist. Raises StoreUnavailable."""
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
    """Return every word of the file: two secrets during a replacement. Raises InvalidSetting."""
    return tuple(read_secret(str(settings.data_dir / FILE), FILE).split())
