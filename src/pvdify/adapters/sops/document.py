"""Decrypt and encrypt whole SOPS files."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pvdify.adapters.sops import age_keys, tree
from pvdify.adapters.sops.age_keys import Identity
from pvdify.adapters.sops.ciphertext import DATA_KEY_SIZE
from pvdify.adapters.sops.layouts import SOPS, read_layout
from pvdify.adapters.sops.metadata import DEFAULT_SUFFIX, Metadata, parse_metadata
from pvdify.adapters.sops.tree import Node
from pvdify.adapters.sops.yaml_layout import write_document

WRITTEN_AS = "3.13.2"  # the version of SOPS whose format is written


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A decrypted file. ``metadata`` names the recipients and which values were encrypted."""

    documents: tuple[dict[str, Node], ...]
    metadata: Metadata


def open_text(text: str, kind: str, identities: Sequence[Identity]) -> Opened:
    """Decrypt a file of this format (see ``layouts``) and check its MAC. Raises SopsRefused, NotARecipient."""
    return open_with(text, kind, lambda metadata: age_keys.unwrap(metadata, identities))


def open_with(text: str, kind: str, data_key_of: Callable[[Metadata], bytes]) -> Opened:
    """As ``open_text``, with the data key that ``data_key_of`` returns."""
    layout = read_layout(text, kind)
    metadata = parse_metadata(layout.metadata)
    documents = tree.open_branches(layout.branches, metadata, data_key_of(metadata))
    return Opened(documents=documents, metadata=metadata)


def recipients_of(text: str) -> list[str]:
    """Return the recipients that a YAML file names, without decrypting or verifying the file. Raises SopsRefused."""
    return [key.recipient for key in parse_metadata(read_layout(text, "yaml").metadata).keys]


def seal_text(values: Mapping[str, str], recipients: Sequence[str], now: datetime) -> str:
    """Return the text of a YAML file with all these values encrypted. Raises ValueError for an invalid recipient.

    Each file has a new data key, so that recipients of an earlier version cannot read this one.
    """
    data_key = os.urandom(DATA_KEY_SIZE)
    modified = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    metadata = {
        "age": [{"enc": key.armoured, "recipient": key.recipient} for key in age_keys.wrap(data_key, recipients)],
        "lastmodified": modified,
        "mac": tree.seal_mac(values, data_key, modified),
        **_selector(values),
        "version": WRITTEN_AS,
    }
    return write_document({**tree.seal_flat(values, data_key), SOPS: metadata})


def _selector(values: Mapping[str, str]) -> dict[str, str]:
    """Return SOPS's default selector, or one that encrypts all names if the default would skip one of these values."""
    if any(name.endswith(DEFAULT_SUFFIX) for name in values):
        return {"encrypted_regex": "."}
    return {"unencrypted_suffix": DEFAULT_SUFFIX}
