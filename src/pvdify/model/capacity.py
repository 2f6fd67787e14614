"""Free resources of the machine."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """Bytes of disk and memory; None if unknown."""

    free_disk: int | None
    available_memory: int | None
    total_disk: int | None = None
    total_memory: int | None = None


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Resource use of an instance: bytes of memory and their limit, seconds of CPU since its start; None: unknown."""

    memory: int | None = None
    memory_limit: int | None = None
    cpu_seconds: float | None = None
