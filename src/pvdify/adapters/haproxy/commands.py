"""Commands for HAProxy: argument tuples for the program, and lines for its command socket. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pvdify.adapters.haproxy import counters, second_try
from pvdify.adapters.haproxy.maps import Change
from pvdify.plumbing.command_runner import Argv

SHOW_INFO = "show info"
SHOW_SESSIONS = "show sess all"  # the short form lacks the address that a request was sent to


@dataclass(frozen=True, kw_only=True)
class Replaced:
    """The processes that a new process replaces.

    ``socket``: the command socket that passes on their listening sockets; None if no process answers there.
    """

    pids: tuple[int, ...] = ()
    socket: Path | None = None


def version(binary: str) -> Argv:
    """Return the command that prints the version of a program and how it was built."""
    return (binary, "-vv")


def start(binary: str, directory: Path, file: str, replaced: Replaced) -> Argv:
    """Return the command that starts HAProxy in the background and takes over from the replaced processes.

    Replaced processes finish their requests; the listening sockets stay open throughout. The command exits with 0 once
    the new process listens, and with 1 if it cannot. ``-C`` distinguishes this router from any other HAProxy.
    """
    handover = ("-x", str(replaced.socket)) if replaced.socket else ()
    finish = ("-sf", *map(str, replaced.pids)) if replaced.pids else ()
    return (binary, "-D", *identity(directory), "-f", file, *handover, *finish)


def append(file: Path) -> Argv:
    """Return the command that appends stdin to a file with ``cat``, in the background. The shell exits at once.

    ``cat`` ends when the disk is full, and is started again a second later; ``tee`` would never write to the file
    again. ``cat`` runs as a batch task: as an ordinary task it preempts HAProxy's thread in the middle of a write, and
    HAProxy's other threads drop their lines meanwhile (measured: 2 of 100 lines on a busy machine, none as a batch
    task).
    """
    batch = 'batch="chrt --batch 0"; $batch true || batch='
    again = 'while ! $batch cat >>"$0"; do [ -e "$0" ] || exit; sleep 1; done'
    return ("/bin/sh", "-c", f"exec 3<&0; {{ {batch}; {again}; }} <&3 3<&- >/dev/null 2>&1 &", str(file))


def identity(directory: Path) -> Argv:
    """Return the arguments that identify the router of this directory among all processes."""
    return ("-C", str(directory))


def read(change: Change) -> str:
    """Return the command that reads a change's map entry."""
    return f"get map {change.map} {change.key}"


def act(change: Change, *, is_present: bool) -> str:
    """Return the command for a change. ``is_present``: the map has an entry with this key now."""
    if change.value is None:
        return f"del map {change.map} {change.key}"
    return f"{'set' if is_present else 'add'} map {change.map} {change.key} {change.value}"


def show_map(name: str) -> str:
    """Return the command that lists a map."""
    return f"show map {name}"


def show_counts(target: str) -> str:
    """Return the command that reads the counts of a target."""
    return f"show table {counters.TABLE} key {target}"


def show_all_counts() -> str:
    """Return the command that reads the counts of all targets."""
    return f"show table {counters.TABLE}"


def show_repeated(target: str) -> str:
    """Return the command that reads the count of requests that reached a target after another target had failed."""
    return f"show table {second_try.TABLE} key {target}"


def end_session(session: str) -> str:
    """Return the command that closes both connections of a request. The peers of a WebSocket get the stream's end."""
    return f"shutdown session {session}"


def clear_counts(target: str) -> tuple[str, ...]:
    """Return the commands that delete the counts of a target."""
    return tuple(f"clear table {table} key {target}" for table in (counters.TABLE, second_try.TABLE))


def lines(commands: Sequence[str], longest: int = 100) -> tuple[tuple[str, ...], ...]:
    """Group commands so that each group, sent as one line, fits HAProxy's buffer of 16 KB."""
    return tuple(tuple(commands[i : i + longest]) for i in range(0, len(commands), longest))
