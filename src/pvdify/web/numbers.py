"""Numbers in paths: of at most nine digits, so that they fit into the database and into every message."""

from starlette.convertors import IntegerConvertor, register_url_convertor


class SmallNumber(IntegerConvertor):
    """``{version:int}``. A path with a larger number matches no route."""

    regex = "[0-9]{1,9}"


def use_small_numbers() -> None:
    """Make ``int`` in paths mean a number of at most nine digits. Idempotent; call it before routes are made."""
    register_url_convertor("int", SmallNumber())
