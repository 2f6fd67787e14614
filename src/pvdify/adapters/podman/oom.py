"""Whether the kernel killed a container for its memory limit, from the kernel's own log.

conmon leaves a mark where it sees the kill, but with cgroup v2 the container's cgroup is often gone before it looks,
and podman 4.3 always says "no". The kernel's message names the container's cgroup in every version.
"""

import os
from pathlib import Path

KERNEL_LOG = Path("/dev/kmsg")
LARGEST_RECORD = 8192
MOST_RECORDS = 20_000


def was_killed_for_memory(container_id: str, kernel_log: Path = KERNEL_LOG) -> bool:
    """Whether a message that is still in the kernel's buffer says so. Never raises; blocks for milliseconds."""
    try:
        descriptor = os.open(kernel_log, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return any(is_memory_kill(record, container_id) for record in _records(descriptor))
    finally:
        os.close(descriptor)


def is_memory_kill(record: str, container_id: str) -> bool:
    """Whether this message tells of this container's out-of-memory kill, in the words of old and new kernels."""
    return f"libpod-{container_id}" in record and ("oom-kill:" in record or "killed as a result of limit" in record)


def _records(descriptor: int) -> list[str]:
    records: list[str] = []
    while len(records) < MOST_RECORDS:
        try:
            record = os.read(descriptor, LARGEST_RECORD)
        except BrokenPipeError:  # overwritten while we read: the next read goes on with the oldest there is
            continue
        except OSError:
            break
        if not record:
            break
        records.append(record.decode(errors="replace"))
    return records
