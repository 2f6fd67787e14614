"""The file that ``pvdify login`` and ``pvdify servers`` write: named servers, and a token for each. Mode 0600."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from pvdify.errors import InvalidSetting


@dataclass(frozen=True, kw_only=True)
class SavedLogins:
    """The content of the file.

    ``url``: the server in use; ``tokens``: by URL; ``names``: URLs by the names that users gave them.
    """

    url: str | None = None
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    names: Mapping[str, str] = field(default_factory=dict)

    def with_login(self, url: str, token: str) -> "SavedLogins":
        """Return the logins with this server and token added, and this server in use."""
        return replace(self.with_server(self.name_of(url) or _free_name(url, self.names), url), url=url,
                       tokens={**self.tokens, url: token})  # fmt: skip

    def with_server(self, name: str, url: str) -> "SavedLogins":
        """Return the logins with this server added, or with another URL for the name."""
        return replace(self, names={**self.names, name: url})

    def using(self, name: str) -> "SavedLogins":
        """Return the logins with this server in use."""
        return replace(self, url=self.names[name])

    def without(self, name: str) -> "SavedLogins":
        """Return the logins without this server; its token goes too, unless another name has the same URL."""
        gone = self.names[name]
        names = {known: url for known, url in self.names.items() if known != name}
        if gone in names.values():
            return replace(self, names=names)
        tokens = {url: token for url, token in self.tokens.items() if url != gone}
        return SavedLogins(url=None if self.url == gone else self.url, tokens=tokens, names=names)

    def name_of(self, url: str) -> str | None:
        """Return the name of the server with this URL, or None."""
        return next((name for name, known in self.names.items() if known == url), None)


def login_file(environ: Mapping[str, str]) -> Path:
    """Return ``$XDG_CONFIG_HOME/pvdify/login.json``, by default below ``~/.config``."""
    return _home(environ, "XDG_CONFIG_HOME", ".config") / "pvdify" / "login.json"


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return ``$XDG_CACHE_HOME/pvdify``, by default below ``~/.cache``."""
    return _home(environ, "XDG_CACHE_HOME", ".cache") / "pvdify"


def load(file: Path) -> SavedLogins:
    """Read the saved logins; a missing file means none. Raises InvalidSetting if the file cannot be read.

    Files of pvdify 0.1 have no names: each server is named after its host.
    """
    try:
        content = json.loads(file.read_text("utf-8"))
        url, tokens, names = content["url"], content["tokens"], content.get("names", {})
        if not isinstance(url, str | None) or not isinstance(tokens, dict) or not isinstance(names, dict):
            raise TypeError("url, tokens and names have the wrong types")
    except (FileNotFoundError, NotADirectoryError):
        return SavedLogins()
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InvalidSetting(
            f"the saved login in {file} cannot be read",
            why=f"{type(error).__name__}: {error}",
            next=f"remove {file}, then `pvdify login` again",
        ) from error
    named = {str(key): str(value) for key, value in names.items()}
    for known in (*tokens, *([url] if url else [])):
        if known not in named.values():
            named[_free_name(known, named)] = str(known)
    return SavedLogins(url=url, tokens={str(key): str(value) for key, value in tokens.items()}, names=named)


def save(file: Path, logins: SavedLogins) -> None:
    """Write the logins in one step, readable by the owner only. Raises InvalidSetting."""
    content = {"url": logins.url, "tokens": dict(logins.tokens), "names": dict(logins.names)}
    try:
        write_private(file, json.dumps(content, indent=2) + "\n")
    except OSError as error:
        raise InvalidSetting(
            f"the login cannot be saved in {file}",
            why=str(error),
            next="make the folder writable, or give the token in PVDIFY_TOKEN each time",
        ) from error


def write_private(file: Path, text: str) -> None:
    """Write a file in one step: to a temporary file with mode 0600, then rename. Raises OSError."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            stream.write(text)
        fresh.replace(file)
    except OSError:
        with suppress(OSError):
            fresh.unlink()
        raise


def _home(environ: Mapping[str, str], variable: str, default: str) -> Path:
    configured = environ.get(variable, "")
    # The XDG standard requires that relative paths are ignored.
    return Path(configured) if configured.startswith("/") else Path(environ.get("HOME") or "~").expanduser() / default


def _free_name(url: str, names: Mapping[str, str]) -> str:
    parts = urlsplit(url)
    host = parts.hostname or "local"
    candidates = (host, f"{host}-{parts.port or parts.scheme}", *(f"{host}-{number}" for number in range(2, 1000)))
    return next(name for name in candidates if name not in names)
