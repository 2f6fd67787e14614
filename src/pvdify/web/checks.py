"""Checks of the server that both the API and the dashboard show."""

from pvdify.engine.reading.server import Check
from pvdify.engine.state.backups.backups import BackupHealth


def check_of_backups(health: BackupHealth | None) -> tuple[Check, ...]:
    """Return the check of recent, proven backups; empty if no backup is needed."""
    if health is None:
        return ()
    text = f"{health.problem}; {health.text}" if health.problem and health.problem != health.text else health.text
    state = "warning" if health.problem else "ok"
    return (Check(name="backups", state=state, text=text, next=health.next if health.problem else ""),)
