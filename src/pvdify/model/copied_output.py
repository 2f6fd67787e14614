"""Output that is read again from its beginning, because an earlier pvdifyd had copied part of it."""

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

from pvdify.model.instance import LogLine

_NEAR = 100  # entries; lines of stdout and stderr may have been copied in another order while one of them had no end


class CopiedOutput:
    """Leaves out what was copied. A line that had no end for a second was copied in parts, and is read whole now.

    Args:
        copied: the texts, in the order in which they were copied.
    """

    def __init__(self, copied: Iterable[str]) -> None:
        self._copied = deque(copied)

    def fresh(self, lines: Iterable[LogLine]) -> list[LogLine]:
        """Return what has not been copied: of a line that was copied in part, the rest."""
        left = ((line, self._left_of(line.text)) for line in lines)
        return [replace(line, text=text) for line, text in left if text is not None]

    def _left_of(self, text: str) -> str | None:
        """Return the text without what was copied of it; None if nothing is left."""
        if self._forget(text) is not None:
            return None
        while (part := self._forget(text, is_part=True)) is not None:
            text = text[len(part) :]
            if not text:
                return None
        return text

    def _forget(self, text: str, *, is_part: bool = False) -> str | None:
        """Forget the first near entry that is this text, or its beginning, and return it; None if there is none."""
        for at, known in enumerate(islice(self._copied, _NEAR)):
            if known == text or (is_part and known and text.startswith(known)):
                del self._copied[at]
                return known
        return None
