"""The public URLs of apps."""

from dataclasses import dataclass

from pvdify.manifest.definition import Manifest
from pvdify.model.app import default_hostname
from pvdify.model.names import WEB

_USUAL_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, kw_only=True)
class Urls:
    """The form of URLs on this server. ``port``: None for the scheme's default."""

    base_domain: str
    scheme: str = "https"
    port: int | None = None

    def of(self, hostname: str) -> str:
        """Return the URL of a hostname."""
        port = "" if self.port in (None, _USUAL_PORTS[self.scheme]) else f":{self.port}"
        return f"{self.scheme}://{hostname}{port}"

    def of_app(self, app: str, manifest: Manifest | None = None) -> str | None:
        """Return the app's URL, or None if this manifest has no web process."""
        if manifest is not None and WEB not in manifest.processes:
            return None
        return self.of(default_hostname(app, self.base_domain))
