"""Prepare encryption at start-up: create a first key, encrypt clear files, re-encrypt for the recipients."""

import structlog

from pvdify.adapters.sops.credentials import SopsCredentials
from pvdify.adapters.sops.refusal import SopsRefused
from pvdify.adapters.sops.secrets import SopsSecrets
from pvdify.adapters.sops.vault import Vault, unavailable
from pvdify.errors import StoreUnavailable

log = structlog.get_logger()


def prepare_encryption(vault: Vault, *keepers: SopsSecrets | SopsCredentials) -> None:
    """Create a first key if none was needed yet; encrypt files. Raises StoreUnavailable if the disk is not writable.

    A lost or wrong key, or a damaged file, does not prevent the start: it is logged, and later reads of the file fail.
    """
    try:
        vault.make_key_if_none_was_needed()
        for keeper in keepers:
            for file in keeper.encrypt_clear_files():
                log.info("secrets.encrypted", file=str(file))
        vault.reencrypt()
    except OSError as error:
        raise unavailable("the secrets cannot be made ready", error) from error
    except SopsRefused as error:
        log.error("secrets.damaged", why=str(error))
    except StoreUnavailable as error:
        log.error("secrets.locked", what=error.what, why=error.why, next=error.next)
