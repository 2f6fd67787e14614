"""The container runtimes between which apps can move while pvdifyd runs."""

from collections.abc import Sequence
from typing import Protocol


class RuntimeOptions(Protocol):
    """The runtimes that this server can use."""

    @property
    def names(self) -> Sequence[str]:
        """The names of all runtimes that pvdify has, as in the setting ``runtime``."""
        ...

    async def obstacle(self, name: str) -> str:
        """Return why instances cannot run on this runtime here; "" if they can. Never raises."""
        ...
