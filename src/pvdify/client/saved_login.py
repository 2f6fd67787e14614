"""What ``pvdify login`` keeps: the server that was signed in to last, and a token per server. Mode 0600."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pvdify.errors import InvalidSetting


@dataclass(frozen=True, kw_only=True)
class SavedLogins:
    """``url``: the server signed in to last; ``tokens``: by URL."""

    url: str | None = None
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)

    def with_login(self, url: str, token: str) -> "SavedLogins":
        """The same after signing in to one more server."""
        return SavedLogins(url=url, tokens={**self.tokens, url: token})


def login_file(environ: Mapping[str, str]) -> Path:
    """``$XDG_CONFIG_HOME/pvdify/login.json``, by default below ``~/.config``."""
    configured = environ.get("XDG_CONFIG_HOME", "")
    # The standard wants relative paths ignored.
    home = Path(configured) if configured.startswith("/") else Path(environ.get("HOME") or "~").expanduser() / ".config"
    return home / "pvdify" / "login.json"


def load(file: Path) -> SavedLogins:
    """What is saved; nothing when there is no such file. Raises InvalidSetting when it cannot be read."""
    try:
        content = json.loads(file.read_text("utf-8"))
        url, tokens = content["url"], content["tokens"]
        if not isinstance(url, str) or not isinstance(tokens, dict):
            raise TypeError("url and tokens have the wrong types")
    except (FileNotFoundError, NotADirectoryError):
        return SavedLogins()
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InvalidSetting(
            f"the saved login in {file} cannot be read",
            why=f"{type(error).__name__}: {error}",
            next=f"remove {file}, then `pvdify login` again",
        ) from error
    return SavedLogins(url=url, tokens={str(key): str(value) for key, value in tokens.items()})


def save(file: Path, logins: SavedLogins) -> None:
    """Write the file whole, readable by its owner only from its first byte on. Raises InvalidSetting."""
    text = json.dumps({"url": logins.url, "tokens": dict(logins.tokens)}, indent=2)
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            stream.write(text + "\n")
        fresh.replace(file)
    except OSError as error:
        raise InvalidSetting(
            f"the login cannot be saved in {file}",
            why=str(error),
            next="make the folder writable, or give the token in PVDIFY_TOKEN each time",
        ) from error
