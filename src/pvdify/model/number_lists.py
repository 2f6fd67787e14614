"""Bytes written as a list of numbers: ``64:65:66``, ``64 65 66``, ``6465 6667``, ``[100, 101, 102]``. No I/O.

OpenSSL, ``xxd``, ``od``, ``hexdump``, Wireshark, Node's ``Buffer``, Go's ``[]byte``, assemblers, Rust's and Python's
lists write bytes like this: in hexadecimal, decimal, octal or binary, and as words in the order of the processor.
"""

import re
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import NamedTuple

SHORTEST = 6  # bytes
Match = re.Match[bytes]
_PAIR = re.compile(rb"[0-9a-fA-F]{2}")
_NUMBER = re.compile(rb"(?:0[oO]?)?[0-9]{1,3}")
_OCTAL_WORD = re.compile(rb"[01][0-7]{5}")
_SUFFIXED = re.compile(rb"0?[0-9a-fA-F]{2}[hH]")
_BITS = re.compile(rb"(?:0[bB])?[01]{6,8}")
_WORD, _HAS_MARKS = re.compile(rb"[0-9a-fA-F]+"), re.compile(rb"[^0-9a-fA-F \t]")
_WORDS = {digits: re.compile(rb"[0-9a-fA-F]{%d}" % digits) for digits in (4, 8, 16)}
# At least six bytes in hexadecimal, in groups with the same mark between them; OpenSSL wraps lines behind the mark.
_HEX_LIST = re.compile(
    rb"(?<![0-9A-Za-z])(?:[0-9a-fA-F]{2}){1,8}([-:;|/., _\t]) *(?:[0-9a-fA-F]{2}){1,8}(?:\1 *(?:[0-9a-fA-F]{2}){1,8})*"
    rb"(?![0-9A-Za-z])"
)
_NUMBER_LIST = re.compile(
    rb"(?<![0-9A-Za-z.])(?:0[oO]?)?[0-9]{1,3}(?:(?:,\s*|\s{1,4})(?:0[oO]?)?[0-9]{1,3}){5,}(?![0-9A-Za-z])"
)
_MARKED_LIST = re.compile(rb"(?<![0-9A-Za-z.])[0-9]{1,3}(\s?[-;:|/.]\s?)[0-9]{1,3}(?:\1[0-9]{1,3}){4,}(?![0-9A-Za-z])")
_OCTAL_WORD_LIST = re.compile(rb"(?<![0-9A-Za-z])[01][0-7]{5}(?:\s{1,4}[01][0-7]{5}){2,}(?![0-9A-Za-z])")
_SUFFIXED_LIST = re.compile(
    rb"(?<![0-9A-Za-z])0?[0-9a-fA-F]{2}[hH](?:(?:[,;:]\s*|\s)0?[0-9a-fA-F]{2}[hH]){5,}(?![0-9A-Za-z])"
)
_BITS_LIST = re.compile(
    rb"(?<![0-9A-Za-z])(?:0[bB])?[01]{6,8}(?:(?:[,;:]\s*|\s)(?:0[bB])?[01]{6,8}){5,}(?![0-9A-Za-z])"
)
_INDEXED = re.compile(rb"[0-9]{1,6}\s*:\s*[0-9]{1,3}")
_INDEXED_LIST = re.compile(
    rb"(?<![0-9A-Za-z.])[0-9]{1,6}\s*:\s*[0-9]{1,3}(?:,\s*[0-9]{1,6}\s*:\s*[0-9]{1,3}){5,}(?![0-9A-Za-z])"
)
# Without a number that may go on: of "84 11" only 84 is sure.
_LAST_HEX = re.compile(rb"(?<![0-9A-Za-z])[0-9a-fA-F][0-9a-fA-F:;|/., _\t-]{3,}\Z")
_LAST_NUMBERS = re.compile(rb"(?<![0-9A-Za-z])[0-9][0-9oO,\s]*[,\s](?=[0-9oO]{0,5}\Z)")
_LAST_MARKED = re.compile(rb"(?<![0-9A-Za-z])[0-9][0-9;:|/.\s-]*[-;:|/.\s](?=[0-9]{0,3}\Z)")
_LAST_INDEXED = re.compile(rb"(?<![0-9A-Za-z])[0-9][0-9,:\s]*,(?=\s*[0-9]{0,6}\s*:?\s*[0-9]{0,3}\Z)")
_LAST_OCTAL_WORDS = re.compile(rb"(?<![0-9A-Za-z])[01][0-7]{5}[0-7\s]*\s(?=[0-7]{0,6}\Z)")
_LAST_SUFFIXED = re.compile(rb"(?<![0-9A-Za-z])[0-9a-fA-F][0-9a-fA-FhH,;:\s]*[hH](?=[,;:\s]*[0-9a-fA-F]{0,3}\Z)")
_LAST_BITS = re.compile(rb"(?<![0-9A-Za-z])[01][01bB,;:\s]*[,;:\s](?=[01bB]{0,10}\Z)")
# The expressions take 20 µs for a line, so only texts whose shape has one of these are searched. "9" is a hexadecimal
# digit, "-" a mark between two groups. Groups of more than one byte are written with spaces (with dashes they are
# UUIDs), and four groups with a mark are a time, such as 01:02:03.045.
_SHAPE = bytes(
    57 if code in b"0123456789abcdefABCDEF" else 32 if code in b" \t" else 45 if code in b"-:;|/.,_" else
    104 if code in b"hH" else 0
    for code in range(256)
)  # fmt: skip
_SHAPES = (b"99-99-99-99-99", b"99 99 99 99 99", b"99- 99- 99- 99- 99", b"9999 9999")
_SHAPES_OF_SUFFIXED = (b"99h-99", b"99h-099", b"99h- 99", b"99h 99")
_DIGITS, _DIGITS_AND_SPACES = b"0123456789", b"0123456789 \t\r\n"
_MARKS = (b",", b";", b":", b"|", b"/", b".", b"-")


class NumberList(NamedTuple):
    """``content``: the bytes. ``text``: the list, which begins at ``at``; ``number``: matches each number.

    ``size``: the number of bytes that each number stands for.
    """

    content: bytes
    text: bytes
    at: int
    number: re.Pattern[bytes]
    size: int = 1

    def places(self) -> list[tuple[int, int]]:
        """Return the span of each byte's number."""
        spans = [(self.at + it.start(), self.at + it.end()) for it in self.number.finditer(self.text)]
        return [span for span in spans for _ in range(self.size)]


def number_lists(data: bytes) -> list[NumberList]:
    """Return the lists in a text that stand for at least SHORTEST bytes, in each way to read them."""
    shape, found = data.translate(_SHAPE), list[NumberList]()
    if any(map(shape.__contains__, _SHAPES)):
        found += _all(_HEX_LIST, _read_hex, data)
    if b"99h" in shape and any(map(shape.__contains__, _SHAPES_OF_SUFFIXED)):
        found += _all(_SUFFIXED_LIST, _read_suffixed, data)
    if b"999999 999999" in shape or b"999999- 999999" in shape:
        found += _all(_OCTAL_WORD_LIST, _read_octal_words, data)
        found += _all(_BITS_LIST, _read_bits, data)
    if b"     " in data.translate(None, _DIGITS):
        found += _all(_NUMBER_LIST, _read_numbers, data)
    marks = [mark for mark in _MARKS if data.count(mark) >= SHORTEST - 1]
    if marks:
        found += _with_marks(data, marks)
    return found


def unfinished_lists(data: bytes) -> Iterator[NumberList]:
    """Yield the lists at the end of a text that may go on, of any length."""
    for pattern, read in _UNFINISHED:
        match = pattern.search(data)
        if match:
            yield from read(match)


def _with_marks(data: bytes, marks: list[bytes]) -> Iterator[NumberList]:
    """Yield the lists with these marks between the numbers."""
    rest = data.translate(None, _DIGITS_AND_SPACES)
    for mark in marks:
        pattern = _NUMBER_LIST if mark == b"," else _MARKED_LIST
        if mark * (SHORTEST - 1) in (rest.translate(None, b"oO") if mark == b"," else rest):
            yield from _all(pattern, _read_numbers, data)
    if b":,:,:,:,:,:" in rest:
        yield from _all(_INDEXED_LIST, _read_indexed, data)


def _all(pattern: re.Pattern[bytes], read: "Read", data: bytes) -> Iterator[NumberList]:
    for match in pattern.finditer(data):
        yield from (it for it in read(match) if len(it.content) >= SHORTEST)


def _read_hex(match: Match) -> Iterator[NumberList]:
    """Yield the list in the order in which it is written; words with blanks between them also in the processor's."""
    text = match[0]
    yield _list(match, _PAIR, bytes.fromhex(b"".join(_PAIR.findall(text)).decode()))
    if _HAS_MARKS.search(text):
        return
    for length, words in groupby(_WORD.finditer(text), lambda word: len(word[0])):  # an address may come first
        run, size = list(words), length // 2
        if length in _WORDS:
            content = b"".join(bytes.fromhex(word[0].decode())[::-1] for word in run)
            begin, end = run[0].start(), run[-1].end()
            yield NumberList(content, text[begin:end], match.start() + begin, _WORDS[length], size)


def _read_numbers(match: Match) -> Iterator[NumberList]:
    """Yield the list as decimal and as octal numbers; a number above 255 becomes NUL, which no secret has."""
    numbers = [number.lower().replace(b"o", b"") for number in _NUMBER.findall(match[0])]
    yield _list(match, _NUMBER, bytes(_byte(number, 10) for number in numbers))
    if not b"".join(numbers).strip(b"01234567"):
        yield _list(match, _NUMBER, bytes(_byte(number, 8) for number in numbers))


def _read_indexed(match: Match) -> Iterator[NumberList]:
    """Yield a list with the index before each number, as JSON has typed arrays: ``{"0": 100, "1": 101}``."""
    yield _list(match, _INDEXED, bytes(_byte(it.partition(b":")[2], 10) for it in _INDEXED.findall(match[0])))


def _read_octal_words(match: Match) -> Iterator[NumberList]:
    words = (int(word, 8) & 0xFFFF for word in _OCTAL_WORD.findall(match[0]))
    yield _list(match, _OCTAL_WORD, b"".join(word.to_bytes(2, "little") for word in words), 2)


def _read_suffixed(match: Match) -> Iterator[NumberList]:
    yield _list(match, _SUFFIXED, bytes(int(number[-3:-1], 16) for number in _SUFFIXED.findall(match[0])))


def _read_bits(match: Match) -> Iterator[NumberList]:
    numbers = (number[-8:].lower().replace(b"b", b"") for number in _BITS.findall(match[0]))
    yield _list(match, _BITS, bytes(int(number, 2) for number in numbers))


def _byte(number: bytes, base: int) -> int:
    value = int(number, base)
    return value if value < 256 else 0


def _list(match: Match, number: re.Pattern[bytes], content: bytes, size: int = 1) -> NumberList:
    return NumberList(content=content, text=match[0], at=match.start(), number=number, size=size)


Read = Callable[[Match], Iterator[NumberList]]
_UNFINISHED: tuple[tuple[re.Pattern[bytes], Read], ...] = (
    (_LAST_HEX, _read_hex),
    (_LAST_NUMBERS, _read_numbers),
    (_LAST_MARKED, _read_numbers),
    (_LAST_INDEXED, _read_indexed),
    (_LAST_OCTAL_WORDS, _read_octal_words),
    (_LAST_SUFFIXED, _read_suffixed),
    (_LAST_BITS, _read_bits),
)
