"""Networks of apps. Each app has its own network, created with its first container."""

from typing import Protocol


class Networks(Protocol):
    """The networks of apps. All containers of an app are on its network, and no containers of other apps."""

    async def apps(self) -> frozenset[str]:
        """Return the apps that have a network here. Raises RuntimeUnavailable."""
        ...

    async def keep_apart(self) -> None:
        """Restore what isolates the networks from each other, if another program removed it. Never raises."""
        ...

    async def remove(self, app: str) -> None:
        """Remove the app's network, unless a container is still on it. Absent is fine. Raises RuntimeUnavailable."""
        ...
