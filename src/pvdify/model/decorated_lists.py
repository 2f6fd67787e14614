"""Bytes written as numbers with the same text around each: ``100u8, 101u8``, ``$64 $65``, ``U+0064 U+0065``. No I/O.

What stands around the numbers is not listed here: it is whatever repeats between them. The numbers are read in each
base that their digits allow, as bytes, as code points and as words of a processor.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

SHORTEST = 6  # bytes
Span = tuple[int, int]
Number = tuple[bytes, Span]
_LONGEST_PERIOD = 10  # bytes between two numbers, without hexadecimal digits and blanks
_TAIL = 160  # bytes
_HIGHEST = 0x10FFFF  # code point
_WORDS = (4, 8, 16)  # hexadecimal digits
_DIGITS, _HEX_AND_BLANKS = b"0123456789", b"0123456789abcdefABCDEF \t\r\n"
_NO_MARKS = bytes(code for code in range(256) if chr(code).isalnum() or chr(code).isspace() or code > 127)
# Lines are drawn of these; alone between numbers, number_lists reads them.
_DRAWN = re.compile(rb"([,;:|/.\-_%=*+~])\1+")

# Numbers with the same letters after each, and only blanks between them: ``100u8 101u8``. It begins with the last digit
# of a number, because fewer places of an ordinary line match that.
_LETTERED = rb"[0-9](?P<after>[g-zG-Z_]\w{0,5})%b(?:%b){%d}"
_NEXT = rb"\s{1,32}(?:0[xX])?[0-9][0-9a-fA-F]{0,15}(?P=after)"
_LETTERS_REPEAT = {times: re.compile(_LETTERED % (_NEXT, _NEXT, times - 2)) for times in (2, SHORTEST - 1)}

_DECIMAL = re.compile(rb"[0-9]+")
_IN_HEX = rb"[0-9a-fA-F]{1,16}"
# The "b" of "(byte)100" is no number, and neither is the first "0" of "0x64".
_FIRST = rb"(?:(?!0[xX])[0-9][0-9a-fA-F]{0,15}|[a-fA-F][0-9a-fA-F]{1,15}(?![0-9A-Za-z]))"
# The text after each number, any blanks, and the text before each number.
_AROUND = rb"(?=\s{0,32}[^0-9a-fA-F\s])(?P<after>[^0-9a-fA-F\s]\S{0,5}?|)\s{0,32}(?P<before>.{0,8}?)"
_AGAIN = _IN_HEX + rb"(?P=after)\s{0,32}(?P=before)"
_INDEX = rb"[0-9]{1,6}(?P<one>[^0-9]{1,12})[0-9]{1,3}(?P<two>[^0-9]{1,12})"
_NEXT_INDEX = rb"[0-9]{1,6}(?P=one)[0-9]{1,3}(?P=two)"
_LIST = re.compile(
    rb"(?<![0-9a-fA-F])(?P<list>%b%b(?:%b){%d,}%b)(?![0-9a-fA-F])" % (_FIRST, _AROUND, _AGAIN, SHORTEST - 2, _IN_HEX),
    re.DOTALL,
)
# With its index before each number: ``0 => 100, 1 => 101``.
_INDEXED = re.compile(
    rb"(?<![0-9])(?P<list>%b(?:%b){%d,}[0-9]{1,6}(?P=one)[0-9]{1,3})(?![0-9])" % (_INDEX, _NEXT_INDEX, SHORTEST - 2)
)
# At the end of a text; without a number that may go on.
_LAST = re.compile(
    rb"(?<![0-9a-fA-F])(?P<list>%b%b(?:%b)+(?:%b(?=[^0-9a-fA-F].{0,15}\Z)|(?=[0-9a-fA-F]{0,16}\Z)))"
    % (_FIRST, _AROUND, _AGAIN, _IN_HEX),
    re.DOTALL,
)
_LAST_INDEXED = re.compile(
    rb"(?<![0-9])(?P<list>%b(?:%b)+)(?=[0-9]{0,6}[^0-9]{0,12}[0-9]{0,3}[^0-9]{0,12}\Z)" % (_INDEX, _NEXT_INDEX)
)


class DecoratedList(NamedTuple):
    """``content``: the bytes that a list stands for. ``spans``: where each byte's number is."""

    content: bytes
    spans: list[Span]

    def places(self) -> list[Span]:
        """Return the span of each byte's number."""
        return self.spans


def decorated_lists(data: bytes) -> Iterator[DecoratedList]:
    """Yield the lists in a text that stand for at least SHORTEST bytes, in each way to read them."""
    if len(data) - len(data.translate(None, _DIGITS)) < SHORTEST or not _repeats(data, SHORTEST - 1):
        return
    for pattern, numbers in ((_LIST, _numbers), (_INDEXED, _values)):
        for match in pattern.finditer(data):
            yield from (it for it in _read(numbers(match)) if len(it.content) >= SHORTEST)


def unfinished_decorated_lists(data: bytes) -> Iterator[DecoratedList]:
    """Yield the lists at the end of a text that may go on, of any length."""
    if not _repeats(data[-_TAIL:], 2):
        return
    for pattern, numbers in ((_LAST, _numbers), (_LAST_INDEXED, _values)):
        if match := pattern.search(data):
            yield from _read(numbers(match))


def _repeats(data: bytes, times: int) -> bool:
    """Return whether the same text stands at numbers this often: letters, or with a mark that draws no line."""
    if _LETTERS_REPEAT[times].search(data):
        return True
    if not _has_period(data.translate(None, _NO_MARKS), times):  # a fifth of the bytes, so a fifth of the cost
        return False
    rest = data.translate(None, _HEX_AND_BLANKS)
    return _has_period(rest, times) and _has_period(_DRAWN.sub(b"", rest), times)


def _has_period(rest: bytes, times: int) -> bool:
    number = int.from_bytes(rest)
    for period in range(1, _LONGEST_PERIOD + 1):
        length, same = len(rest) - period, (times - 1) * period
        if length < same:
            return False
        differences = (number >> 8 * period) ^ (number & ((1 << 8 * length) - 1))
        if bytes(same) in differences.to_bytes(length):
            return True
    return False


def _numbers(match: re.Match[bytes]) -> list[Number]:
    """Return the numbers of a list, without what is around them."""
    between = re.compile(re.escape(match["after"]) + rb"\s{0,32}" + re.escape(match["before"]))
    pattern = re.compile(rb"(%b)(?:%b|\Z)" % (_IN_HEX, between.pattern), re.DOTALL)
    begin = match.start("list")
    return [(it[1], (begin + it.start(1), begin + it.end(1))) for it in pattern.finditer(match["list"])]


def _values(match: re.Match[bytes]) -> list[Number]:
    """Return every second number of a list: the others are their indexes."""
    begin = match.start("list")
    return [(it[0], (begin + it.start(), begin + it.end())) for it in _DECIMAL.finditer(match["list"])][1::2]


def _read(numbers: list[Number]) -> Iterator[DecoratedList]:
    """Yield what the numbers stand for in each base. A number of another kind, such as a time, becomes 0."""
    texts, spans = [text for text, _ in numbers], [span for _, span in numbers]
    for base, others in _BASES:
        codes = [0 if text.translate(None, others) != text else int(text, base) for text in texts]
        if any(codes):
            yield from _of_codes(codes, spans)
    size = len(texts[-1])
    if size in _WORDS:
        for step in (1, -1):
            words = [bytes.fromhex(text.decode())[::step] if len(text) == size else bytes(size // 2) for text in texts]
            yield DecoratedList(b"".join(words), [span for span in spans for _ in range(size // 2)])


def _of_codes(codes: list[int], spans: list[Span]) -> Iterator[DecoratedList]:
    """Yield the numbers as bytes and, if that differs, as characters; what is neither becomes NUL."""
    content = bytes(code if code < 256 else 0 for code in codes)
    yield DecoratedList(content, spans)
    if not content.isascii() or 0 in content:
        characters = [chr(code if code <= _HIGHEST else 0).encode("utf-8", "surrogatepass") for code in codes]
        places = [span for span, character in zip(spans, characters, strict=True) for _ in character]
        yield DecoratedList(b"".join(characters), places)


# With the digits that a base does not have.
_BASES = ((16, b""), (10, b"abcdefABCDEF"), (8, b"89abcdefABCDEF"), (2, b"23456789abcdefABCDEF"))
