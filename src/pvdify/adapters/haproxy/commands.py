"""What we say to HAProxy: argument tuples for the program, lines for its socket. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pvdify.adapters.haproxy import counters, second_try
from pvdify.adapters.haproxy.maps import Change
from pvdify.plumbing.command_runner import Argv

SHOW_INFO = "show info"
SHOW_SESSIONS = "show sess all"  # only the long form has the address that a request went to


@dataclass(frozen=True, kw_only=True)
class Replaced:
    """The processes a new one takes over from; ``socket`` hands over the listening sockets, where it answers."""

    pids: tuple[int, ...] = ()
    socket: Path | None = None


def version(binary: str) -> Argv:
    """Ask a binary which version it is."""
    return (binary, "-vv")


def start(binary: str, directory: Path, file: str, replaced: Replaced) -> Argv:
    """Start in the background; old processes finish what they serve, and their listening sockets never close.

    The program returns when it listens (0) or cannot (1), and ``-C`` tells our process from any other HAProxy.
    """
    handover = ("-x", str(replaced.socket)) if replaced.socket else ()
    finish = ("-sf", *map(str, replaced.pids)) if replaced.pids else ()
    return (binary, "-D", *identity(directory), "-f", file, *handover, *finish)


def append(file: Path) -> Argv:
    """Add what comes on stdin to a file, in the background: the shell returns at once, ``cat`` stays till the end.

    ``cat`` ends where the disk is full, and is started again; ``tee`` would never write to the file again. It runs as a
    batch task: woken as an ordinary one, it takes the core from HAProxy's thread in the middle of a write, and the
    other threads drop their lines meanwhile (2 of 100 on a busy machine, measured; none since).
    """
    batch = 'batch="chrt --batch 0"; $batch true || batch='
    again = 'while ! $batch cat >>"$0"; do [ -e "$0" ] || exit; sleep 1; done'
    return ("/bin/sh", "-c", f"exec 3<&0; {{ {batch}; {again}; }} <&3 3<&- >/dev/null 2>&1 &", str(file))


def identity(directory: Path) -> Argv:
    """The arguments that only the router of this directory has."""
    return ("-C", str(directory))


def look(change: Change) -> str:
    """Ask for an entry."""
    return f"get map {change.map} {change.key}"


def act(change: Change, *, is_present: bool) -> str:
    """Carry out a change, knowing whether the entry is there."""
    if change.value is None:
        return f"del map {change.map} {change.key}"
    return f"{'set' if is_present else 'add'} map {change.map} {change.key} {change.value}"


def show_map(name: str) -> str:
    """Ask for a whole map."""
    return f"show map {name}"


def show_counts(target: str) -> str:
    """Ask for the counts of one target."""
    return f"show table {counters.TABLE} key {target}"


def show_all_counts() -> str:
    """Ask for the counts of every target."""
    return f"show table {counters.TABLE}"


def show_repeated(target: str) -> str:
    """Ask for what came to one target because another one had failed."""
    return f"show table {second_try.TABLE} key {target}"


def end_session(session: str) -> str:
    """Close both connections of a request in progress; a WebSocket's peer sees the end of the stream."""
    return f"shutdown session {session}"


def clear_counts(target: str) -> tuple[str, ...]:
    """Drop the counts of one target."""
    return tuple(f"clear table {table} key {target}" for table in (counters.TABLE, second_try.TABLE))


def lines(commands: Sequence[str], longest: int = 100) -> tuple[tuple[str, ...], ...]:
    """Commands in groups that fit one line of HAProxy's 16 KB buffer."""
    return tuple(tuple(commands[i : i + longest]) for i in range(0, len(commands), longest))
