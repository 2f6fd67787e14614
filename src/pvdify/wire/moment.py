"""Parsing of moments in JSON."""

from datetime import datetime


def parse_moment(text: str) -> datetime:
    """Parse an ISO 8601 date with a time; ``Z`` means UTC. Raises ValueError."""
    # Python 3.10, which the zipapp of the command line supports, cannot parse Z.
    return datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
