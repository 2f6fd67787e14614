"""Bytes written as a list of numbers: ``64:65:66``, ``64 65 66``, ``6465 6667``, ``[100, 101, 102]``. No I/O.

OpenSSL, ``xxd``, ``od``, Wireshark, Node's ``Buffer``, Go's ``[]byte``, and Rust's and Python's lists write bytes so.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

SHORTEST = 6  # numbers
_PAIR = re.compile(rb"[0-9a-fA-F]{2}")
_DECIMAL = re.compile(rb"[0-9]{1,3}")
# At least six bytes in hexadecimal, in groups with the same mark between them; OpenSSL wraps lines behind the mark.
_HEX_LIST = re.compile(
    rb"(?<![0-9A-Za-z])(?:[0-9a-fA-F]{2}){1,8}([-:., _\t]) *(?:[0-9a-fA-F]{2}){1,8}(?:\1 *(?:[0-9a-fA-F]{2}){1,8})*"
    rb"(?![0-9A-Za-z])"
)
_DECIMAL_LIST = re.compile(rb"(?<![0-9A-Za-z.])[0-9]{1,3}(?:(?:,\s*|\s)[0-9]{1,3}){5,}(?![0-9A-Za-z])")
# Without a number that may go on: of "84 11" only 84 is sure.
_LAST_HEX = re.compile(rb"(?<![0-9A-Za-z])[0-9a-fA-F][0-9a-fA-F:., _\t-]{3,}\Z")
_LAST_DECIMAL = re.compile(rb"(?<![0-9A-Za-z])[0-9][0-9,\s]*[,\s](?=[0-9]{0,3}\Z)")
# The expressions take 20 µs for a line, so only texts whose shape has one of these are searched. "9" is a hexadecimal
# digit, "-" a mark between two groups. Groups of more than one byte are written with spaces (with dashes they are
# UUIDs), and four groups with a mark are a time, such as 01:02:03.045.
_SHAPE = bytes(
    57 if code in b"0123456789abcdefABCDEF" else 32 if code in b" \t" else 45 if code in b"-:.,_" else 0
    for code in range(256)
)  # fmt: skip
_SHAPES = (b"99-99-99-99-99", b"99 99 99 99 99", b"99- 99- 99- 99- 99", b"9999 9999")
_DIGITS, _DIGITS_AND_SPACES = b"0123456789", b"0123456789 \t\r\n"


class NumberList(NamedTuple):
    """``content``: the bytes. ``text``: the list, which begins at ``at``; ``number``: matches each byte's number."""

    content: bytes
    text: bytes
    at: int
    number: re.Pattern[bytes]

    def places(self) -> list[tuple[int, int]]:
        """Return the span of each byte's number."""
        return [(self.at + it.start(), self.at + it.end()) for it in self.number.finditer(self.text)]


def number_lists(data: bytes) -> list[NumberList]:
    """Return the lists in a text that stand for at least SHORTEST bytes."""
    shape = data.translate(_SHAPE)
    found = list[NumberList]()
    if any(map(shape.__contains__, _SHAPES)):
        found += (it for match in _HEX_LIST.finditer(data) for it in _list(match, _PAIR, _from_pairs))
    has_commas = data.count(b",") >= SHORTEST - 1 and b",,,,," in data.translate(None, _DIGITS_AND_SPACES)
    if has_commas or b"     " in data.translate(None, _DIGITS):
        found += (it for match in _DECIMAL_LIST.finditer(data) for it in _list(match, _DECIMAL, _from_decimals))
    return found


def unfinished_lists(data: bytes) -> Iterator[NumberList]:
    """Yield the lists at the end of a text that may go on, of any length."""
    for pattern, number, read in ((_LAST_HEX, _PAIR, _from_pairs), (_LAST_DECIMAL, _DECIMAL, _from_decimals)):
        match = pattern.search(data)
        if match:
            yield from _list(match, number, read, shortest=1)


def _list(
    match: re.Match[bytes], number: re.Pattern[bytes], read: Callable[[list[bytes]], bytes], shortest: int = SHORTEST
) -> Iterator[NumberList]:
    content = read(number.findall(match[0]))
    if len(content) >= shortest:
        yield NumberList(content=content, text=match[0], at=match.start(), number=number)


def _from_pairs(pairs: list[bytes]) -> bytes:
    return bytes.fromhex(b"".join(pairs).decode())


def _from_decimals(numbers: list[bytes]) -> bytes:
    """Return the bytes; a larger number becomes NUL, which no secret has."""
    return bytes(value if value < 256 else 0 for value in map(int, numbers))
