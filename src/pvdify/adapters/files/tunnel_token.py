"""The tunnel's token in a file, for the runtime without systemd: that runtime cannot keep cloudflared running."""

import asyncio
from pathlib import Path

from pvdify.adapters.files.whole_file import write_whole
from pvdify.errors import StoreUnavailable, storage_error
from pvdify.model.instance import Secret


class TunnelTokenFile:
    """Implements ``ports.edge.TunnelProcess``: it stores the token, and describes how to run cloudflared with it."""

    def __init__(self, data_dir: Path) -> None:
        self._file = data_dir / "edge" / "tunnel.env"

    async def ensure_running(self, run_token: Secret) -> str:
        """Write the token and return the command that runs cloudflared. Also raises StoreUnavailable."""
        try:
            await asyncio.to_thread(write_whole, self._file, f"TUNNEL_TOKEN={run_token}\n".encode())
        except OSError as error:
            raise storage_error(
                StoreUnavailable, f"{self._file} cannot be written", error, next="check that the disk is not read-only"
            ) from error
        return f"without systemd, run cloudflared yourself: env $(cat {self._file}) cloudflared tunnel run"

    async def stop(self) -> None:
        await asyncio.to_thread(self._file.unlink, missing_ok=True)
