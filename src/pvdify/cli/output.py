"""Results as text: aligned tables, lists of facts, sizes and moments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from pvdify.cli.tables import NOTHING, available_width, printable, short_image, table

if TYPE_CHECKING:
    from pvdify.wire.answers import Check
    from pvdify.wire.differences import Difference

__all__ = [
    "NONE", "checks", "command_text", "differences", "facts", "memory", "of_limit", "printable", "share", "size",
    "table", "version", "when",
]  # fmt: skip
NONE = NOTHING


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Return one line ``name  value`` per fact, without the facts that have no value."""
    known = [(name, printable(value)) for name, value in pairs if value]
    width = max(len(name) for name, _ in known)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in known)


def when(moment: datetime | None) -> str:
    """Return ``2026-11-23 11:31:02Z``, or "-" for None."""
    if moment is None:
        return NONE
    return moment.isoformat(sep=" ", timespec="seconds").replace("+00:00", "Z")


def status(word: str, cause: str) -> str:
    """Return ``degraded (1 of 2)``."""
    return f"{word} ({cause})" if cause else word


def memory(count: int | None) -> str:
    """Return bytes as ``84M`` or ``1.5G``, as in a manifest; "-" for None."""
    if count is None:
        return NONE
    return f"{count / 1024**3:.1f}G".replace(".0G", "G") if count >= 1024**3 else f"{count / 1024**2:.0f}M"


def share(cpus: float | None) -> str:
    """Return CPUs as a percentage of one CPU, such as ``12%``; "-" for None."""
    return NONE if cpus is None else f"{cpus * 100:.0f}%"


def of_limit(used: str, limit: str) -> str:
    """Return ``84M/512M``; without a limit, only the usage."""
    return used if NONE in (used, limit) else f"{used}/{limit}"


def version(number: int | None) -> str:
    """Return ``v42``, or "-" for None."""
    return NONE if number is None else f"v{number}"


def differences(changes: Iterable[Difference]) -> str:
    """Return one line per difference between two releases; two lines if one would be wider than the terminal."""
    found = list(changes)
    rows = ((it.part, it.name, it.change, it.before or NONE, it.after or NONE) for it in found)
    text = table(("PART", "NAME", "CHANGE", "BEFORE", "AFTER"), rows)
    if max(map(len, text.splitlines())) <= available_width():
        return text
    return table(("PART", "NAME", "CHANGE", "CONTENT"), (row for it in found for row in _stacked(it)))


def _stacked(it: Difference) -> Iterator[tuple[str, ...]]:
    if it.before is None and it.after is None:
        yield it.part, it.name, it.change, NONE
        return
    for word, content in (("before", it.before), ("after", it.after)):
        shown = short_image(content or NONE) if it.part == "image" else content or NONE
        yield it.part, it.name, word, shown


def checks(found: Iterable[Check]) -> str:
    """Return the table of checks, followed by the next step of each failed check on a line that can be copied."""
    known = list(found)
    text = table(("CHECK", "STATE", "FINDING"), ((it.name, it.state, it.text) for it in known))
    to_do = [(it.name, it.next) for it in known if it.next]
    return f"{text}\n\n{facts((('TO DO', 'NEXT'), *to_do))}" if to_do else text


def size(count: int) -> str:
    """Return bytes as ``1.2 GB``, in powers of 1000."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}" if count < 10 * factor else f"{count / factor:.0f} {unit}"
    return f"{count} B"


def command_text(command: str | list[str] | None) -> str:
    """Return a process's command as users type it; "" for the image's own command."""
    if command is None or isinstance(command, str):
        return command or ""
    from shlex import join

    return join(command)
