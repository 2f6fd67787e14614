"""Numbers in requests: of so many digits at most that they fit into the database and into every message.

Numbers in paths have at most nine digits. Python refuses to read a number of more than 4,300 digits.
"""

from starlette.convertors import IntegerConvertor, register_url_convertor

LONGEST = 19  # digits of a number that fits into 64 bits


class SmallNumber(IntegerConvertor):
    """``{version:int}``. A path with a larger number matches no route."""

    regex = "[0-9]{1,9}"


def use_small_numbers() -> None:
    """Make ``int`` in paths mean a number of at most nine digits. Idempotent; call it before routes are made."""
    register_url_convertor("int", SmallNumber())


def whole_number(text: str) -> int | None:
    """Return the number; None if the text is not one of 1 to 19 ASCII digits."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= LONGEST else None
