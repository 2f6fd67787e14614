"""Durations, sizes and shares as written in a manifest: ``1m30s``, ``512M``, ``5%``."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from pvdify.quantities import LARGEST_SIZE, parse_duration, parse_size

LONGEST = 7 * 86400
_WHOLE = re.compile(r"0|[1-9][0-9]{0,8}")
_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,8})(\.[0-9]{1,9})?")
_PERCENT = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*%\s*")


def parse_seconds(value: Any) -> float:
    """Return the seconds of ``1m30s`` or of a number of seconds. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("expected a duration like 30s or 1m30s")
    try:
        seconds = parse_duration(value).total_seconds() if isinstance(value, str) else float(value)
    except OverflowError:
        seconds = float("inf")
    if not 0 <= seconds <= LONGEST:
        raise ValueError("expected a duration between 0s and 7d")
    return seconds


def parse_bytes(value: Any) -> int:
    """Return the bytes of ``512M``, ``1.5G`` or of a number of bytes. Raises ValueError."""
    if isinstance(value, str):
        return parse_size(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("expected a size like 512M or 1.5G")
    if value > LARGEST_SIZE:
        raise ValueError("expected a size of at most 1024T")
    return value


def parse_rate(value: Any) -> float:
    """Return the share of ``5%`` or of a number from 0 to 1. Raises ValueError."""
    percent = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if isinstance(value, bool) or (not isinstance(value, int | float) and percent is None):
        raise ValueError("expected a share like 5%")
    try:
        rate = float(percent[1]) / 100 if percent is not None else float(value)
    except OverflowError as error:
        raise ValueError("expected a share like 5%") from error
    if not 0 <= rate <= 1:
        raise ValueError("expected a share between 0% and 100%, like 5%")
    return rate


def unquote_whole(value: Any) -> Any:
    """Return the number in a quoted number such as ``"8080"``, as templates often write it; all else unchanged."""
    return int(value) if isinstance(value, str) and _WHOLE.fullmatch(value) else value


def unquote_decimal(value: Any) -> Any:
    """Return the number in a quoted number such as ``"0.5"``; all else unchanged."""
    return float(value) if isinstance(value, str) and _DECIMAL.fullmatch(value) else value


def write_rate(rate: float) -> str:
    """Return the share as written in a manifest: ``5%``."""
    return f"{rate * 100:g}%"


Seconds = Annotated[
    float,
    BeforeValidator(parse_seconds),
    WithJsonSchema(
        {
            "type": ["string", "number"],
            "pattern": r"^\s*(0|([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+)\s*$",
            "minimum": 0,
            "maximum": LONGEST,
            "examples": ["30s", "1m30s"],
        }
    ),
]
"""Seconds as a float; written as ``30s``, ``1m30s``, ``24h`` or a plain number of seconds."""

Rate = Annotated[
    float,
    BeforeValidator(parse_rate),
    WithJsonSchema(
        {
            "type": ["string", "number"],
            "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*%\s*$",
            "minimum": 0,
            "maximum": 1,
            "examples": ["5%"],
        }
    ),
]
"""A share from 0 to 1 as a float; written as ``5%`` or 0.05."""

Bytes = Annotated[
    int,
    BeforeValidator(parse_bytes),
    WithJsonSchema(
        {
            "type": ["string", "integer"],
            "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*[KMGTkmgt]?[iI]?[bB]?\s*$",
            "minimum": 0,
            "examples": ["512M", "1.5G"],
        }
    ),
]
"""Bytes as an int; written as ``512M``, ``1.5G`` (powers of 1024) or a plain number of bytes."""
