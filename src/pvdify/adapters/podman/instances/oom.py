"""Detection of containers that the kernel killed for their memory limit, from the kernel's log.

conmon writes a file if it sees the kill, but with cgroup v2 the container's cgroup is often gone before conmon reads
it, and podman 4.3 always reports "no". The kernel's message names the container's cgroup in every kernel version.
"""

import os
from pathlib import Path

KERNEL_LOG = Path("/dev/kmsg")
LARGEST_RECORD = 8192  # bytes
MOST_RECORDS = 20_000


def was_killed_for_memory(container_id: str, kernel_log: Path = KERNEL_LOG) -> bool:
    """Return whether a message in the kernel's buffer reports the kill. Never raises; blocks for milliseconds."""
    try:
        descriptor = os.open(kernel_log, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return any(is_memory_kill(record, container_id) for record in _records(descriptor))
    finally:
        os.close(descriptor)


def is_memory_kill(record: str, container_id: str) -> bool:
    """Return whether this message reports this container's out-of-memory kill, as old or new kernels write it."""
    return f"libpod-{container_id}" in record and ("oom-kill:" in record or "killed as a result of limit" in record)


def _records(descriptor: int) -> list[str]:
    records: list[str] = []
    while len(records) < MOST_RECORDS:
        try:
            record = os.read(descriptor, LARGEST_RECORD)
        except BrokenPipeError:  # the record was overwritten: the next read returns the oldest record that exists
            continue
        except OSError:
            break
        if not record:
            break
        records.append(record.decode(errors="replace"))
    return records
