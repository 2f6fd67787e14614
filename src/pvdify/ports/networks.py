"""Networks: each app has one of its own, which is made with its first container."""

from typing import Protocol


class Networks(Protocol):
    """The networks of apps. What runs of an app is on its network, and nothing of other apps is."""

    async def apps(self) -> frozenset[str]:
        """Return the apps that have a network here. Raises RuntimeUnavailable."""
        ...

    async def remove(self, app: str) -> None:
        """Remove the app's network, unless something is still on it. Absent is fine. Raises RuntimeUnavailable."""
        ...
