"""The tunnel's token as a file, where nothing on the server could keep cloudflared running for us."""

import asyncio
from pathlib import Path

from pvdify.adapters.files.whole_file import write_whole
from pvdify.errors import StoreUnavailable, storage_error
from pvdify.model.instance import Secret


class TunnelTokenFile:
    """Implements ``ports.edge.TunnelProcess`` by saying how to run it."""

    def __init__(self, data_dir: Path) -> None:
        self._file = data_dir / "edge" / "tunnel.env"

    async def ensure_running(self, run_token: Secret) -> str:
        """Raises StoreUnavailable, too."""
        try:
            await asyncio.to_thread(write_whole, self._file, f"TUNNEL_TOKEN={run_token}\n".encode())
        except OSError as error:
            raise storage_error(
                StoreUnavailable, f"{self._file} cannot be written", error, next="check that the disk is not read-only"
            ) from error
        return f"without systemd it is yours to run: env $(cat {self._file}) cloudflared tunnel run"

    async def stop(self) -> None:
        await asyncio.to_thread(self._file.unlink, missing_ok=True)
