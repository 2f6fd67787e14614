"""cloudflared as a systemd unit. A restart or crash of pvdifyd and deploys do not affect the unit."""

import asyncio
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pvdify.adapters.systemd.systemctl import Systemctl
from pvdify.adapters.systemd.unit import command
from pvdify.errors import RuntimeUnavailable, storage_error
from pvdify.model.instance import Secret
from pvdify.settings import DEFAULT_DATA_DIR, Address, Settings

UNIT = "pvdify-cloudflared.service"
DIRECTORY = Path("/etc/systemd/system")
DOWNLOADS = "https://developers.cloudflare.com/cloudflare-one/connections/connect-networks/downloads/"


@dataclass(frozen=True, kw_only=True)
class TunnelUnit:
    """The values in the unit's text. ``environment``: the file with the tunnel's token."""

    binary: Path
    environment: Path
    metrics: Address


def unit_of(settings: Settings) -> str:
    """Return the name of this server's unit: another data directory is another server, with a tunnel of its own."""
    return UNIT if settings.data_dir == DEFAULT_DATA_DIR else f"pvdify-cloudflared-{settings.server_id}.service"


def unit_text(spec: TunnelUnit) -> str:
    """Return the unit's text. The token is in a file that systemd reads as root, not in an argument or in the unit."""
    run = command(str(spec.binary), "tunnel", "--no-autoupdate", "--metrics", str(spec.metrics), "run")
    return f"""\
# Written by pvdifyd (`pvdify server edge cloudflare`); put changes into a drop-in (`systemctl edit`).
[Unit]
Description=pvdify tunnel to Cloudflare
Wants=network-online.target
After=network-online.target

[Service]
Type=simple
EnvironmentFile={spec.environment}
ExecStart={run}
Restart=always
RestartSec=1
StartLimitInterval=0
TimeoutStopSec=45
DynamicUser=yes
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
OOMScoreAdjust=-900

[Install]
WantedBy=multi-user.target
"""


class CloudflaredUnit:
    """Implements ``ports.edge.TunnelProcess`` on a server with systemd.

    Args:
        systemctl: the service manager.
        name: the unit's name.
        data_dir: contains the token's file, readable by root only.
        binary: the program's name, searched in PATH.
        metrics: the address at which cloudflared serves its metrics.
        directory: systemd's directory for units.
    """

    def __init__(
        self, *, systemctl: Systemctl, name: str, data_dir: Path, binary: str, metrics: Address,
        directory: Path = DIRECTORY,
    ) -> None:  # fmt: skip
        self._systemctl = systemctl
        self._name = name
        self._environment = data_dir / "edge" / "tunnel.env"
        self._binary = binary
        self._metrics = metrics
        self._file = directory / name

    async def ensure_running(self, run_token: Secret) -> str:
        binary = shutil.which(self._binary)
        if binary is None:
            raise RuntimeUnavailable(
                f"the tunnel's program is missing: there is no {self._binary} on this server",
                next=f"install it ({DOWNLOADS}), or name it with the setting cloudflared_binary; pvdifyd starts it",
            )
        spec = TunnelUnit(binary=Path(binary), environment=self._environment, metrics=self._metrics)
        is_new = await asyncio.to_thread(_write, self._environment, f"TUNNEL_TOKEN={run_token}\n", 0o600)
        if await asyncio.to_thread(_write, self._file, unit_text(spec), 0o644):
            await self._systemctl.reload_units()
            await self._systemctl.enable(self._name)
            is_new = True
        await (self._systemctl.restart if is_new else self._systemctl.start)(self._name)
        return f"{self._name} runs it"

    async def stop(self) -> None:
        await self._systemctl.stop(self._name, within=60)
        await self._systemctl.disable(self._name)
        await asyncio.to_thread(self._file.unlink, missing_ok=True)
        await asyncio.to_thread(self._environment.unlink, missing_ok=True)
        await self._systemctl.reload_units()


def _write(file: Path, text: str, mode: int) -> bool:
    """Replace the file atomically, created with ``mode``; return False if it has this text already.

    Raises RuntimeUnavailable.
    """
    try:
        if file.exists() and file.read_text(encoding="utf-8") == text:
            return False
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(file, text, mode)
    except OSError as error:
        raise storage_error(
            RuntimeUnavailable, f"{file} cannot be written", error, next="check that the disk is not read-only"
        ) from error
    return True


def _replace(file: Path, text: str, mode: int) -> None:
    """Raises OSError, and then no part of the token or the unit is left beside the file."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise
