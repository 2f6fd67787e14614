"""The files in an instance's directory that pvdifyd shares with the keeper script (``keeper.sh``)."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

EXITS, TAKEN, GRACE, REFUSAL, BEGAN, IN_A_ROW = "exits", "exits.taken", "grace", "refusal", "began", "exits-in-a-row"
WATCHED = "start-is-watched"


@dataclass(frozen=True, kw_only=True)
class RecordedExit:
    """One exit of an instance that the keeper recorded. ``container``: the container's id."""

    at: datetime
    code: int
    is_out_of_memory: bool
    container: str


def set_grace(directory: Path, seconds: int) -> None:
    """Set the seconds that the program has to end at the next stop. Raises OSError; then nothing has changed."""
    temporary = directory / f".{GRACE}"
    try:
        temporary.write_text(f"{seconds}\n", encoding="ascii")
        temporary.replace(directory / GRACE)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise


def start_over(directory: Path) -> None:
    """Prepare a start that pvdifyd watches.

    Resets the pause between restarts, deletes podman's earlier error output, and stops the keeper from recording an
    exit if this start fails. Raises OSError.
    """
    for name in (IN_A_ROW, REFUSAL):
        (directory / name).unlink(missing_ok=True)
    (directory / WATCHED).touch(mode=0o600)


def end_watch(directory: Path) -> None:
    """Make the keeper record failed starts again: from now on systemd restarts the unit by itself."""
    (directory / WATCHED).unlink(missing_ok=True)


def refusal(directory: Path) -> str:
    """Return what podman wrote to stderr at the last start; empty if that cannot be read."""
    with suppress(OSError):
        return (directory / REFUSAL).read_text(encoding="utf-8", errors="replace")
    return ""


def has_begun(directory: Path) -> bool:
    """Return whether the unit's last start got as far as starting its container."""
    return (directory / BEGAN).exists()


def take(directory: Path) -> tuple[RecordedExit, ...]:
    """Return the recorded exits. Until ``forget`` is called, each call returns the same exits. Raises OSError."""
    taken, fresh = directory / TAKEN, directory / EXITS
    if not taken.exists():
        if not fresh.exists():
            return ()
        os.replace(fresh, taken)  # noqa: PTH105 - atomic; the keeper appends to a new file
    return tuple(_parse(taken.read_text(encoding="ascii", errors="replace")))


def forget(directory: Path) -> None:
    """Delete the exits that ``take`` returned, once they are stored. Raises OSError."""
    (directory / TAKEN).unlink(missing_ok=True)


def _parse(text: str) -> Iterator[RecordedExit]:
    for line in text.splitlines():
        at, code, memory, container = (*line.split(" "), "", "", "", "")[:4]
        if at.isdigit() and code.isdigit():
            yield RecordedExit(
                at=datetime.fromtimestamp(int(at), UTC),
                code=int(code),
                is_out_of_memory=memory == "memory",
                container=container,
            )
