"""Filters output that was partly copied before a restart of pvdifyd and is now read again from its beginning."""

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

from pvdify.model.instance import LogLine

_NEAR = 100  # entries; while a line is unfinished, stdout and stderr may be copied in another order


class CopiedOutput:
    """Leaves out lines that were copied already. An unfinished line was copied in parts, and is now read as one.

    Args:
        copied: the texts, in the order in which they were copied.
    """

    def __init__(self, copied: Iterable[str]) -> None:
        self._copied = deque(copied)

    def fresh(self, lines: Iterable[LogLine]) -> list[LogLine]:
        """Return the lines that were not copied yet; of a partly copied line, the remaining text."""
        remaining = ((line, self._remaining(line.text)) for line in lines)
        return [replace(line, text=text) for line, text in remaining if text is not None]

    def _remaining(self, text: str) -> str | None:
        """Return the text without its copied parts; None if nothing remains."""
        if self._take(text) is not None:
            return None
        while (part := self._take(text, is_part=True)) is not None:
            text = text[len(part) :]
            if not text:
                return None
        return text

    def _take(self, text: str, *, is_part: bool = False) -> str | None:
        """Remove the first near entry that equals this text, or begins it, and return it; None if there is none."""
        for at, known in enumerate(islice(self._copied, _NEAR)):
            if known == text or (is_part and known and text.startswith(known)):
                del self._copied[at]
                return known
        return None
