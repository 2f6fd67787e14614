"""What the machine has left, and whether a deploy fits."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """Bytes; None where this machine cannot say."""

    free_disk: int | None
    available_memory: int | None
    total_disk: int | None = None
    total_memory: int | None = None


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a running instance uses: bytes of memory and their limit, seconds of CPU since it started; None: unknown."""

    memory: int | None = None
    memory_limit: int | None = None
    cpu_seconds: float | None = None
