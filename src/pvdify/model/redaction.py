"""Hiding secret values in text; pure."""

from bisect import bisect_left
from collections.abc import Iterable

from ahocorasick_rs import AhoCorasick

from pvdify.model.secret_forms import forms_of

HIDDEN = "***"  # shorter than any secret, so that no secret is in it
Span = tuple[int, int]


class Redactor:
    """Knows some secret values in every form that programs write them in. Immutable, and safe to share."""

    def __init__(self, values: Iterable[str]) -> None:
        self._values = frozenset(values)
        self._forms = sorted(_encodable(form) for value in self._values for form in forms_of(value))
        self._longest = max(map(len, self._forms), default=0)
        self._search = AhoCorasick(self._forms, store_patterns=False) if self._forms else None

    def __repr__(self) -> str:
        return f"Redactor(of {len(self._values)} values)"

    def with_values(self, values: Iterable[str]) -> "Redactor":
        """One that knows these, too; this one if it does already."""
        more = frozenset(values) - self._values
        return Redactor(self._values | more) if more else self

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
        if self._search is None:
            return []
        try:
            found = self._search.find_matches_as_indexes(text, overlapping=True)
        except UnicodeEncodeError:
            found = self._search.find_matches_as_indexes(_encodable(text), overlapping=True)
        return _joined((start, end) for _, start, end in found) if found else []

    def _unfinished(self, text: str) -> int:
        """Where the longest end of the text begins that may be the beginning of a secret; its length if none is."""
        for start in range(max(0, len(text) - self._longest + 1), len(text)):
            end = text[start:]
            at = bisect_left(self._forms, end)
            if at < len(self._forms) and self._forms[at].startswith(end):
                return start
        return len(text)


class CleanStream:
    """Hides secrets in a text that comes in pieces; holds back what may be the beginning of one."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = ""
        # so many characters at the beginning of what comes next belong to a secret that was told hidden
        self._hidden: int | None = None

    @property
    def is_holding(self) -> bool:
        """Whether something is held back."""
        return bool(self._held)

    def feed(self, piece: str) -> str:
        """What can be told after this piece."""
        return self._tell(self._held + piece, is_end=False)

    def end(self) -> str:
        """The rest: nothing more comes."""
        return self._tell(self._held, is_end=True)

    def _tell(self, text: str, *, is_end: bool) -> str:
        cut = len(text) if is_end else self._redactor._unfinished(text)
        if cut == 0:
            self._held = text
            return ""
        spans = self._redactor._spans(text)
        if self._hidden is not None:
            spans = _joined([(0, self._hidden), *spans])
        told = _hide(text[:cut], [(start, min(end, cut)) for start, end in spans if start < cut])
        if self._hidden is not None:
            told = told.removeprefix(HIDDEN)
        self._held, self._hidden = text[cut:], next((end - cut for start, end in spans if start < cut <= end), None)
        return told


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


def _encodable(text: str) -> str:
    """Half a surrogate pair, which is no text, replaced; of the same length."""
    return text.encode("utf-8", "replace").decode()
