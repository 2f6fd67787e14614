"""Hiding secret values in text; pure."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from itertools import accumulate

from ahocorasick_rs import BytesAhoCorasick, Implementation

from pvdify.model.secret_forms import Needle, is_short, needles_of
from pvdify.model.views import UNFINISHED_ESCAPE, Kinds, Span, View, unfinished_views, views_of

HIDDEN = "***"  # shorter than any secret, so that no secret is in it
LARGEST_SHELF = 64 * 1024  # characters of values; some 30 ms to learn, in which nothing else of the process runs
CONTEXT = 1024  # characters of its output that a stream remembers
WINDOW = 2048  # bytes at the end of a text that may be the beginning of a secret, however it is written
MANY = 100  # short values; for more, decoding shorter runs costs less than looking for all that they are encoded to
ALIKE = 4  # needles of the same text
GROWTH = 1024  # bytes; a value that goes on has more needles
_BETWEEN = b"\0"  # in no secret


class Redactor:
    """Knows some secret values, however programs write them. Immutable, and safe to share."""

    def __init__(self, values: Iterable[str]) -> None:
        self._values = frozenset(values)
        self._shelves = tuple(_Shelf(part) for part in _parts(sorted(self._values)))

    def __repr__(self) -> str:
        return f"Redactor(of {len(self._values)} values)"

    def with_values(self, values: Iterable[str]) -> "Redactor":
        """One that knows these, too; this one if it does already. Learns no more than what is new, and little else."""
        more = frozenset(values) - self._values
        if not more:
            return self
        grown = Redactor(())
        grown._values = self._values | more
        kept = [shelf for shelf in self._shelves if shelf.is_full]
        rest = {value for shelf in self._shelves if not shelf.is_full for value in shelf.values}
        grown._shelves = (*kept, *(_Shelf(part) for part in _parts(sorted(rest | more))))
        return grown

    @property
    def size(self) -> int:
        """Return the number of bytes in all values."""
        return sum(len(value.encode("utf-8", "surrogatepass")) for value in self._values)

    def knows(self, value: str) -> bool:
        """Whether this is one of the values."""
        return value in self._values

    def clean(self, text: str) -> str:
        """The text with ``***`` in each place where a secret stands; without one, the very same text."""
        spans = self._spans(text)
        while spans:
            # what was hidden may bring the two ends of another secret together
            text = _hide(text, spans)
            spans = self._spans(text)
        return text

    def stream(self) -> "CleanStream":
        """For text that comes in pieces, cut anywhere."""
        return CleanStream(self)

    def _spans(self, text: str) -> list[Span]:
        """Where secrets stand; those that overlap or touch are one."""
        if not self._shelves:
            return []
        raw = text.encode("utf-8", "surrogatepass")
        found = [span for shelf in _suspected(self._shelves, raw) for span in shelf.find(raw)]
        if not found:
            return []
        joined = _joined(found)
        return joined if len(raw) == len(text) else [_in_characters(raw, span) for span in joined]

    def _unfinished(self, text: str) -> int:
        """Where the longest end of the text begins that may be the beginning of a secret; its length if none is."""
        if not self._shelves:
            return len(text)
        raw = text.encode("utf-8", "surrogatepass")
        at = min(shelf.unfinished(raw) for shelf in self._shelves)
        return len(_text(raw[:at])) if len(raw) != len(text) else at


class _Shelf:
    """Some values and what finds them; small enough to be made in one go."""

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
        """Where secrets stand in the bytes of a text."""
        views = list(views_of(raw, replace(self.kinds, has_unlike=True)))
        return [views[view].origin(*span) for view, span in self._found(views)]

    def is_hit(self, data: bytes) -> bool:
        """Whether the text of all views together has a needle."""
        return bool(self._search.find_matches_as_indexes(data))

    def _hits(self, views: list[View]) -> list[tuple[int, int, int]]:
        return self._search.find_matches_as_indexes(_together(views), overlapping=True)

    def _found(self, views: list[View]) -> Iterator[tuple[int, Span]]:
        begins = list(accumulate((len(view.data) + 1 for view in views), initial=0))
        known: dict[bytes, int] = {}  # how far each whole was found
        for number, start, end in self._hits(views):
            needle = self._needles[number]
            if end <= known.get(needle.whole, 0):
                continue
            view = bisect_right(begins, start) - 1
            begin = begins[view]
            first, last = _grown(needle, views[view].data, start - begin, end - begin)
            if last - first >= min(needle.least, len(needle.whole)):
                known[needle.whole] = last + begin
                yield view, (first, last)

    def unfinished(self, raw: bytes) -> int:
        """Where the end of these bytes begins that may be the beginning of a secret."""
        skipped = max(0, len(raw) - WINDOW)
        tail = raw[skipped:]
        match = UNFINISHED_ESCAPE.search(tail)
        begin = match.start() if match else len(tail)
        for view, least in unfinished_views(tail[:begin], self.kinds):
            at = self._begun(view.data, least)
            if at < len(view.data):
                begin = min(begin, view.origin(at, at + 1)[0])
        return skipped + begin

    def _begun(self, data: bytes, least: int) -> int:
        """Where the longest end of ``data``, of so many bytes at least, begins that a needle begins with."""
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
    """Hides secrets in a text that comes in pieces; holds back what may be the beginning of one.

    Text that was passed on early is remembered for a while: the rest of a secret that begins in it is hidden.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._passed, self._held = "", ""
        # so many characters at the beginning of what comes next belong to a secret that was hidden
        self._hidden: int | None = None

    @property
    def is_holding(self) -> bool:
        """Whether something is held back."""
        return bool(self._held)

    def feed(self, piece: str) -> str:
        """Return what can be passed on after this piece."""
        return self._pass_on(self._held + piece, is_end=False)

    def end(self) -> str:
        """The rest: nothing more comes, or not soon."""
        return self._pass_on(self._held, is_end=True)

    def _pass_on(self, fresh: str, *, is_end: bool) -> str:
        text, sent = self._passed + fresh, len(self._passed)
        cut = len(text) if is_end else max(sent, self._redactor._unfinished(text))
        if cut == sent:
            self._held = fresh
            return ""
        spans = [(max(start, sent), end) for start, end in self._redactor._spans(text) if end > sent]
        if self._hidden is not None:
            spans = _joined([(sent, sent + self._hidden), *spans])
        shown = _hide(text[sent:cut], [(start - sent, min(end, cut) - sent) for start, end in spans if start < cut])
        if self._hidden is not None:
            shown = shown.removeprefix(HIDDEN)
        self._hidden = next((end - cut for start, end in spans if start < cut <= end), None)
        self._passed, self._held = text[max(0, cut - CONTEXT) : cut], text[cut:]
        return shown


def clean_of_all(redactors: Iterable[Redactor], text: str) -> str:
    """Return the text without the values of all of these; searched once for all where none of them is in it."""
    known = tuple(redactors)
    shelves = tuple(shelf for redactor in known for shelf in redactor._shelves)
    if _suspected(shelves, text.encode("utf-8", "surrogatepass")):
        for redactor in known:
            text = redactor.clean(text)
    return text


def _suspected(shelves: Iterable[_Shelf], raw: bytes) -> list[_Shelf]:
    """Return those that may have a secret in this text; ones of the same kinds look at the same views."""
    together: dict[Kinds, bytes] = {}
    found = []
    for shelf in shelves:
        if shelf.kinds not in together:
            together[shelf.kinds] = _together(list(views_of(raw, shelf.kinds)))
        if shelf.is_hit(together[shelf.kinds]):
            found.append(shelf)
    return found


def _distinct(needles: Iterable[Needle]) -> Iterator[Needle]:
    """Yield the needles, of one text no more than a few: a value can repeat it, and a line and a value share it."""
    count: Counter[bytes] = Counter()
    for needle in dict.fromkeys(needles):
        count[needle.text] += 1
        if count[needle.text] <= ALIKE:
            yield needle


def _together(views: list[View]) -> bytes:
    return views[0].data if len(views) == 1 else _BETWEEN.join([view.data for view in views])


def _grown(needle: Needle, data: bytes, start: int, end: int) -> Span:
    """Return how far ``data`` is the same as the needle's whole, to both sides of the needle, up to a limit."""
    whole, at = needle.whole, needle.at
    last = at + len(needle.text)
    room = min(at, start, GROWTH)
    before = _common(whole[at - room : at][::-1], data[start - room : start][::-1])
    return start - before, end + _common(whole[last : last + GROWTH], data[end : end + GROWTH])


def _common(one: bytes, other: bytes) -> int:
    """Return how many bytes both begin with."""
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
    told, at = [], 0
    for start, end in spans:
        told += [text[at:start], HIDDEN]
        at = end
    return "".join((*told, text[at:]))


def _joined(spans: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
