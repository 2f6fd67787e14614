"""The processes of a cluster: started in the background, recorded, ended by a signal."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tools.cluster.network import Network

STARTS_WITHIN_SECONDS = 30
ENDS_WITHIN_SECONDS = 20
TAIL = 1500
RECORD = 'echo $$ > "$0.new" && mv "$0.new" "$0"'
ONCE = f'{RECORD} && exec "$@"'
AGAIN_AND_AGAIN = f'{RECORD} && while :; do "$@"; echo "ended with $?; it is started again"; sleep 1; done'


class Processes:
    """Starts programs in the networks of machines. Each has a file with its pid and one with its output."""

    def __init__(self, folder: Path, network: Network) -> None:
        self._pids, self._logs = folder / "pids", folder / "logs"
        self._network = network

    def start(
        self, name: str, machine: str, *argv: str, environment: Mapping[str, str] | None = None, restarts: bool = False
    ) -> None:
        """Start it as a child of process 1, so that it outlives its caller.

        ``restarts``: it is started again a second after each end; only ``end_all`` ends it.

        Raises:
            RuntimeError: it runs already
        """
        if self.is_running(name, machine):
            raise RuntimeError(f"{name} is running already")
        for folder in (self._pids, self._logs):
            folder.mkdir(parents=True, exist_ok=True)
        self._pid_file(name).unlink(missing_ok=True)
        script = AGAIN_AND_AGAIN if restarts else ONCE
        inside = self._network.command(machine, "sh", "-c", script, str(self._pid_file(name)), *argv)
        with self.log(name).open("ab") as output:
            subprocess.run(
                ("setsid", "--fork", *inside), check=True, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env={**os.environ, **(environment or {})}, cwd="/",
            )  # fmt: skip
        _wait(lambda: self._pid_file(name).exists(), STARTS_WITHIN_SECONDS, f"{name} did not start: {self.tail(name)}")

    def is_running(self, name: str, machine: str) -> bool:
        pid = self.pid(name)
        return pid is not None and self._network.contains(pid, machine)

    def pid(self, name: str) -> int | None:
        """The pid that was recorded when it started."""
        try:
            return int(self._pid_file(name).read_text(encoding="ascii"))
        except FileNotFoundError:
            return None

    def end(self, name: str, machine: str, *, by: signal.Signals = signal.SIGKILL) -> None:
        """Send it a signal and wait until it is gone. Does nothing if it does not run."""
        pid = self.pid(name)
        if pid is not None and self._network.contains(pid, machine):
            _kill(pid, by)
            _wait(lambda: not self.is_running(name, machine), ENDS_WITHIN_SECONDS, f"{name} does not end")
        self._pid_file(name).unlink(missing_ok=True)

    def end_all(self) -> None:
        """Kill every process in the networks of the cluster, also those that no file names."""

        def none_left() -> bool:
            left = self._network.processes() - {os.getpid()}
            for pid in left:
                _kill(pid, signal.SIGKILL)
            return not left

        _wait(none_left, ENDS_WITHIN_SECONDS, "processes of the cluster do not end")

    def log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def tail(self, name: str) -> str:
        """The end of its output, for messages."""
        file = self.log(name)
        return file.read_text(encoding="utf-8", errors="replace")[-TAIL:] if file.exists() else "no output"

    def _pid_file(self, name: str) -> Path:
        return self._pids / name


def _kill(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _wait(is_so: Callable[[], bool], seconds: float, otherwise: str) -> None:
    """Raises TimeoutError with ``otherwise``."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise)
        time.sleep(0.05)
