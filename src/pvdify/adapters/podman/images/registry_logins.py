"""The ``registry_logins`` port: auth files on tmpfs that podman and skopeo read."""

import asyncio
import base64
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pvdify.adapters.podman import commands
from pvdify.adapters.podman.images import registry_errors
from pvdify.errors import RuntimeUnavailable, storage_error
from pvdify.model.image_reference import parse_image_reference
from pvdify.model.registry import RegistryLogin
from pvdify.plumbing.command_runner import CommandRunner

LOGIN_SECONDS = 30.0  # the longest a login may take
_OF_APP = "app-"


class AuthFile:
    """The auth files: a shared one, and one for each app with own logins. Read from disk at each call."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def for_host(self, host: str, apps: Sequence[str] = ()) -> Path | None:
        """Return the file with a login for this host: of the first of these apps that has one, else the shared file.

        Returns None if there is no login; then podman uses root's own logins.
        """
        return next((path for path in self._paths(apps) if host in _read(path)), None)

    def username(self, host: str, apps: Sequence[str] = ()) -> str | None:
        """Return the username of the login for this host, if there is one."""
        path = self.for_host(host, apps)
        try:
            return base64.b64decode(_read(path)[host]["auth"]).decode().partition(":")[0] if path else None
        except (KeyError, TypeError, ValueError):
            return None

    def basic(self, host: str, apps: Sequence[str] = ()) -> str | None:
        """Return the value of the Basic authorization for this host, if there is a login."""
        path = self.for_host(host, apps)
        try:
            return str(_read(path)[host]["auth"]) if path else None
        except (KeyError, TypeError):
            return None

    def write(self, logins: Sequence[RegistryLogin]) -> None:
        """Replace the files atomically, readable only by root; delete files of apps without logins. Raises OSError."""
        by_path: dict[Path, list[RegistryLogin]] = {}
        for login in logins:
            by_path.setdefault(self._path(login.app), []).append(login)
        for stale in {self.path, *self.path.parent.glob(f"{_OF_APP}*.json")} - by_path.keys():
            stale.unlink(missing_ok=True)
        for path, own in by_path.items():
            _write(path, own)

    def _path(self, app: str | None) -> Path:
        return self.path if app is None else self.path.with_name(f"{_OF_APP}{app}.json")

    def _paths(self, apps: Sequence[str]) -> list[Path]:
        return [*map(self._path, apps), self.path]


class PodmanRegistryLogins:
    """The logins to registries. podman reads passwords from stdin or the file; no argument list contains one."""

    def __init__(self, *, runner: CommandRunner, auth_file: AuthFile, binary: str = "podman") -> None:
        self._runner = runner
        self._auth_file = auth_file
        self._podman = binary

    async def check(self, login: RegistryLogin) -> None:
        scratch = self._auth_file.path.with_name(f".check-{os.getpid()}-{os.urandom(4).hex()}.json")
        is_loopback = parse_image_reference(f"{login.host}/image").is_loopback
        argv = commands.log_in(self._podman, login.host, login.username, scratch, is_loopback=is_loopback)
        try:
            scratch.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            done = await self._runner.run(argv, stdin=str(login.password).encode(), timeout=LOGIN_SECONDS)
        except OSError as error:
            raise _unavailable(error) from error
        finally:
            with suppress(OSError):
                scratch.unlink(missing_ok=True)
        if done.exit_code != 0:
            raise registry_errors.login_failed(login.host, login.username, done.stderr)

    async def use(self, logins: Sequence[RegistryLogin]) -> None:
        try:
            await asyncio.to_thread(self._auth_file.write, logins)
        except OSError as error:
            raise _unavailable(error) from error


def _write(path: Path, logins: Sequence[RegistryLogin]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    opened = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(opened, "w", encoding="ascii") as file:
            json.dump({"auths": {login.host: {"auth": _auth(login)} for login in logins}}, file)
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="ascii"))["auths"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _auth(login: RegistryLogin) -> str:
    return base64.b64encode(f"{login.username}:{login.password}".encode()).decode()


def _unavailable(error: OSError) -> RuntimeUnavailable:
    return storage_error(
        RuntimeUnavailable, "the registry logins cannot be written to podman's auth file", error,
        next="check that the run directory is writable; public images can still be deployed",
    )  # fmt: skip
