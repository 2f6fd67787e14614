"""Files of the keeper in an instance's directory: what it writes, and what it reads."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

EXITS, TAKEN, GRACE, REFUSAL, BEGAN, IN_A_ROW = "exits", "exits.taken", "grace", "refusal", "began", "exits-in-a-row"
WATCHED = "start-is-watched"


@dataclass(frozen=True, kw_only=True)
class Noted:
    """One exit as the keeper noted it."""

    at: datetime
    code: int
    is_out_of_memory: bool
    container: str


def set_grace(directory: Path, seconds: int) -> None:
    """How long the program gets at the next stop. Raises OSError, and then it is as before."""
    temporary = directory / f".{GRACE}"
    try:
        temporary.write_text(f"{seconds}\n", encoding="ascii")
        temporary.replace(directory / GRACE)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise


def start_over(directory: Path) -> None:
    """Prepare a start that pvdifyd watches: without a pause, with its own words, and no exit is noted if it fails."""
    for name in (IN_A_ROW, REFUSAL):
        (directory / name).unlink(missing_ok=True)
    (directory / WATCHED).touch(mode=0o600)


def end_watch(directory: Path) -> None:
    """Let the keeper note failed starts again: from now on systemd starts the unit by itself."""
    (directory / WATCHED).unlink(missing_ok=True)


def refusal(directory: Path) -> str:
    """What podman wrote to stderr at the last start."""
    with suppress(OSError):
        return (directory / REFUSAL).read_text(encoding="utf-8", errors="replace")
    return ""


def has_begun(directory: Path) -> bool:
    """Whether the unit ever came as far as to start its container."""
    return (directory / BEGAN).exists()


def take(directory: Path) -> tuple[Noted, ...]:
    """The exits noted since ``forget``; those taken once and not forgotten come again. Raises OSError."""
    taken, fresh = directory / TAKEN, directory / EXITS
    if not taken.exists():
        if not fresh.exists():
            return ()
        os.replace(fresh, taken)  # noqa: PTH105 - one move; the keeper begins a new file
    return tuple(_parse(taken.read_text(encoding="ascii", errors="replace")))


def forget(directory: Path) -> None:
    """What was taken has been noted elsewhere. Raises OSError."""
    (directory / TAKEN).unlink(missing_ok=True)


def _parse(text: str) -> Iterator[Noted]:
    for line in text.splitlines():
        at, code, memory, container = (*line.split(" "), "", "", "", "")[:4]
        if at.isdigit() and code.isdigit():
            yield Noted(
                at=datetime.fromtimestamp(int(at), UTC),
                code=int(code),
                is_out_of_memory=memory == "memory",
                container=container,
            )
