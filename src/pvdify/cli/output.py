"""Answers as people read them: aligned tables and lists of facts."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from pvdify.wire.differences import Difference

NONE = "-"


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns as wide as their widest cell, two spaces apart."""
    lines = [list(headers), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """``name  value`` a line; facts without a value are left out."""
    known = [(name, printable(value)) for name, value in pairs if value]
    width = max(len(name) for name, _ in known)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in known)


def printable(text: str) -> str:
    """The text on one line: a name or value that others chose cannot move the cursor or break the table."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def when(moment: datetime | None) -> str:
    """``2026-11-23 11:31:02Z``; "-" when it never was."""
    if moment is None:
        return NONE
    return moment.isoformat(sep=" ", timespec="seconds").replace("+00:00", "Z")


def memory(count: int | None) -> str:
    """``84M``, as in a manifest; "-" where it is not known."""
    return NONE if count is None else f"{count / 1024**2:.0f}M"


def share(cpus: float | None) -> str:
    """``12%`` of one CPU; "-" where it is not known."""
    return NONE if cpus is None else f"{cpus * 100:.0f}%"


def of_limit(used: str, limit: str) -> str:
    """``84M/512M``, or what is used alone where there is no limit."""
    return used if NONE in (used, limit) else f"{used}/{limit}"


def version(number: int | None) -> str:
    """``v42``."""
    return NONE if number is None else f"v{number}"


def differences(changes: Iterable[Difference]) -> str:
    """A line for each thing that differs between two releases."""
    rows = ((it.part, it.name, it.change, it.before or NONE, it.after or NONE) for it in changes)
    return table(("PART", "NAME", "CHANGE", "BEFORE", "AFTER"), rows)


def size(count: int) -> str:
    """Bytes as ``1.2 GB``, in powers of 1000."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}" if count < 10 * factor else f"{count / factor:.0f} {unit}"
    return f"{count} B"


def command_text(command: str | list[str] | None) -> str:
    """A process's command as one would type it; "" when it is the image's own."""
    if command is None or isinstance(command, str):
        return command or ""
    from shlex import join

    return join(command)
