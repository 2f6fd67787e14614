"""Where samples are kept while pvdifyd is stopped."""

from collections.abc import Mapping
from typing import Protocol


class SampleStore(Protocol):
    """Durable samples, one content an app. Every method raises StoreUnavailable and nothing else."""

    async def samples(self) -> dict[str, bytes]:
        """Return what was saved last, by app."""
        ...

    async def save_samples(self, contents: Mapping[str, bytes]) -> None:
        """Keep these, and nothing of any other app, in one transaction."""
        ...
