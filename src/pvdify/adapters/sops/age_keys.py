"""age keys: parse identities and recipients, and wrap the data key of a file for each recipient."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyrage

from pvdify.adapters.sops.ciphertext import DATA_KEY_SIZE
from pvdify.adapters.sops.metadata import Metadata, WrappedKey
from pvdify.adapters.sops.refusal import NotARecipient, SopsRefused
from pvdify.model.instance import Secret


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A secret key that opens files. ``recipient``: its public half; None for an SSH key, where pyrage gives none."""

    recipient: str | None
    text: Secret
    key: Any = field(repr=False, compare=False)


def make_identity() -> Identity:
    """Generate an age key."""
    return _identity(pyrage.x25519.Identity.generate())


def parse_identities(text: str) -> tuple[Identity, ...]:
    """Return the keys in a file from ``age-keygen``, or one OpenSSH key. Raises ValueError, whose text has no key."""
    if text.lstrip().startswith("-----BEGIN"):
        try:
            key = pyrage.ssh.Identity.from_buffer(text.encode())
        except (pyrage.IdentityError, ValueError) as error:
            raise ValueError("it holds an SSH key that age cannot use") from error
        return (Identity(recipient=None, text=Secret(text), key=key),)
    lines = [line.strip() for line in text.splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    try:
        identities = tuple(_identity(pyrage.x25519.Identity.from_str(key)) for key in keys)
    except (pyrage.IdentityError, ValueError):
        raise ValueError("a line in it is no age key (AGE-SECRET-KEY-1…)") from None
    if not identities:
        raise ValueError("there is no age key in it")
    return identities


def parse_recipient(text: str) -> Any:
    """Return the recipient for ``age1…`` or an SSH public key. Raises ValueError."""
    if text.upper().startswith("AGE-SECRET-KEY-"):
        raise ValueError("this is a secret key; a recipient is its public half, which begins with age1")
    kind = pyrage.ssh if text.startswith("ssh-") else pyrage.x25519
    try:
        return kind.Recipient.from_str(text)
    except (pyrage.RecipientError, ValueError) as error:
        raise ValueError("it is neither an age recipient (age1…) nor an ssh-ed25519 or ssh-rsa public key") from error


def wrap(data_key: bytes, recipients: Sequence[str]) -> tuple[WrappedKey, ...]:
    """Encrypt the data key separately for each recipient. Raises ValueError for an invalid recipient."""
    return tuple(
        WrappedKey(
            recipient=recipient,
            armoured=pyrage.encrypt(data_key, [parse_recipient(recipient)], armored=True).decode(),
        )
        for recipient in recipients
    )


def unwrap(metadata: Metadata, identities: Sequence[Identity]) -> bytes:
    """Return the data key. Raises NotARecipient if no identity opens the file, SopsRefused for a wrong key size."""
    for key in metadata.keys:
        try:
            data_key: bytes = pyrage.decrypt(key.armoured.encode(), [identity.key for identity in identities])
        except (pyrage.DecryptError, ValueError):
            continue
        if len(data_key) != DATA_KEY_SIZE:
            raise SopsRefused("its data key has not 32 bytes")
        return data_key
    names = ", ".join(key.recipient for key in metadata.keys) or "no key"
    others = f", and with {', '.join(metadata.other_recipients)}" if metadata.other_recipients else ""
    raise NotARecipient(f"it is encrypted for {names}{others}, and none of the keys here is one of theirs")


def _identity(key: Any) -> Identity:
    return Identity(recipient=str(key.to_public()), text=Secret(str(key)), key=key)
