"""What is asked of systemd and of its journal, as whole argument tuples; pure. Known to systemd 219 and later."""

from collections.abc import Sequence
from datetime import datetime

from pvdify.plumbing.command_runner import Argv

OUTPUT_FIELDS_SINCE = 236  # systemd's version; before it, the journal tells every field


def read_version() -> Argv:
    """Which systemd this is."""
    return ("systemctl", "--version")


def try_confined(properties: Sequence[str]) -> Argv:
    """Run a program that does nothing with these properties, and wait for its end."""
    options = (f"--property={each}" for each in properties)
    return ("systemd-run", "--quiet", "--wait", "--collect", *options, "/bin/true")


def reload_units() -> Argv:
    """Have systemd read changed unit files."""
    return ("systemctl", "daemon-reload")


def start_unit(unit: str) -> Argv:
    """Start it, and wait until it is ready or has failed."""
    return ("systemctl", "start", unit)


def restart_unit(unit: str) -> Argv:
    """Start it at once, whatever it waits for."""
    return ("systemctl", "restart", unit)


def enable_unit(unit: str) -> Argv:
    """Have it started at each boot."""
    return ("systemctl", "enable", unit)


def disable_unit(unit: str) -> Argv:
    """Have it started at boot no more."""
    return ("systemctl", "disable", unit)


def reload_unit(unit: str) -> Argv:
    """Have the program read its configuration again."""
    return ("systemctl", "reload", unit)


def stop_units(units: Sequence[str]) -> Argv:
    """Stop those that are there, and wait until they have."""
    return ("systemctl", "stop", *units)


def forget_failures(units: Sequence[str]) -> Argv:
    """Let systemd forget how they ended."""
    return ("systemctl", "reset-failed", *units)


def list_units(pattern: str) -> Argv:
    """Every unit that systemd has in mind, with its state."""
    return ("systemctl", "list-units", "--all", "--plain", "--no-legend", "--full", "--no-pager", pattern)


def list_tags() -> Argv:
    """Every tag that a line in the journal has, whichever server's; read from the journal's index."""
    return ("journalctl", "--quiet", "--no-pager", "--field", "CONTAINER_TAG")


def read_journal(tags: Sequence[str], lines: int, since: datetime | None, *, version: int) -> Argv:
    """The last lines with these tags."""
    return (*_journal(tags, since, version), "--lines", str(lines))


def follow_journal(tags: Sequence[str], since: datetime, *, version: int) -> Argv:
    """All they wrote since then and will write."""
    return (*_journal(tags, since, version), "--follow", "--no-tail")


def _journal(tags: Sequence[str], since: datetime | None, version: int) -> Argv:
    matches = tuple(f"CONTAINER_TAG={tag}" for tag in tags)
    after = () if since is None else ("--since", f"@{int(since.timestamp())}")
    fields = ("--output-fields=MESSAGE,PRIORITY,CONTAINER_TAG,CONTAINER_PARTIAL_MESSAGE",)
    chosen = fields if version >= OUTPUT_FIELDS_SINCE else ()
    return ("journalctl", "--quiet", "--no-pager", "--all", "--output", "json", *chosen, *matches, *after)
