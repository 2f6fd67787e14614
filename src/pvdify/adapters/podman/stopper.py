"""Ends a container's processes in an order in which no work is lost: ``python -IS stopper.py DIRECTORY SECONDS``.

Every process of the container gets the image's stop signal, but not all at the same moment:

- A process that catches, ignores or blocks the signal ("hears" it) gets the signal at once.
- A process that the signal would simply kill gets the signal once no process that hears is left. It has no work to
  finish, but others may need it: ``cat`` in ``worker | cat``, a program that a worker has called.
- A shell that waits for a process that hears is suspended until that process has ended. Otherwise the shell would run
  its next command, or end the container with its own end.
- An init program that only forwards signals (tini, podman's catatonit) is suspended until all other processes have
  ended. Otherwise it would end with its own child, and the kernel would kill the other processes.
- What a program that hears manages itself gets the signal when that program has ended, or just before the time is
  over: the workers that it has forked for its pool (Celery), and what it starts after it got the signal.

Works from outside the container, without pvdifyd and without podman: systemd runs it at power-off too. Imports the
standard library only, and little of it. Exit code 0: the container has ended, or the time is over. Exit code 3: the
container's processes cannot be listed here, and the caller has to stop it another way.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator

FORWARDERS = frozenset({"tini", "tini-static", "dumb-init", "catatonit", "docker-init"})
PODMANS_INIT = frozenset({"/run/podman-init", "/dev/init"})
SHELLS = frozenset({"sh", "ash", "bash", "busybox", "dash", "ksh", "mksh", "yash", "zsh", "xargs"})
HARMLESS = frozenset({signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH})  # nothing happens by default
STOP_SIGNAL = "bundle/stop-signal"  # written by launch.py
SETTLE_SECONDS = 0.5  # for readers of pipes, once the writers have ended, and while they are asleep
LONGEST_SETTLE_SECONDS = 5.0  # for readers that are at work, or not yet scheduled on a busy machine
LAST_CALL_SECONDS = 0.5  # before the time is over, for what was left to a program that has not ended
SHORTEST_PAUSE, LONGEST_PAUSE = 0.01, 0.1
CANNOT_LIST = 3
PROC, CGROUPS = "/proc", "/sys/fs/cgroup"


class Process:
    """A process of the container, as /proc describes it at one moment."""

    def __init__(
        self, pid: int, *, parent: int, started: int = 0, program: str = "", arguments: tuple[str, ...] = (),
        stack: int = 0, handling: tuple[int, int] = (0, 0), state: str = "S",
    ) -> None:  # fmt: skip
        """``handling``: masks of the signals that it catches, and of those that it ignores or blocks.

        ``stack`` is the stack's first address. ``started`` tells it from a later process with the same pid.
        ``state`` is the kernel's letter.
        """
        self.pid, self.parent, self.started = pid, parent, started
        self.is_suspended, self.is_at_work = state == "T", state in "RD"
        self.program, self.arguments, self.stack = program, arguments, stack
        self.handling = handling
        self.is_shell = os.path.basename(program) in SHELLS  # noqa: PTH119 - pathlib is slow to load

    @property
    def key(self) -> tuple[int, int, str, int]:
        """Changes also when the process executes another program, which has not had the signal."""
        return (self.pid, self.started, self.program, self.stack)

    @property
    def is_init(self) -> bool:
        """Whether it is an init program that only forwards signals."""
        first = self.arguments[0] if self.arguments else ""
        return first in PODMANS_INIT or os.path.basename(first) in FORWARDERS  # noqa: PTH119

    @property
    def rewrites(self) -> bool:
        """Whether it is a dumb-init with orders to forward another signal."""
        return self.is_init and any(each.startswith(("-r", "--rewrite")) for each in self.arguments[1:])

    def hears(self, number: int) -> bool:
        """Whether the signal does not simply kill it."""
        caught, passed = self.handling
        return number in HARMLESS or bool((caught | passed) >> (number - 1) & 1)

    def was_forked_by(self, parent: "Process") -> bool:
        """Whether it still runs on the stack that the parent got when it executed its program."""
        return self.stack == parent.stack != 0 and self.program == parent.program


Order = tuple[Process, int]  # and the signal to send


class Family:
    """The container's processes at one moment: who is below whom, and what the stop signal is to each."""

    def __init__(self, processes: Iterable[Process], first: int, number: int) -> None:
        self._all = {each.pid: each for each in processes}
        self._children: dict[int, list[Process]] = {}
        for each in self._all.values():
            self._children.setdefault(each.parent, []).append(each)
        self._number = number
        self.first = self._all[first]
        self.others = self.below(self.first)  # not what an operator's `podman exec` runs
        mine = [self.first, *self.others]
        self.inits = [each for each in mine if each.is_init and not each.rewrites]
        plain = [each for each in mine if each not in self.inits]
        self.hearing = [each for each in plain if each.hears(number)]
        self.deaf = [each for each in plain if not each.hears(number)]

    def below(self, process: Process) -> list[Process]:
        """Its descendants. The kernel makes orphans children of process 1."""
        found, left = [], list(self._children.get(process.pid, ()))
        while left:
            each = left.pop()
            found.append(each)
            left += self._children.get(each.pid, ())
        return found

    def above(self, process: Process) -> Iterator[Process]:
        """Its living ancestors, nearest first."""
        while (parent := self._all.get(process.parent)) is not None:
            yield parent
            process = parent

    def has_hearing_below(self, process: Process) -> bool:
        """Whether work may go on below it."""
        return any(each in self.hearing for each in self.below(process))

    def is_left_to_parent(self, process: Process, *, is_new: bool) -> bool:
        """Whether a living program that hears manages this process; ``is_new``: it was started since the stop began."""
        if any(each.rewrites for each in self.above(process)):
            return True
        parent = self._all.get(process.parent)
        if parent is None or parent.is_init or not parent.hears(self._number):
            return False
        is_of_a_pool = process.was_forked_by(parent) and not parent.is_shell and process.handling != parent.handling
        return is_new or is_of_a_pool


class Stop:
    """One stop of one container: decides what to send next, from what was sent and how the processes look now."""

    def __init__(self, *, first: int, number: int, seconds: float) -> None:
        """``first``: the pid of the container's process 1; ``number``: its stop signal."""
        self._first, self._number = first, number
        self._last_call = seconds - min(LAST_CALL_SECONDS, seconds / 2)
        self._had: set[tuple[int, int, str, int]] = set()
        self._present: set[tuple[int, int]] | None = None
        self._alone_since: dict[int, float] = {}  # pid -> when the last process that hears has ended below it
        self._asleep_since: dict[int, float] = {}  # pid -> since when nothing below it has been at work

    def orders(self, processes: Iterable[Process], now: float) -> list[Order]:
        """What to send now, so many seconds after the beginning. ``processes``: all that have not ended."""
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
        """End a suspended shell when its work has ended: its own parent may wait for it."""
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
        return [(family.first, signal.SIGKILL)]  # the kernel keeps the signal from a process 1 that does not hear

    def _has_settled(self, above: int, processes: list[Process], now: float) -> bool:
        """Whether readers of pipes have read what was left in them: they have been asleep for a while, or take long."""
        alone_since = self._alone_since.setdefault(above, now)
        asleep_since = self._asleep_since.setdefault(above, now)
        if any(each.is_at_work for each in processes):
            asleep_since = self._asleep_since[above] = now
        return now - asleep_since >= SETTLE_SECONDS or now - alone_since >= LONGEST_SETTLE_SECONDS

    def _forget_alone(self, above: int) -> None:
        self._alone_since.pop(above, None)
        self._asleep_since.pop(above, None)

    def _send(self, process: Process) -> list[Order]:
        """The stop signal, once."""
        orders: list[Order] = [] if process.key in self._had else [(process, self._number)]
        self._had.add(process.key)
        return [*orders, (process, signal.SIGCONT)] if process.is_suspended else orders

    def _is_new(self, process: Process) -> bool:
        return (process.pid, process.started) not in (self._present or ())


def read_process(pid: int) -> Process | None:
    """The process with this pid; None when it has ended."""
    try:
        with open(f"{PROC}/{pid}/stat", "rb") as file:  # noqa: PTH123
            fields = file.read().rpartition(b")")[2].split()  # the name before it may hold anything
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
        except OSError:  # kernels before 5.3: the pid is looked at again right before
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
    """The directory of the container's cgroup, version 1 or 2; None when the process is not in it."""
    with open(f"{PROC}/{pid}/cgroup", encoding="utf-8") as file:  # noqa: PTH123
        lines = [line.rstrip("\n").split(":", 2) for line in file]
    for _, controllers, path in lines:
        before, id, _ = path.partition(container)
        if not id:
            continue
        own = before + id + path[len(before + id) :].partition("/")[0]  # programs may have made cgroups below it
        names = (controllers, *controllers.split(","), controllers.removeprefix("name="), "unified")
        for directory in (f"{CGROUPS}/{name}{own}" for name in names):
            if os.path.exists(f"{directory}/cgroup.procs"):  # noqa: PTH110
                return directory
    return None


def list_processes(cgroup: str) -> list[Process]:
    """All processes of a cgroup and of those below it that have not ended."""
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
    """Return when the container's first process has ended, or the time is over."""
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
    """The image's stop signal, as noted when the container was started; SIGTERM by default."""
    try:
        with open(f"{directory}/{STOP_SIGNAL}", encoding="ascii") as file:  # noqa: PTH123
            number = int(file.read())
    except (OSError, ValueError):
        return signal.SIGTERM
    return number if 0 < number < signal.NSIG else signal.SIGTERM


def main(directory: str, seconds: str) -> int:
    """Stop the container of this instance's directory."""
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
