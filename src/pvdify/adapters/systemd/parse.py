"""Understanding what systemd and its journal print; pure."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_VERSION = re.compile(r"^systemd (\d+)")


@dataclass(frozen=True, kw_only=True)
class UnitState:
    """A unit's active state in systemd, and its detail."""

    active: str
    sub: str

    @property
    def is_active(self) -> bool:
        """Its program runs."""
        return self.active == "active"

    @property
    def is_coming(self) -> bool:
        """It is being started, or waits for its next start."""
        return self.active == "activating"

    @property
    def waits(self) -> bool:
        """It waits for its next start."""
        return self.is_coming and self.sub in ("auto-restart", "auto-restart-queued", "start-pre")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of the journal. ``is_part``: the line goes on in the next entry of the same tag and stream."""

    at: datetime
    tag: str
    stream: str
    text: str
    is_part: bool


def version(text: str) -> int:
    """systemd's version in ``systemctl --version``; 0 if it is unknown."""
    found = _VERSION.match(text)
    return int(found[1]) if found else 0


def unit_states(text: str) -> dict[str, UnitState]:
    """Unit name -> state in ``systemctl list-units``."""
    rows = (line.lstrip("●*× ").split() for line in text.splitlines())
    return {row[0]: UnitState(active=row[2], sub=row[3]) for row in rows if len(row) > 3}


def entry(line: str) -> Entry | None:
    """One line of ``journalctl --output json``; None for what no container wrote, or what cannot be read."""
    try:
        fields: dict[str, Any] = json.loads(line)
        microseconds = int(fields["__REALTIME_TIMESTAMP"])
        tag = str(fields["CONTAINER_TAG"])
    except (ValueError, KeyError, TypeError):
        return None
    return Entry(
        at=datetime.fromtimestamp(microseconds // 1_000_000, UTC).replace(microsecond=microseconds % 1_000_000),
        tag=tag,
        stream="stderr" if str(fields.get("PRIORITY")) == "3" else "stdout",
        text=_text(fields.get("MESSAGE")),
        is_part=str(fields.get("CONTAINER_PARTIAL_MESSAGE", "")).lower() == "true",
    )


def _text(message: object) -> str:
    """The message; what is not plain text comes as a list of bytes, and conmon leaves the line's end where it was."""
    if isinstance(message, list):
        message = bytes(message).decode(errors="replace")
    return "" if message is None else str(message).removesuffix("\n").removesuffix("\r")
