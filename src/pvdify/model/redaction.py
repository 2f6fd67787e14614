"""Redaction of secret values in text. No I/O."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from itertools import accumulate

from ahocorasick_rs import BytesAhoCorasick, Implementation

from pvdify.model.secret_forms import Needle, is_short, needles_of
from pvdify.model.views import UNFINISHED_ESCAPE, Kinds, Span, View, unfinished_views, views_of

HIDDEN = "***"  # shorter than any secret, so that it contains none
LARGEST_SHELF = 64 * 1024  # characters of values; building their search takes about 30 ms and blocks the process
CONTEXT = 1024  # characters of earlier output that a stream keeps
WINDOW = 2048  # bytes at the end of a text that may be the beginning of a secret in any form
MANY = 100  # short values; with more, decoding shorter runs costs less than searching for all their encoded forms
ALIKE = 4  # needles with the same text
GROWTH = 1024  # bytes; a longer value has more needles
_BETWEEN = b"\0"  # no secret contains it


class Redactor:
    """Finds secret values in text in any form that programs write. Immutable, and safe to share."""

    def __init__(self, values: Iterable[str]) -> None:
        self._values = frozenset(values)
        self._shelves = tuple(_ValueIndex(part) for part in _parts(sorted(self._values)))

    def __repr__(self) -> str:
        return f"Redactor(of {len(self._values)} values)"

    def with_values(self, values: Iterable[str]) -> "Redactor":
        """Return a redactor that also hides these values; self if it hides them already. Reuses existing searches."""
        more = frozenset(values) - self._values
        if not more:
            return self
        grown = Redactor(())
        grown._values = self._values | more
        kept = [shelf for shelf in self._shelves if shelf.is_full]
        rest = {value for shelf in self._shelves if not shelf.is_full for value in shelf.values}
        grown._shelves = (*kept, *(_ValueIndex(part) for part in _parts(sorted(rest | more))))
        return grown

    @property
    def size(self) -> int:
        """The number of bytes in all values."""
        return sum(len(value.encode("utf-8", "surrogatepass")) for value in self._values)

    def knows(self, value: str) -> bool:
        """Return whether this is one of the values."""
        return value in self._values

    def clean(self, text: str) -> str:
        """Return the text with each secret replaced by ``***``; the same object if it has none."""
        spans = self._spans(text)
        while spans:
            # the text around a replaced secret may join into another one
            text = _hide(text, spans)
            spans = self._spans(text)
        return text

    def stream(self) -> "CleanStream":
        """Return a stream that redacts text in pieces of any size."""
        return CleanStream(self)

    def _spans(self, text: str) -> list[Span]:
        """Return where secrets are; overlapping or adjacent ones are merged."""
        if not self._shelves:
            return []
        raw = text.encode("utf-8", "surrogatepass")
        found = [span for shelf in _suspected(self._shelves, raw) for span in shelf.find(raw)]
        if not found:
            return []
        joined = _merged(found)
        return joined if len(raw) == len(text) else [_in_characters(raw, span) for span in joined]

    def _unfinished(self, text: str) -> int:
        """Return where the longest end that may begin a secret starts; the text's length if there is none."""
        if not self._shelves:
            return len(text)
        raw = text.encode("utf-8", "surrogatepass")
        at = min(shelf.unfinished(raw) for shelf in self._shelves)
        return len(_text(raw[:at])) if len(raw) != len(text) else at


class _ValueIndex:
    """A part of the values and the search for them, small enough to be built without a pause."""

    def __init__(self, values: Iterable[str]) -> None:
        self.values = frozenset(values)
        self.is_full = 2 * sum(map(len, self.values)) > LARGEST_SHELF
        has_many_short = sum(is_short(value.encode("utf-8", "surrogatepass")) for value in self.values) > MANY
        found = (it for value in self.values for it in needles_of(value, with_encoded=not has_many_short))
        self._needles = list(_distinct(found))
        self._search = BytesAhoCorasick(
            [needle.text for needle in self._needles], implementation=Implementation.NoncontiguousNFA
        )
        self.kinds = Kinds.of(self.values, has_many_short=has_many_short)

    def find(self, raw: bytes) -> list[Span]:
        """Return where secrets are in the bytes of a text."""
        views = list(views_of(raw, replace(self.kinds, has_unlike=True)))
        return [views[view].origin(*span) for view, span in self._found(views)]

    def is_hit(self, data: bytes) -> bool:
        """Return whether the joined text of all views contains a needle."""
        return bool(self._search.find_matches_as_indexes(data))

    def _hits(self, views: list[View]) -> list[tuple[int, int, int]]:
        return self._search.find_matches_as_indexes(_joined_data(views), overlapping=True)

    def _found(self, views: list[View]) -> Iterator[tuple[int, Span]]:
        begins = list(accumulate((len(view.data) + 1 for view in views), initial=0))
        known: dict[bytes, int] = {}  # the end of the last match of each whole value
        for number, start, end in self._hits(views):
            needle = self._needles[number]
            if end <= known.get(needle.whole, 0):
                continue
            view = bisect_right(begins, start) - 1
            begin = begins[view]
            first, last = _extended(needle, views[view].data, start - begin, end - begin)
            if last - first >= min(needle.least, len(needle.whole)):
                known[needle.whole] = last + begin
                yield view, (first, last)

    def unfinished(self, raw: bytes) -> int:
        """Return where the end of these bytes starts that may begin a secret."""
        skipped = max(0, len(raw) - WINDOW)
        tail = raw[skipped:]
        match = UNFINISHED_ESCAPE.search(tail)
        begin = match.start() if match else len(tail)
        for view, least in unfinished_views(tail[:begin], self.kinds):
            at = self._begin_of_needle(view.data, least)
            if at < len(view.data):
                begin = min(begin, view.origin(at, at + 1)[0])
        return skipped + begin

    def _begin_of_needle(self, data: bytes, least: int) -> int:
        """Return where the longest end of ``data``, of at least ``least`` bytes, starts that begins a needle."""
        texts = self._sorted
        for start in range(max(0, len(data) - self._longest + 1), len(data) - least + 1):
            end = data[start:]
            at = bisect_left(texts, end)
            if at < len(texts) and texts[at].startswith(end):
                return start
        return len(data)

    @cached_property
    def _sorted(self) -> list[bytes]:
        return sorted({it.whole[it.at : it.at + max(it.least, len(it.text))] for it in self._needles})

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self._sorted))


class CleanStream:
    """Redacts a text that arrives in pieces; holds back an end that may begin a secret.

    The last CONTEXT characters of output are kept: if a secret begins in them, its remaining part is hidden.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._passed, self._held = "", ""
        # this many characters at the beginning of the next piece belong to a secret that is hidden already
        self._hidden: int | None = None

    @property
    def is_holding(self) -> bool:
        """Whether text is held back."""
        return bool(self._held)

    def feed(self, piece: str) -> str:
        """Add a piece, and return the text that can be passed on."""
        return self._pass_on(self._held + piece, is_end=False)

    def end(self) -> str:
        """Return the held text, because no more comes soon."""
        return self._pass_on(self._held, is_end=True)

    def _pass_on(self, fresh: str, *, is_end: bool) -> str:
        text, sent = self._passed + fresh, len(self._passed)
        cut = len(text) if is_end else max(sent, self._redactor._unfinished(text))
        if cut == sent:
            self._held = fresh
            return ""
        spans = [(max(start, sent), end) for start, end in self._redactor._spans(text) if end > sent]
        if self._hidden is not None:
            spans = _merged([(sent, sent + self._hidden), *spans])
        shown = _hide(text[sent:cut], [(start - sent, min(end, cut) - sent) for start, end in spans if start < cut])
        if self._hidden is not None:
            shown = shown.removeprefix(HIDDEN)
        self._hidden = next((end - cut for start, end in spans if start < cut <= end), None)
        self._passed, self._held = text[max(0, cut - CONTEXT) : cut], text[cut:]
        return shown


def clean_of_all(redactors: Iterable[Redactor], text: str) -> str:
    """Return the text without the values of all these redactors. Searches once if the text has none of the values."""
    known = tuple(redactors)
    shelves = tuple(shelf for redactor in known for shelf in redactor._shelves)
    if _suspected(shelves, text.encode("utf-8", "surrogatepass")):
        for redactor in known:
            text = redactor.clean(text)
    return text


def _suspected(shelves: Iterable[_ValueIndex], raw: bytes) -> list[_ValueIndex]:
    """Return the shelves that may have a secret in this text. Shelves of the same kinds share their views."""
    together: dict[Kinds, bytes] = {}
    found = []
    for shelf in shelves:
        if shelf.kinds not in together:
            together[shelf.kinds] = _joined_data(list(views_of(raw, shelf.kinds)))
        if shelf.is_hit(together[shelf.kinds]):
            found.append(shelf)
    return found


def _distinct(needles: Iterable[Needle]) -> Iterator[Needle]:
    """Yield the needles, at most ALIKE of the same text: a value may repeat it, and a line and a value may share it."""
    count: Counter[bytes] = Counter()
    for needle in dict.fromkeys(needles):
        count[needle.text] += 1
        if count[needle.text] <= ALIKE:
            yield needle


def _joined_data(views: list[View]) -> bytes:
    return views[0].data if len(views) == 1 else _BETWEEN.join([view.data for view in views])


def _extended(needle: Needle, data: bytes, start: int, end: int) -> Span:
    """Return the span around the needle in which ``data`` equals the whole value, at most GROWTH bytes to each side."""
    whole, at = needle.whole, needle.at
    last = at + len(needle.text)
    room = min(at, start, GROWTH)
    before = _common(whole[at - room : at][::-1], data[start - room : start][::-1])
    return start - before, end + _common(whole[last : last + GROWTH], data[end : end + GROWTH])


def _common(one: bytes, other: bytes) -> int:
    """Return the length of the common prefix."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _parts(values: list[str]) -> Iterator[list[str]]:
    part: list[str] = []
    size = 0
    for value in values:
        if part and size + len(value) > LARGEST_SHELF:
            yield part
            part, size = [], 0
        part.append(value)
        size += len(value)
    if part:
        yield part


def _in_characters(raw: bytes, span: Span) -> Span:
    start, end = span
    before = len(_text(raw[:start]))
    while end < len(raw) and raw[end] & 0xC0 == 0x80:
        end += 1
    return before, before + len(_text(raw[start:end]))


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogatepass")


def _hide(text: str, spans: Iterable[Span]) -> str:
    output, at = [], 0
    for start, end in spans:
        output += [text[at:start], HIDDEN]
        at = end
    return "".join((*output, text[at:]))


def _merged(spans: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
