"""Builders of the arguments of systemctl, systemd-run and journalctl; pure. All options exist since systemd 219."""

from collections.abc import Sequence
from datetime import datetime

from pvdify.plumbing.command_runner import Argv

FIELDS = (
    "MESSAGE", "PRIORITY", "CONTAINER_TAG", "CONTAINER_PARTIAL_MESSAGE", "CONTAINER_ID_FULL",
    "_SOURCE_REALTIME_TIMESTAMP",
)  # fmt: skip
OUTPUT_FIELDS_SINCE = 236  # systemd's version; earlier ones always print every field


def read_version() -> Argv:
    """Print systemd's version."""
    return ("systemctl", "--version")


def try_confined(properties: Sequence[str]) -> Argv:
    """Run a program that does nothing with these properties, and wait for its end."""
    options = (f"--property={each}" for each in properties)
    return ("systemd-run", "--quiet", "--wait", "--collect", *options, "/bin/true")


def reload_units() -> Argv:
    """Make systemd read changed unit files."""
    return ("systemctl", "daemon-reload")


def start_unit(unit: str) -> Argv:
    """Start the unit, and wait until it is ready or has failed."""
    return ("systemctl", "start", unit)


def restart_unit(unit: str) -> Argv:
    """Restart the unit at once, even if it waits for its next automatic restart."""
    return ("systemctl", "restart", unit)


def enable_unit(unit: str) -> Argv:
    """Start the unit at each boot."""
    return ("systemctl", "enable", unit)


def disable_unit(unit: str) -> Argv:
    """Do not start the unit at boot."""
    return ("systemctl", "disable", unit)


def reload_unit(unit: str) -> Argv:
    """Make the unit's program read its configuration again."""
    return ("systemctl", "reload", unit)


def stop_units(units: Sequence[str]) -> Argv:
    """Stop the units that exist, and wait until they have stopped."""
    return ("systemctl", "stop", *units)


def forget_failures(units: Sequence[str]) -> Argv:
    """Clear the failed state of the units."""
    return ("systemctl", "reset-failed", *units)


def list_units(pattern: str) -> Argv:
    """List every loaded unit that matches the pattern, with its state."""
    return ("systemctl", "list-units", "--all", "--plain", "--no-legend", "--full", "--no-pager", pattern)


def list_tags() -> Argv:
    """List every tag in the journal, of all servers on this host; reads only the journal's index."""
    return ("journalctl", "--quiet", "--no-pager", "--field", "CONTAINER_TAG")


def read_journal(tags: Sequence[str], lines: int, since: datetime | None, *, version: int) -> Argv:
    """Print the last lines with these tags."""
    return (*_journal(tags, since, version), "--lines", str(lines))


def follow_journal(tags: Sequence[str], since: datetime, *, version: int) -> Argv:
    """Print all lines with these tags since then, and new ones as they are written."""
    return (*_journal(tags, since, version), "--follow", "--no-tail")


def _journal(tags: Sequence[str], since: datetime | None, version: int) -> Argv:
    matches = tuple(f"CONTAINER_TAG={tag}" for tag in tags)
    after = () if since is None else ("--since", f"@{int(since.timestamp())}")
    fields = (f"--output-fields={','.join(FIELDS)}",)
    chosen = fields if version >= OUTPUT_FIELDS_SINCE else ()
    return ("journalctl", "--quiet", "--no-pager", "--all", "--output", "json", *chosen, *matches, *after)
