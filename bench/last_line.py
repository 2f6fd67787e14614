"""What the second log of conmon costs that has the last line of an instance: CPU time for 100,000 lines.

Needs podman, and systemd as process 1: `python -m bench.last_line`. Prints the CPU time of conmon with the journal
alone and with both logs.
"""

import os
import statistics
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

from pvdify.adapters.podman.instances.launch import LAST_LINE_SIZE
from tests.support.images import build_image

LINES, ROUNDS = 100_000, 5
IDLE, QUIET = 0.2, 2.0  # seconds of CPU time that are more than a start takes; seconds without work at the end
PROGRAMS = {
    "in blocks": f"seq {LINES}; exec sleep 1000",
    "line by line": f"i=0; while [ $i -lt {LINES} ]; do i=$((i+1)); echo $i; done; exec sleep 1000",
}


def main() -> None:
    """Measure in turn, so that other work on the machine has the same part in both."""
    image, cases = build_image(content="hello"), [(name, second) for name in PROGRAMS for second in (False, True)]
    seconds: dict[tuple[str, bool], list[float]] = {case: [] for case in cases}
    with tempfile.TemporaryDirectory(dir="/run") as directory:
        for _ in range(ROUNDS):
            for name, has_second in cases:
                measured = measure(image, Path(directory), PROGRAMS[name], has_second=has_second)
                seconds[name, has_second].append(measured)
    for (name, has_second), found in seconds.items():
        logs = "journal and file" if has_second else "journal"
        print(f"{name}, {logs}: {statistics.median(found):.2f} s (median), {min(found):.2f} to {max(found):.2f} s")


def measure(image: str, directory: Path, program: str, *, has_second: bool) -> float:
    """Return the seconds of CPU time of conmon for LINES short lines."""
    tag, log = f"bench-{uuid.uuid4().hex[:8]}", directory / "last-line.log"
    second = f"-l k8s-file:{log} --log-size-max {LAST_LINE_SIZE}" if has_second else ""
    conmon = directory / "conmon"
    conmon.write_text(f'#!/bin/sh\n[ "$1" = --version ] && exec conmon --version\nexec conmon "$@" {second}\n')
    conmon.chmod(0o700)
    pid_file = directory / "pid"
    options = ("--log-driver=journald", f"--log-opt=tag={tag}", f"--conmon-pidfile={pid_file}", f"--name={tag}")
    podman("--conmon", str(conmon), "run", "--detach", "--network=none", *options, image, "/bin/sh", "-c", program)
    try:
        used = cpu_seconds_of_all(int(pid_file.read_text()))
        assert not has_second or log.read_text().endswith(f" F {LINES}\n"), "not all lines were written"
        return used
    finally:
        podman("rm", "--force", "--time", "0", tag)


def cpu_seconds_of_all(pid: int) -> float:
    """Return conmon's CPU time once it has worked, and then not for two seconds."""
    used, since = 0.0, time.monotonic()
    while used < IDLE or time.monotonic() - since < QUIET:
        time.sleep(0.2)
        if (now := cpu_seconds(pid)) > used:
            used, since = now, time.monotonic()
    return used


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def podman(*arguments: str) -> None:
    """Run podman."""
    subprocess.run(("podman", *arguments), check=True, capture_output=True)


if __name__ == "__main__":
    main()
