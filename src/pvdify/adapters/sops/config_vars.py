"""Conversion between SOPS documents and config vars, and the import of an operator's SOPS file."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from pvdify.adapters.sops import flat
from pvdify.adapters.sops.age_keys import Identity
from pvdify.adapters.sops.document import open_text
from pvdify.adapters.sops.refusal import NotARecipient, SopsRefused
from pvdify.errors import InvalidConfigFile, StoreUnavailable
from pvdify.model.config import ConfigVar
from pvdify.model.instance import Secret
from pvdify.ports.secrets import OpenedFile

MARK = "PVDIFY_SECRETS"  # its value lists the names of the secret config vars; no config var can have this name


def marked(values: Mapping[str, ConfigVar]) -> dict[str, str]:
    """Return the document to write: the values, and under ``MARK`` the names of those that are secrets."""
    secret = [name for name, var in values.items() if var.is_secret]
    texts = {name: str(var.value) for name, var in values.items()}
    return texts | ({MARK: " ".join(secret)} if secret else {})


def vars_of(texts: Mapping[str, str]) -> dict[str, ConfigVar]:
    """Return the config vars in a document made by ``marked``."""
    secret = frozenset(texts.get(MARK, "").split())
    return {
        name: ConfigVar(value=Secret(text), is_secret=name in secret) for name, text in texts.items() if name != MARK
    }


def open_file(text: str, kind: str, identities: Sequence[Identity]) -> OpenedFile:
    """Decrypt an operator's file. Raises InvalidConfigFile with the reason."""
    try:
        opened = open_text(text, kind, identities)
        values = flat.texts_of(opened)
    except SopsRefused as error:
        raise InvalidConfigFile(
            "the file was not imported", why=str(error),
            next="add the key that `pvdify secrets` shows to the file's recipients: `sops rotate -i --add-age KEY FILE`"
            if isinstance(error, NotARecipient) else "correct it with `sops edit FILE`; the config is as it was",
        ) from error  # fmt: skip
    secret = values.pop(MARK, "").split()
    return OpenedFile(
        values={name: Secret(value) for name, value in values.items()},
        marked=frozenset(secret),
        clear=frozenset(name for name in values if not opened.metadata.is_encrypted((name,))),
    )


def read_clear(file: Path) -> dict[str, ConfigVar]:
    """Read an unencrypted config version, as early versions of pvdify wrote it. Raises OSError, StoreUnavailable."""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        return {str(name): ConfigVar(value=Secret(value)) for name, value in content.items()}
    except (yaml.YAMLError, ValueError, AttributeError) as error:
        raise StoreUnavailable(
            f"{file} cannot be read, so it was not encrypted", why="it is not a mapping of names to values",
            next="correct the file or move it away, then start pvdifyd again",
        ) from error  # fmt: skip
