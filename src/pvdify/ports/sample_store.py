"""The store of samples while pvdifyd is stopped."""

from collections.abc import Mapping
from typing import Protocol


class SampleStore(Protocol):
    """Durable samples, one blob per app. Every method raises StoreUnavailable and nothing else."""

    async def samples(self) -> dict[str, bytes]:
        """Return the samples saved last, by app."""
        ...

    async def save_samples(self, contents: Mapping[str, bytes]) -> None:
        """Replace all stored samples with these, in one transaction."""
        ...
