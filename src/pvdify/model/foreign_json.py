"""Parsing of JSON from other programs, with limits that are checked before parsing."""

import json
from typing import Any

LARGEST = 1024 * 1024  # bytes or characters
# Python's JSON parser blocks all threads while it runs: 1 MiB of empty lists takes 80 ms.
MOST_MARKS = 50_000
LONGEST_NUMBER = 400  # digits; the time to parse a number grows with their square
QUICK = 32 * 1024  # bytes that are parsed within 5 ms; parse larger texts in a thread


def parse_json(content: str | bytes, *, largest: int = LARGEST) -> Any:
    """Parse JSON. Raises ValueError if it is invalid, longer than ``largest``, or has too many values or levels."""
    if len(content) > largest:
        raise ValueError(f"it has more than {largest} bytes")
    check_marks(content)
    try:
        return json.loads(content, parse_int=short_int)
    except RecursionError:
        raise ValueError("it has too many levels") from None


def check_marks(content: str | bytes) -> None:
    """Raise ValueError if the text has so many values that parsing takes long. Commas in strings count too."""
    if len(content) <= MOST_MARKS:
        return
    if isinstance(content, str):
        marks = content.count(",") + content.count("[") + content.count("{")
    else:
        marks = content.count(b",") + content.count(b"[") + content.count(b"{")
    if marks > MOST_MARKS:
        raise ValueError(f"it has more than {MOST_MARKS:,} commas and opening brackets")


def short_int(digits: str) -> int:
    """Parse an integer. Raises ValueError if it has too many digits."""
    if len(digits) > LONGEST_NUMBER:
        raise ValueError(f"it has a number of more than {LONGEST_NUMBER} digits")
    return int(digits)
