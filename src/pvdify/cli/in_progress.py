"""The choice of the release for ``deploy:attach`` and ``deploy:cancel``."""

from pvdify.cli.outcome import is_settled
from pvdify.client.api import Client
from pvdify.errors import ReleaseNotFound
from pvdify.wire.answers import Release


def newest(app: str, client: Client, *, prefers_running: bool = False) -> Release:
    """Return the newest release that is being deployed, or else the newest release. Raises ReleaseNotFound.

    ``prefers_running``: rather the one whose steps run than a newer one that waits for its turn.
    """
    releases = client.releases(app)
    if not releases:
        raise ReleaseNotFound(f"{app} has no release yet", next=f"pvdify deploy {app} --image REF")
    if prefers_running and (running := next((it for it in releases if it.status == "deploying"), None)):
        return running
    return next((release for release in releases if not is_settled(release)), releases[0])
