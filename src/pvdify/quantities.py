"""Parsing and formatting of durations and sizes, such as ``1m30s`` and ``512M``, and their limits.

Imports nothing of pvdify. Used by the settings, the manifest and the command line.
"""

import re
from collections.abc import Callable
from datetime import timedelta

LARGEST_SIZE = 1024**5  # 1 PiB
SIZE_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
LONGEST_DURATION = 64  # characters
_DURATION = "expected a duration like 30s, 10m, 1m30s or 24h"
_SIZE = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>[KMGT]?)(?:i?B)?", re.IGNORECASE)


def parse_whole(least: int, most: int) -> Callable[[str], int]:
    """Return a parser of whole numbers between these, both included."""

    def parse(text: str) -> int:
        digits = text.strip()
        if not (digits.isascii() and digits.isdigit() and least <= int(digits) <= most):
            raise ValueError(f"expected a whole number from {least} to {most}")
        return int(digits)

    return parse


def parse_duration(text: str) -> timedelta:
    """Parse ``90s``, ``10m``, ``24h``, ``1m30s`` or ``1d``. Raises ValueError."""
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
    rest, seconds = text.strip(), 0.0
    if len(rest) > LONGEST_DURATION:
        raise ValueError(_DURATION)
    if rest == "0":
        return timedelta()
    while rest:
        number = rest[: len(rest) - len(rest.lstrip("0123456789."))]
        rest = rest[len(number) :]
        unit = next((unit for unit in ("ms", "s", "m", "h", "d") if rest.startswith(unit)), None)
        if unit is None or not number or number.count(".") > 1 or number == ".":
            raise ValueError(_DURATION)
        seconds += float(number) * units[unit]
        rest = rest[len(unit) :]
    if not text.strip():
        raise ValueError(_DURATION)
    try:
        return timedelta(seconds=seconds)
    except OverflowError as error:
        raise ValueError("expected a duration of at most 999999999d") from error


def parse_span(least: str, most: str) -> Callable[[str], timedelta]:
    """Return a parser of durations between these, both included."""
    bounds = parse_duration(least), parse_duration(most)

    def parse(text: str) -> timedelta:
        span = parse_duration(text)
        if not bounds[0] <= span <= bounds[1]:
            raise ValueError(f"expected a duration from {least} to {most}")
        return span

    return parse


def parse_size(text: str) -> int:
    """Return the bytes in ``512M``, ``1.5G`` or ``536870912``. Raises ValueError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError("expected a size like 512M or 1.5G")
    size = float(match["number"]) * SIZE_UNITS[match["unit"].upper()]
    if size > LARGEST_SIZE:
        raise ValueError("expected a size of at most 1024T")
    return int(size)


def parse_size_between(least: str, most: str) -> Callable[[str], int]:
    """Return a parser of sizes between these, both included."""
    bounds = parse_size(least), parse_size(most)

    def parse(text: str) -> int:
        size = parse_size(text)
        if not bounds[0] <= size <= bounds[1]:
            raise ValueError(f"expected a size from {least} to {most}")
        return size

    return parse


def parse_size_or_none(least: str) -> Callable[[str], int]:
    """Return a parser of 0 and of sizes from this one on."""
    bound = parse_size(least)

    def parse(text: str) -> int:
        size = parse_size(text)
        if 0 < size < bound:
            raise ValueError(f"expected 0, or a size of at least {least}")
        return size

    return parse


def write_seconds(seconds: float) -> str:
    """Format a duration in the form that ``parse_duration`` reads: ``1m30s``."""
    if seconds < 1:
        return f"{seconds * 1000:g}ms" if seconds else "0s"
    parts, left = [], seconds
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        count, left = divmod(left, length)
        parts += [f"{count:g}{unit}"] if count else []
    return "".join(parts + ([f"{left:g}s"] if left else []))


def exact_bytes(count: int) -> str:
    """Format a size in the form that ``parse_size`` reads: ``512M``; exact, in the largest unit with a whole number."""
    for unit in ("T", "G", "M", "K"):
        if count and count % SIZE_UNITS[unit] == 0:
            return f"{count // SIZE_UNITS[unit]}{unit}"
    return str(count)


def format_bytes(count: int) -> str:
    """Format a size for display, in powers of 1000: ``41 MB``."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            number = count / factor
            return f"{number:.1f} {unit}" if number < 10 else f"{number:.0f} {unit}"
    return f"{count} B"


def number_of(count: int, noun: str, nouns: str = "") -> str:
    """Return the number with its noun: ``1 file``, ``2 files``. ``nouns``: the plural, if it has no plain s."""
    return f"{count} {noun if count == 1 else nouns or f'{noun}s'}"
