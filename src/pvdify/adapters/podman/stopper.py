"""A program that ends a container's processes in an order that loses no work.

Runs as ``python -IS stopper.py DIRECTORY SECONDS``. Every process of the container gets the image's stop signal, but
not all at the same moment. A process "hears" the signal if it catches, ignores or blocks it.

- A process that hears the signal gets it at once.
- A process that the signal would kill gets it once no process that hears is left. This process has no work to finish,
  but other processes may need it: ``cat`` in ``worker | cat``, a program that a worker has called.
- A shell that waits for a process that hears is suspended until that process has ended. Otherwise the shell would run
  its next command, or end and so end the container.
- An init program that only forwards signals (tini, podman's catatonit) is suspended until all other processes have
  ended. Otherwise it would end with its own child, and the kernel would kill the other processes.
- Processes that a program that hears manages itself get the signal when that program has ended, or just before the time
  is over: the workers that it has forked for its pool (Celery), and processes that it starts after its signal.

Works from outside the container, without pvdifyd and podman, because systemd also runs it at power-off. Imports few
modules, all from the standard library. Exit code 0: the container has ended, or the time is over. Exit code 3: the
container's processes cannot be listed here, and the caller must stop the container in another way.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator

FORWARDERS = frozenset({"tini", "tini-static", "dumb-init", "catatonit", "docker-init"})
PODMANS_INIT = frozenset({"/run/podman-init", "/dev/init"})
SHELLS = frozenset({"sh", "ash", "bash", "busybox", "dash", "ksh", "mksh", "yash", "zsh", "xargs"})
HARMLESS = frozenset({signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH})  # ignored by default
STOP_SIGNAL = "bundle/stop-signal"  # written by launch.py
SETTLE_SECONDS = 0.5  # how long readers of pipes must sleep, after the writers have ended, before they get the signal
LONGEST_SETTLE_SECONDS = 5.0  # the longest wait for readers that work, or are not yet scheduled on a busy machine
LAST_CALL_SECONDS = 0.5  # how long before the end of the time the processes managed by another one get the signal
SHORTEST_PAUSE, LONGEST_PAUSE = 0.01, 0.1  # seconds between two listings of the processes
CANNOT_LIST = 3
PROC, CGROUPS = "/proc", "/sys/fs/cgroup"


class Process:
    """A process of the container, as /proc describes it at one moment."""

    def __init__(
        self, pid: int, *, parent: int, started: int = 0, program: str = "", arguments: tuple[str, ...] = (),
        stack: int = 0, handling: tuple[int, int] = (0, 0), state: str = "S",
    ) -> None:  # fmt: skip
        """Set the facts from /proc.

        ``handling``: masks of the signals that the process catches, and of those that it ignores or blocks.
        ``stack``: the stack's first address. ``started``: distinguishes a later process with the same pid.
        ``state``: the kernel's letter.
        """
        self.pid, self.parent, self.started = pid, parent, started
        self.is_suspended, self.is_at_work = state == "T", state in "RD"
        self.program, self.arguments, self.stack = program, arguments, stack
        self.handling = handling
        self.is_shell = os.path.basename(program) in SHELLS  # noqa: PTH119 - pathlib is slow to load

    @property
    def key(self) -> tuple[int, int, str, int]:
        """The process and its program. Executing another program changes the key: that one has not got the signal."""
        return (self.pid, self.started, self.program, self.stack)

    @property
    def is_init(self) -> bool:
        """Whether the program is an init that only forwards signals."""
        first = self.arguments[0] if self.arguments else ""
        return first in PODMANS_INIT or os.path.basename(first) in FORWARDERS  # noqa: PTH119

    @property
    def rewrites(self) -> bool:
        """Whether the program is a dumb-init with options to forward another signal."""
        return self.is_init and any(each.startswith(("-r", "--rewrite")) for each in self.arguments[1:])

    def hears(self, number: int) -> bool:
        """Return whether the process survives the signal: catches, ignores or blocks it."""
        caught, passed = self.handling
        return number in HARMLESS or bool((caught | passed) >> (number - 1) & 1)

    def was_forked_by(self, parent: "Process") -> bool:
        """Return whether the process still runs the parent's program on the parent's stack, so has not called exec."""
        return self.stack == parent.stack != 0 and self.program == parent.program


Order = tuple[Process, int]  # a process and the signal to send


class Family:
    """The container's processes at one moment, as a tree, grouped by their reaction to the stop signal."""

    def __init__(self, processes: Iterable[Process], first: int, number: int) -> None:
        self._all = {each.pid: each for each in processes}
        self._children: dict[int, list[Process]] = {}
        for each in self._all.values():
            self._children.setdefault(each.parent, []).append(each)
        self._number = number
        self.first = self._all[first]
        self.others = self.below(self.first)  # without processes of `podman exec`, which are not below process 1
        mine = [self.first, *self.others]
        self.inits = [each for each in mine if each.is_init and not each.rewrites]
        plain = [each for each in mine if each not in self.inits]
        self.hearing = [each for each in plain if each.hears(number)]
        self.deaf = [each for each in plain if not each.hears(number)]

    def below(self, process: Process) -> list[Process]:
        """Return the process's descendants. The kernel makes orphans children of process 1."""
        found, left = [], list(self._children.get(process.pid, ()))
        while left:
            each = left.pop()
            found.append(each)
            left += self._children.get(each.pid, ())
        return found

    def above(self, process: Process) -> Iterator[Process]:
        """Yield the process's living ancestors, nearest first."""
        while (parent := self._all.get(process.parent)) is not None:
            yield parent
            process = parent

    def has_hearing_below(self, process: Process) -> bool:
        """Return whether a descendant hears the signal, and so may still have work."""
        return any(each in self.hearing for each in self.below(process))

    def is_left_to_parent(self, process: Process, *, is_new: bool) -> bool:
        """Return whether a living program that hears the signal manages this process.

        ``is_new``: the process was started after the stop began.
        """
        if any(each.rewrites for each in self.above(process)):
            return True
        parent = self._all.get(process.parent)
        if parent is None or parent.is_init or not parent.hears(self._number):
            return False
        is_of_a_pool = process.was_forked_by(parent) and not parent.is_shell and process.handling != parent.handling
        return is_new or is_of_a_pool


class Stop:
    """One stop of one container: decides which signals to send next, from those sent and the present processes."""

    def __init__(self, *, first: int, number: int, seconds: float) -> None:
        """``first``: the pid of the container's process 1; ``number``: the stop signal; ``seconds``: the whole time."""
        self._first, self._number = first, number
        self._last_call = seconds - min(LAST_CALL_SECONDS, seconds / 2)
        self._had: set[tuple[int, int, str, int]] = set()
        self._present: set[tuple[int, int]] | None = None
        self._alone_since: dict[int, float] = {}  # pid -> when its last descendant that hears has ended
        self._asleep_since: dict[int, float] = {}  # pid -> since when all its descendants sleep

    def orders(self, processes: Iterable[Process], now: float) -> list[Order]:
        """Return the signals to send now.

        ``processes``: all that have not ended; ``now``: seconds since the beginning of the stop.
        """
        family = Family(processes, self._first, self._number)
        if self._present is None:
            self._present = {(each.pid, each.started) for each in (family.first, *family.others)}
        if family.hearing:
            return self._let_work_end(family, now)
        return self._end_the_others(family, now)

    def _let_work_end(self, family: Family, now: float) -> list[Order]:
        waiting = [each for each in family.deaf if each.is_shell and family.has_hearing_below(each)]
        orders: list[Order] = [(each, signal.SIGSTOP) for each in (*family.inits, *waiting) if not each.is_suspended]
        is_last_call = now >= self._last_call
        for each in family.hearing:
            if is_last_call or not family.is_left_to_parent(each, is_new=self._is_new(each)):
                orders += self._send(each)
        for each in (*family.inits, *family.deaf):
            if each.is_suspended and each is not family.first:
                orders += self._release(each, family, now)
        if is_last_call:
            shells = (each for each in family.hearing if each.is_shell)
            orders += [order for shell in shells for each in family.below(shell) if each in family.deaf
                       for order in self._send(each)]  # fmt: skip
        self._forget_alone(self._first)
        return orders

    def _release(self, waiter: Process, family: Family, now: float) -> list[Order]:
        """Return the signals that end a suspended process once its descendants' work has ended; its parent may wait."""
        if family.has_hearing_below(waiter):
            self._forget_alone(waiter.pid)
            return []
        below = family.below(waiter)
        if below and not self._has_settled(waiter.pid, below, now):
            return []
        return [order for each in (*below, waiter) for order in self._send(each)]

    def _end_the_others(self, family: Family, now: float) -> list[Order]:
        reading = [each for each in family.others if each in family.deaf and not each.is_suspended]
        if self._had and reading and not self._has_settled(self._first, reading, now):
            return []
        if family.others:
            ending = (each for each in family.others if each in family.deaf or not family.below(each))
            return [order for each in ending for order in self._send(each)]
        if family.first in family.inits:
            return self._send(family.first)
        return [(family.first, signal.SIGKILL)]  # the kernel drops other signals to a process 1 that does not hear

    def _has_settled(self, above: int, processes: list[Process], now: float) -> bool:
        """Return whether readers of pipes have read all: they slept for SETTLE_SECONDS, or the longest wait is over."""
        alone_since = self._alone_since.setdefault(above, now)
        asleep_since = self._asleep_since.setdefault(above, now)
        if any(each.is_at_work for each in processes):
            asleep_since = self._asleep_since[above] = now
        return now - asleep_since >= SETTLE_SECONDS or now - alone_since >= LONGEST_SETTLE_SECONDS

    def _forget_alone(self, above: int) -> None:
        self._alone_since.pop(above, None)
        self._asleep_since.pop(above, None)

    def _send(self, process: Process) -> list[Order]:
        """Return the stop signal unless it was sent before, and SIGCONT if the process is suspended."""
        orders: list[Order] = [] if process.key in self._had else [(process, self._number)]
        self._had.add(process.key)
        return [*orders, (process, signal.SIGCONT)] if process.is_suspended else orders

    def _is_new(self, process: Process) -> bool:
        return (process.pid, process.started) not in (self._present or ())


def read_process(pid: int) -> Process | None:
    """Read the process with this pid; return None if it has ended."""
    try:
        with open(f"{PROC}/{pid}/stat", "rb") as file:  # noqa: PTH123
            fields = file.read().rpartition(b")")[2].split()  # the name before it may contain any character
        with open(f"{PROC}/{pid}/status", "rb") as file:  # noqa: PTH123
            said = dict(line.split(b":\t", 1) for line in file.read().splitlines() if b":\t" in line)
        with open(f"{PROC}/{pid}/cmdline", "rb") as file:  # noqa: PTH123
            arguments = tuple(file.read().decode(errors="replace").split("\0")[:-1])
        program = os.readlink(f"{PROC}/{pid}/exe")  # noqa: PTH115
    except OSError:
        return None
    if fields[0] in (b"Z", b"X"):
        return None
    return Process(
        pid, parent=int(fields[1]), started=int(fields[19]), stack=int(fields[25]), program=program,
        arguments=arguments, state=fields[0].decode(),
        handling=(int(said[b"SigCgt"], 16), int(said[b"SigIgn"], 16) | int(said[b"SigBlk"], 16)),
    )  # fmt: skip


def send(process: Process, number: int) -> None:
    """Send a signal to this process, and never to a later one with its pid."""
    descriptor = None
    try:
        try:
            descriptor = os.pidfd_open(process.pid)
        except ProcessLookupError:
            return
        except OSError:  # kernels before 5.3: the check below is right before the signal
            descriptor = None
        now = read_process(process.pid)
        if now is None or now.started != process.started:
            return
        if descriptor is None:
            os.kill(process.pid, number)
        else:
            signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        pass
    finally:
        if descriptor is not None:
            os.close(descriptor)


def find_cgroup(pid: int, container: str) -> str | None:
    """Return the directory of the container's cgroup, version 1 or 2; None if the process is in another cgroup."""
    with open(f"{PROC}/{pid}/cgroup", encoding="utf-8") as file:  # noqa: PTH123
        lines = [line.rstrip("\n").split(":", 2) for line in file]
    for _, controllers, path in lines:
        before, id, _ = path.partition(container)
        if not id:
            continue
        own = before + id + path[len(before + id) :].partition("/")[0]  # without cgroups that programs made below it
        names = (controllers, *controllers.split(","), controllers.removeprefix("name="), "unified")
        for directory in (f"{CGROUPS}/{name}{own}" for name in names):
            if os.path.exists(f"{directory}/cgroup.procs"):  # noqa: PTH110
                return directory
    return None


def list_processes(cgroup: str) -> list[Process]:
    """Return all processes of a cgroup and its descendants that have not ended."""
    found: dict[int, Process] = {}
    for directory, _, _ in os.walk(cgroup):
        try:
            with open(f"{directory}/cgroup.procs", encoding="ascii") as file:  # noqa: PTH123
                pids = [int(line) for line in file]
        except OSError:
            continue
        for pid in pids:
            if pid not in found and (process := read_process(pid)) is not None:
                found[pid] = process
    return list(found.values())


def stop(first: Process, cgroup: str, number: int, seconds: float) -> None:
    """Stop the processes of a cgroup; return when the container's first process has ended, or after ``seconds``."""
    began, pause = time.monotonic(), SHORTEST_PAUSE
    plan = Stop(first=first.pid, number=number, seconds=seconds)
    while (now := time.monotonic() - began) < seconds:
        processes = list_processes(cgroup)
        if not any(each.pid == first.pid and each.started == first.started for each in processes):
            return
        orders = plan.orders(processes, now)
        for process, each in orders:
            send(process, each)
        pause = SHORTEST_PAUSE if orders else min(pause * 1.5, LONGEST_PAUSE)
        time.sleep(max(0.0, min(pause, seconds - now)))


def read_stop_signal(directory: str) -> int:
    """Return the image's stop signal, which ``launch`` recorded at the start; SIGTERM by default."""
    try:
        with open(f"{directory}/{STOP_SIGNAL}", encoding="ascii") as file:  # noqa: PTH123
            number = int(file.read())
    except (OSError, ValueError):
        return signal.SIGTERM
    return number if 0 < number < signal.NSIG else signal.SIGTERM


def main(directory: str, seconds: str) -> int:
    """Stop the container of this instance's directory; return the exit code."""
    try:
        with open(f"{directory}/cid", encoding="ascii") as file:  # noqa: PTH123
            container = file.read().strip()
        with open(f"{directory}/pid", encoding="ascii") as file:  # noqa: PTH123
            first = read_process(int(file.read()))
        cgroup = find_cgroup(first.pid, container) if first is not None and container else None
    except (OSError, ValueError):
        return CANNOT_LIST
    if first is None or cgroup is None:
        return CANNOT_LIST
    stop(first, cgroup, read_stop_signal(directory), float(seconds))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
