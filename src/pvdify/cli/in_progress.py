"""The choice of the release for ``deploy:attach`` and ``deploy:cancel``."""

from pvdify.cli.outcome import is_settled
from pvdify.client.api import Client
from pvdify.errors import ReleaseNotFound
from pvdify.wire.answers import Release


def newest(app: str, client: Client) -> Release:
    """Return the newest release that is being deployed, or else the newest release. Raises ReleaseNotFound."""
    releases = client.releases(app)
    if not releases:
        raise ReleaseNotFound(f"{app} has no release yet", next=f"pvdify deploy {app} --image REF")
    return next((release for release in releases if not is_settled(release)), releases[0])
