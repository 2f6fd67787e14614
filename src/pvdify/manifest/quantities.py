"""Durations and sizes as people write them in a manifest: ``1m30s``, ``512M``."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from pvdify.settings import parse_duration

_SIZE = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>[KMGT]?)(?:i?B)?", re.IGNORECASE)
_FACTORS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("expected a duration like 30s or 1m30s")
    seconds = parse_duration(value).total_seconds() if isinstance(value, str) else float(value)
    if not 0 <= seconds <= 7 * 86400:
        raise ValueError("expected a duration between 0s and 7d")
    return seconds


def _bytes(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("expected a size like 512M or 1.5G")
    return int(float(match["number"]) * _FACTORS[match["unit"].upper()])


Seconds = Annotated[
    float,
    BeforeValidator(_seconds),
    WithJsonSchema({"type": ["string", "number"], "examples": ["30s", "1m30s"], "description": "a number is seconds"}),
]
"""Seconds as a float; written as ``30s``, ``1m30s``, ``24h`` or a plain number of seconds."""

Bytes = Annotated[
    int,
    BeforeValidator(_bytes),
    WithJsonSchema({"type": ["string", "integer"], "examples": ["512M", "1.5G"], "description": "a number is bytes"}),
]
"""Bytes as an int; written as ``512M``, ``1.5G`` (powers of 1024) or a plain number of bytes."""
