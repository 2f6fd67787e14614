"""Views of a text: the text with its escapes undone and its encoded parts decoded. No I/O.

A secret is found in a view however often a program has escaped or encoded it: escapes are undone repeatedly, in the
secret and in the text alike. Every view maps its bytes to their origin in the text.
"""

import re
from binascii import a2b_base64, unhexlify
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from html.entities import html5

from pvdify.model.decorated_lists import DecoratedList, decorated_lists, unfinished_decorated_lists
from pvdify.model.number_lists import NumberList, number_lists, unfinished_lists

Span = tuple[int, int]
Replace = Callable[[re.Match[bytes]], bytes]
SHORTEST = 6  # bytes of the shortest text to search for
DEPTH = 2  # nested encodings: base64 of JSON in base64
LONGEST_BASE32 = 4096  # characters of a run that are decoded at once
_ROUNDS = 5  # of nested escapes; repeated backslashes and %25 need only one
_SHORTEST_RUN, _SHORTEST_BASE64 = 12, 16

# What a sink removes joins the text around it: the same sequences as in wire/terminal_text.py, in UTF-8, controls, and
# characters without a width.
_INVISIBLE = (
    rb"[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]|\xc2[\x80-\x9f\xad]|\xd8\x9c|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xa9]"
    rb"|\xef\xbb\xbf"
)
_MAY_BE_UNSHOWN = re.compile(rb"[\x01-\x08\x0e-\x1f\x7f-\xff]")  # a tenth of the cost of the next one
_HAS_UNSHOWN = re.compile(rb"\x1b(?!\[[0-9;:]*[mK])|" + _INVISIBLE)  # colors are escapes here
_UNSHOWN = re.compile(
    rb"(?:\x1b\[|\xc2\x9b)[0-?]*[ -/]*(?:[@-~]|(?=[\n-\r]|\xc2\x85|\xe2\x80[\xa8\xa9]|\Z))"
    rb"|(?:\x1b[\]PX^_]|\xc2[\x90\x98\x9d-\x9f])(?:(?!\xc2[\x85\x9c]|\xe2\x80[\xa8\xa9])[^\x07\x1b\n-\r])*"
    rb"(?:\x07|\x1b\\|\xc2\x9c|)"
    rb"|\x1b[ -/]*[0-~]?|" + _INVISIBLE
)
_SPECIAL = re.compile(rb"[\\'\"\r\n\0%&\x1b+]|0[xX]")
_ESCAPE = re.compile(
    rb"(?<!\\)\\+(?:u[dD][89abAB][0-9a-fA-F]{2}\\+u[dD][c-fC-F][0-9a-fA-F]{2}|[ux]\{[0-9a-fA-F]{1,6}\}|u[0-9a-fA-F]{4}"
    rb"|U[0-9a-fA-F]{8}|x[0-9a-fA-F]{2}|[0-7]{3}|[abtnvfreE0])"
    rb"|%(?:25)*[0-9a-fA-F]{2}"
    rb"|&(?:amp;)*(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,7});"
    rb"|\x1b\[[0-9;:]*[mK]"
    # not before a quote, because JSON writes a backslash between them
    rb"|0[xX][0-9a-fA-F]{2}(?:[,;:|]\s{0,32}|\s(?=0[xX][0-9a-fA-F]{2})|(?![0-9a-zA-Z%&\\='\"]))"
    # but the last number of a list has a quote behind it where the list is a text
    rb"|(?:(?<=,)|(?<=,\s)|(?<=[0-9a-fA-F]\s))0[xX][0-9a-fA-F]{2}(?=\\{0,16}['\"])"
)
_HIGH_ESCAPE = re.compile(rb"(?:\\x|%)[89a-fA-F][0-9a-fA-F]|\\[23][0-7]{2}")
UNFINISHED_ESCAPE = re.compile(
    rb"(?:(?<!\\)\\+(?:u\{?[0-9a-fA-F]{0,6}(?:\\*u?[0-9a-fA-F]{0,3})?|U[0-9a-fA-F]{0,7}|x\{[0-9a-fA-F]{0,6}"
    rb"|x[0-9a-fA-F]?|[0-7]{0,2})?"
    rb"|%(?:25)*[0-9a-fA-F]?|&(?:amp;)*#?[A-Za-z0-9]{0,8}|\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b\n]{0,256})?"
    rb"|0[xX][0-9a-fA-F]{0,2}"
    rb"|(?<=0[xX][0-9a-fA-F]{2})[,;:|\s]{1,32}(?:0[xX]?[0-9a-fA-F]{0,2})?)\Z"
)
_CONTROL = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"v": b"\v", b"f": b"\f", b"e": b"\x1b", b"E": b"\x1b"}
# Programs double quotes, close and reopen them, or escape them with backslashes; they wrap long lines.
_DROPPED_RUN = re.compile(rb"[\\'\"\r\n\0]+")
_UTF_16 = re.compile(rb"([\x01-\xff])\0")
_HAS_QUOTED_PRINTABLE = re.compile(rb"=3D|=[C-F][0-9A-F]=|=\r?\n")
_QUOTED_PRINTABLE = re.compile(rb"=3D|=\r?\n|=[C-F][0-9A-F](?:=[89AB][0-9A-F])+")
_SPACED = bytes.maketrans(b"+", b" ")  # forms encode a space as "+"
_STANDARD = bytes.maketrans(b"-_", b"+/")
_HIGH = bytes(range(128, 256))

_RUN = re.compile(rb"[A-Za-z0-9+/_-]{%d,}" % _SHORTEST_RUN)
_SHORT_RUN = re.compile(rb"[A-Za-z0-9+/_-]{8,}")
# encoded text that forms an escape with the character before it, or has one in it: "0x8a" before a "+", or at its end
_MISREAD = re.compile(
    rb"(?<=[%%\\])[A-Za-z0-9+/_-]{%d,}"
    rb"|(?<![A-Za-z0-9+/_-])(?=[A-Za-z0-9+/_-]*0[xX][0-9a-fA-F]{2}(?![0-9a-zA-Z]))[A-Za-z0-9+/_-]{%d,}"
    % (_SHORTEST_RUN, _SHORTEST_RUN)
)
_OWN_ESCAPE = re.compile(rb"0[xX][0-9a-fA-F]{2}(?![0-9a-zA-Z])")
_RUN_CHARACTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-"
_LAST_RUN = re.compile(rb"[A-Za-z0-9+/_-]{4,}\Z")
_HEX = re.compile(rb"[0-9a-fA-F]{%d,}" % _SHORTEST_RUN)
_BASE32 = re.compile(rb"[A-Z2-7]{10,}|[a-z2-7]{%d,}" % _SHORTEST_BASE64)
_NUMBER = re.compile(rb"[0-9a-f-]+|[0-9A-F-]+")
_TO_BASE_32 = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567abcdefghijklmnopqrstuvwxyz",
    b"0123456789abcdefghijklmnopqrstuv0123456789abcdefghijklmnop",
)


class View:
    """A text as it is. Subclasses derive from another view."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def origin(self, start: int, end: int) -> Span:
        """Return the span of the original text that these bytes come from."""
        return start, end


class _Rewritten(View):
    """Another view with each match of a pattern replaced."""

    def __init__(self, parent: View, pattern: re.Pattern[bytes], replace: Replace) -> None:
        super().__init__(pattern.sub(replace, parent.data))
        self._parent, self._pattern, self._replace = parent, pattern, replace

    @cached_property
    def _map(self) -> tuple[list[int], list[tuple[int, int, int]]]:
        """Return where each replacement begins; and its end here, its start and its end in the parent."""
        starts, rows, grown = [], [], 0
        for match in self._pattern.finditer(self._parent.data):
            begin = match.start() + grown
            size = len(self._replace(match))
            starts.append(begin)
            rows.append((begin + size, match.start(), match.end()))
            grown += size - (match.end() - match.start())
        return starts, rows

    def origin(self, start: int, end: int) -> Span:
        """See View."""
        return self._parent.origin(self._of(start)[0], self._of(end - 1)[1])

    def _of(self, at: int) -> Span:
        starts, rows = self._map
        row = bisect_right(starts, at) - 1
        if row < 0:
            return at, at + 1
        end, parent_start, parent_end = rows[row]
        if at < end:
            return parent_start, parent_end
        return at - end + parent_end, at - end + parent_end + 1


class _Respaced(View):
    """Another view with other bytes in the same number."""

    def __init__(self, parent: View, data: bytes) -> None:
        super().__init__(data)
        self.origin = parent.origin  # type: ignore[method-assign]


class _Decoded(View):
    """The decoded bytes of a run of characters with ``bits`` bits each, from the character ``at`` on."""

    def __init__(self, data: bytes, parent: View, at: int, bits: int, skipped: int = 0) -> None:
        super().__init__(data)
        self._parent, self._at, self._bits, self._skipped = parent, at, bits, skipped

    def origin(self, start: int, end: int) -> Span:
        """See View."""
        first = self._at + (8 * start + self._skipped) // self._bits
        last = self._at - (-(8 * end + self._skipped) // self._bits)
        return self._parent.origin(first, last)


class _Listed(View):
    """The bytes that a list of numbers in another view stands for."""

    def __init__(self, found: NumberList | DecoratedList, parent: View) -> None:
        super().__init__(found.content)
        self._found, self._parent = found, parent

    @cached_property
    def _places(self) -> list[Span]:
        return self._found.places()

    def origin(self, start: int, end: int) -> Span:
        """See View."""
        return self._parent.origin(self._places[start][0], self._places[end - 1][1])


def unescaped(data: bytes) -> bytes:
    """Return the text's unescaped form, in which texts are compared; see ``views_of``."""
    return list(_plain(View(data)))[-1].data


@dataclass(frozen=True, kw_only=True)
class Kinds:
    """Properties of the searched values; each costs additional views.

    ``has_unlike``: a value must be found as it is, because its unescaped form is too short. ``has_high``: a value has
    non-ASCII characters. ``has_equals``: quoted-printable changes a value. ``has_many_short``: shorter runs of
    characters have to be decoded.
    """

    has_unlike: bool
    has_high: bool
    has_equals: bool
    has_many_short: bool

    @classmethod
    def of(cls, values: Collection[str], *, has_many_short: bool) -> "Kinds":
        """Return the kinds of these values."""
        return cls(
            has_many_short=has_many_short,
            has_unlike=any(len(unescaped(value.encode("utf-8", "surrogatepass"))) < SHORTEST for value in values),
            has_high=not all(map(str.isascii, values)),
            has_equals=any("=" in value or not value.isascii() for value in values),
        )


def views_of(data: bytes, kinds: Kinds, depth: int = DEPTH) -> Iterator[View]:
    """Yield the views of a text in which to search for secrets."""
    return _views(View(data), kinds, is_thorough=kinds.has_unlike, depth=depth)


def unfinished_views(data: bytes, kinds: Kinds) -> Iterator[tuple[View, int]]:
    """Yield views in which a secret may begin at the text's end, and how many bytes of it make that likely."""
    for view in views_of(data, replace(kinds, has_unlike=True), depth=0):
        yield view, 1
    *_, dropped, _spaced = _plain(View(data))
    yield from ((_Listed(found, dropped), 2) for found in unfinished_lists(dropped.data))
    for text in (View(data), dropped):
        yield from ((_Listed(found, text), 2) for found in unfinished_decorated_lists(text.data))
    for text in (dropped, View(data)) if _ends_misread(data) else (dropped,):
        for match in _LAST_RUN.finditer(text.data):
            for decoded in _decoded_run(text, match[0], match.start(), shortest=4):
                yield decoded, 2
                if decoded.data.isascii():
                    yield from ((view, 2) for view in _views(decoded, kinds, is_thorough=False, depth=1))


def _ends_misread(data: bytes) -> bool:
    """Return whether the text ends with what may be encoded text and forms an escape as in ``_MISREAD``."""
    before = data.rstrip(_RUN_CHARACTERS)
    return before.endswith((b"%", b"\\")) or _OWN_ESCAPE.search(data, len(before)) is not None


def _views(view: View, kinds: Kinds, *, is_thorough: bool, depth: int) -> Iterator[View]:
    steps = list(_plain(view))
    if len(steps) > 2 or is_thorough:
        yield view
    for match in _MISREAD.finditer(view.data) if len(steps) > 2 and depth else ():
        yield from _decoded_run(view, match[0], match.start(), shortest=_SHORTEST_RUN)
    for found in decorated_lists(view.data) if len(steps) > 2 and depth else ():
        yield _Listed(found, view)  # escapes with something between them, such as \144 \145
    yield from _with_decoded(steps, kinds, depth)
    if kinds.has_high and len(steps) > 2 and any(_HIGH_ESCAPE.search(step.data) for step in (view, *steps)):
        # \xe9 is a byte in a shell and a character in YAML: here it is decoded as the character
        yield from _with_decoded(list(_plain(view, replace_by=_unescape_characters)), kinds, depth)
    if _MAY_BE_UNSHOWN.search(view.data) and _HAS_UNSHOWN.search(view.data):
        shown = _Rewritten(view, _UNSHOWN, _drop)
        yield shown
        yield from _with_decoded(list(_plain(shown)), kinds, depth)
    for quoted in _unquoted(*dict.fromkeys((view, steps[-2]))) if kinds.has_equals else ():
        yield from _with_decoded(list(_plain(quoted)), kinds, depth)
        if kinds.has_high:
            yield from _with_decoded(list(_plain(quoted, replace_by=_unescape_characters)), kinds, depth)


def _unquoted(*views: View) -> Iterator[View]:
    """Yield the view with quoted-printable decoded, once and twice."""
    for view in views:
        quoted = view
        for _ in range(2):
            if not _HAS_QUOTED_PRINTABLE.search(quoted.data):
                break
            quoted = _Rewritten(quoted, _QUOTED_PRINTABLE, _unquote)
            yield quoted


def _with_decoded(steps: list[View], kinds: Kinds, depth: int) -> Iterator[View]:
    """Yield the last view of these steps, and the views of what is encoded in it."""
    yield steps[-1]
    for decoded in _decoded(steps[-2], kinds) if depth else ():
        yield decoded
        content = decoded.data
        if b"\0" in content:
            decoded = _Rewritten(decoded, _UTF_16, _narrow)  # noqa: PLW2901
            content = decoded.data
            yield decoded
        if content.isascii() or 10 * len(content.translate(None, _HIGH)) > 7 * len(content):
            yield from _views(decoded, kinds, is_thorough=False, depth=depth - 1)


def _plain(view: View, *, replace_by: Replace | None = None) -> Iterator[View]:
    """Yield the steps from a text to its unescaped form; the last but one still has each "+"."""
    if not _SPECIAL.search(view.data):
        yield view
        yield view
        return
    for _ in range(_ROUNDS):
        if not _ESCAPE.search(view.data):
            break
        view = _Rewritten(view, _ESCAPE, replace_by or _unescape)
        yield view
    if _DROPPED_RUN.search(view.data):
        view = _Rewritten(view, _DROPPED_RUN, _drop)
    yield view
    yield _Respaced(view, view.data.translate(_SPACED)) if b"+" in view.data else view


def _drop(_match: re.Match[bytes]) -> bytes:
    return b""


def _narrow(match: re.Match[bytes]) -> bytes:
    return chr(match[1][0]).encode()


def _unquote(match: re.Match[bytes]) -> bytes:
    return unhexlify(match[0].replace(b"=", b"").strip())


def _unescape_characters(match: re.Match[bytes]) -> bytes:
    text = match[0].lstrip(b"\\")
    if (text[1:2] != b"{" and text[:1] in b"x%") or (text[:1].isdigit() and match[0][:1] == b"\\"):
        return chr(int(text[-3:], 8) & 0xFF if len(text) == 3 and text.isdigit() else int(text[-2:], 16)).encode()
    return _unescape(match)


def _unescape(match: re.Match[bytes]) -> bytes:
    text = match[0]
    kind = text[:1]
    if kind == b"%":
        return unhexlify(text[-2:])
    if kind == b"0":
        return unhexlify(text[2:4])
    if kind == b"&":
        return _entity(text)
    if kind == b"\x1b":
        return b""
    return _backslashed(text.lstrip(b"\\"))


def _backslashed(text: bytes) -> bytes:
    if (text[:1] in b"uU" and len(text) > 1) or text[1:2] == b"{":
        codes = [int(code, 16) for code in re.findall(rb"[0-9a-fA-F]+", text)]
        if len(codes) == 2:
            return chr(0x10000 + ((codes[0] & 0x3FF) << 10) + (codes[1] & 0x3FF)).encode()
        return _character(codes[0])
    if text[:1] == b"x":
        return unhexlify(text[1:])
    if len(text) == 3:
        return bytes([int(text, 8) & 0xFF])
    return _CONTROL.get(text, b"")


def _entity(text: bytes) -> bytes:
    name = text[text.rindex(b";", 0, -1) + 1 : -1] if text.count(b";") > 1 else text[1:-1]
    if name[:2] in (b"#x", b"#X"):
        return _character(int(name[2:], 16))
    if name[:1] == b"#":
        return _character(int(name[1:]))
    known = html5.get(f"{name.decode()};")
    return text if known is None else known.encode()


def _character(code: int) -> bytes:
    return chr(code).encode("utf-8", "surrogatepass") if code < 0x110000 else b""


def _decoded(view: View, kinds: Kinds) -> Iterator[View]:
    for found in number_lists(view.data):
        yield _Listed(found, view)
    for decorated in decorated_lists(view.data):
        yield _Listed(decorated, view)
    runs, shortest = (_SHORT_RUN, 8) if kinds.has_many_short else (_RUN, _SHORTEST_BASE64)
    for match in runs.finditer(view.data):
        yield from _decoded_run(view, match[0], match.start(), shortest=shortest)


def _decoded_run(view: View, run: bytes, at: int, *, shortest: int) -> Iterator[View]:
    # base64 has upper-case letters, with rare exceptions: skip paths, words and hexadecimal numbers
    if len(run) >= shortest and not run.islower() and not _NUMBER.fullmatch(run):
        yield from _from_base64(view, run, at)
    for digits in _HEX.finditer(run):
        yield from _from_hex(view, digits[0], at + digits.start())
    for letters in _BASE32.finditer(run):
        yield from _from_base32(view, letters[0], at + letters.start())


def _from_base64(view: View, run: bytes, at: int) -> Iterator[View]:
    """Yield the run decoded from each of four offsets, as the encoded text may begin at any of them."""
    run = run.translate(_STANDARD)
    for phase in range(4):
        size = len(run) - phase
        content = a2b_base64(run[phase:] + b"AAAA"[: -size % 4])
        yield _Decoded(content[: size * 6 // 8], view, at + phase, 6)


def _from_hex(view: View, digits: bytes, at: int) -> Iterator[View]:
    for phase in range(2):
        size = (len(digits) - phase) // 2 * 2
        yield _Decoded(unhexlify(digits[phase : phase + size]), view, at + phase, 4)


def _from_base32(view: View, letters: bytes, at: int) -> Iterator[View]:
    for begin in range(0, len(letters), LONGEST_BASE32 // 2):
        run = letters[begin : begin + LONGEST_BASE32]
        number, bits = int(run.translate(_TO_BASE_32), 32), 5 * len(run)
        for skipped in range(8):
            size = (bits - skipped) // 8
            rest = bits - skipped - 8 * size
            content = ((number >> rest) & ((1 << 8 * size) - 1)).to_bytes(size, "big")
            yield _Decoded(content, view, at + begin, 5, skipped)
        if begin + LONGEST_BASE32 >= len(letters):
            return
