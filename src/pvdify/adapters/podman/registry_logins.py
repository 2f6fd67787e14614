"""The ``registry_logins`` port: an auth file on tmpfs, which podman and skopeo are pointed to."""

import asyncio
import base64
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pvdify.adapters.podman import commands, registry_errors
from pvdify.errors import RuntimeUnavailable
from pvdify.model.image_reference import parse_image_reference
from pvdify.model.registry import RegistryLogin
from pvdify.ports.command_runner import CommandRunner

LOGIN_SECONDS = 30.0


class AuthFile:
    """Read anew each time, so that whoever holds a path to it needs to know of no change."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def for_host(self, host: str) -> Path | None:
        """The file, if it has a login for this host; else root's own logins are to count."""
        return self.path if host in self._read() else None

    def username(self, host: str) -> str | None:
        """Who this server is there."""
        try:
            return base64.b64decode(self._read()[host]["auth"]).decode().partition(":")[0]
        except (KeyError, TypeError, ValueError):
            return None

    def write(self, logins: Sequence[RegistryLogin]) -> None:
        """Whole, readable by root alone; without logins there is no file. Raises OSError."""
        if not logins:
            self.path.unlink(missing_ok=True)
            return
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        opened = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(opened, "w", encoding="ascii") as file:
            json.dump({"auths": {login.host: {"auth": _auth(login)} for login in logins}}, file)
        temporary.replace(self.path)

    def _read(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self.path.read_text(encoding="ascii"))["auths"])
        except (OSError, ValueError, KeyError, TypeError):
            return {}


class PodmanRegistryLogins:
    """A password reaches podman on stdin or in the file, and stands in no argument list."""

    def __init__(self, *, runner: CommandRunner, auth_file: AuthFile, binary: str = "podman") -> None:
        self._runner = runner
        self._auth_file = auth_file
        self._podman = binary

    async def check(self, login: RegistryLogin) -> None:
        """See the port."""
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
        """See the port."""
        try:
            await asyncio.to_thread(self._auth_file.write, logins)
        except OSError as error:
            raise _unavailable(error) from error


def _auth(login: RegistryLogin) -> str:
    return base64.b64encode(f"{login.username}:{login.password}".encode()).decode()


def _unavailable(error: OSError) -> RuntimeUnavailable:
    return RuntimeUnavailable(
        "the registry logins cannot be put where podman reads them", why=str(error),
        next="see that the run directory can be written to; public images can still be deployed",
    )  # fmt: skip
