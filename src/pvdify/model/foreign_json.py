"""JSON that another program wrote: what it may cost is bounded before it is read."""

import json
from typing import Any

LARGEST = 1024 * 1024
# A parser in C holds the interpreter, in whichever thread it runs: 1 MiB of empty lists would take 80 ms.
MOST_MARKS = 50_000
LONGEST_NUMBER = 400  # digits; reading a number costs the square of them
QUICK = 32 * 1024  # bytes that are read within 5 ms; more of them belong into a thread


def parse_json(content: str | bytes, *, largest: int = LARGEST) -> Any:
    """The value. Raises ValueError: no JSON, more than ``largest`` bytes or characters, too many values or levels."""
    if len(content) > largest:
        raise ValueError(f"it has more than {largest} bytes")
    check_marks(content)
    try:
        return json.loads(content, parse_int=short_int)
    except RecursionError:
        raise ValueError("it has too many levels") from None


def check_marks(content: str | bytes) -> None:
    """Raise ValueError if the text has so many values that reading it would take long. Commas within strings count."""
    if len(content) <= MOST_MARKS:
        return
    if isinstance(content, str):
        marks = content.count(",") + content.count("[") + content.count("{")
    else:
        marks = content.count(b",") + content.count(b"[") + content.count(b"{")
    if marks > MOST_MARKS:
        raise ValueError(f"it has more than {MOST_MARKS:,} commas and opening brackets")


def short_int(digits: str) -> int:
    """The number. Raises ValueError where it has too many digits."""
    if len(digits) > LONGEST_NUMBER:
        raise ValueError(f"it has a number of more than {LONGEST_NUMBER} digits")
    return int(digits)
