"""Parsers of what systemctl and journalctl print; pure."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_VERSION = re.compile(r"^systemd (\d+)")


@dataclass(frozen=True, kw_only=True)
class UnitState:
    """A unit's state: systemd's ActiveState and SubState."""

    active: str
    sub: str

    @property
    def is_active(self) -> bool:
        """Whether the unit's program runs."""
        return self.active == "active"

    @property
    def is_coming(self) -> bool:
        """Whether the unit is starting, or waits for its next automatic restart."""
        return self.active == "activating"

    @property
    def waits(self) -> bool:
        """Whether the unit waits for its next automatic restart."""
        return self.is_coming and self.sub in ("auto-restart", "auto-restart-queued", "start-pre")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One journal entry.

    ``at``: when journald stored it, in the order of the journal; ``sent_at``: when it was sent to journald.
    ``is_part``: the line continues in the next entry of the same tag, stream and container.
    """

    at: datetime
    sent_at: datetime
    tag: str
    stream: str
    data: bytes
    is_part: bool
    container: str


def version(text: str) -> int:
    """Return systemd's version from ``systemctl --version``; 0 if it cannot be read."""
    found = _VERSION.match(text)
    return int(found[1]) if found else 0


def unit_states(text: str) -> dict[str, UnitState]:
    """Return the states by unit name from ``systemctl list-units``."""
    rows = (line.lstrip("●*× ").split() for line in text.splitlines())
    return {row[0]: UnitState(active=row[2], sub=row[3]) for row in rows if len(row) > 3}


def entry(line: str) -> Entry | None:
    """Parse one line of ``journalctl --output json``; return None if it is invalid or no container wrote it."""
    try:
        fields: dict[str, Any] = json.loads(line)
        stored = fields["__REALTIME_TIMESTAMP"]
        at, sent_at = _moment(stored), _moment(fields.get("_SOURCE_REALTIME_TIMESTAMP", stored))
        tag = str(fields["CONTAINER_TAG"])
    except (ValueError, KeyError, TypeError):
        return None
    return Entry(
        at=at,
        sent_at=sent_at,
        tag=tag,
        stream="stderr" if str(fields.get("PRIORITY")) == "3" else "stdout",
        data=_data(fields.get("MESSAGE")),
        is_part=str(fields.get("CONTAINER_PARTIAL_MESSAGE", "")).lower() == "true",
        container=str(fields.get("CONTAINER_ID_FULL", "")),
    )


def _moment(text: Any) -> datetime:
    """Return the moment of a number of microseconds. Raises ValueError, TypeError."""
    seconds, microseconds = divmod(int(text), 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)


def _data(message: object) -> bytes:
    """Return the message. journalctl prints non-text as a list of bytes, and conmon keeps the line break."""
    if isinstance(message, list):
        return bytes(message).removesuffix(b"\n")
    return b"" if message is None else str(message).encode(errors="replace").removesuffix(b"\n")
