"""What the machine has left, and whether a deploy fits."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """Bytes; None where this machine cannot say."""

    free_disk: int | None
    available_memory: int | None
