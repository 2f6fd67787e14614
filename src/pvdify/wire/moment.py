"""Points in time, as JSON has them."""

from datetime import datetime


def parse_moment(text: str) -> datetime:
    """An ISO 8601 date with a time, ``Z`` for UTC included. Raises ValueError."""
    # Python 3.10, which the packed command line runs on, knows no Z.
    return datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
