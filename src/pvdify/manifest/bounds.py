"""Bounds on YAML and JSON from outside, checked before Python values are built.

Aliases multiply: a few hundred bytes can describe millions of values. Nesting is dangerous, too: libyaml's composer is
recursive, and a text with 30,000 open brackets crashes the process.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

_OPENS = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_CLOSES = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


class BeyondBounds(ValueError):
    """A text or value exceeds a bound. ``line`` counts from 1; None if the content has no lines."""

    def __init__(self, line: int | None, text: str) -> None:
        super().__init__(text)
        self.line = line


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """The largest number of values (keys count, too), of levels, and of characters in one value."""

    values: int
    levels: int
    characters: int

    def check_text(self, text: str, loader: Any) -> None:
        """Check YAML text by its parser events. Raises BeyondBounds (also for an alias) and yaml.YAMLError."""
        for _ in self.events(text, loader):
            pass

    def events(self, text: str, loader: Any) -> Iterator[Any]:
        """Yield the events of YAML text, each after its check.

        Raises like ``check_text``. Takes about 2 µs per event.
        """
        values = level = 0
        event: Any
        for event in yaml.parse(text, Loader=loader):
            kind = type(event)
            if kind is yaml.ScalarEvent:
                values += 1
                self._check(values, level, len(event.value), event)
            elif kind in _OPENS:
                values, level = values + 1, level + 1
                self._check(values, level, 0, event)
            elif kind in _CLOSES:
                level -= 1
            elif kind is yaml.AliasEvent:
                raise BeyondBounds(_line(event), f"expected no alias (*{event.anchor}): write the value")
            yield event

    def check_content(self, content: Any) -> None:
        """Check a value that was parsed from JSON. Raises BeyondBounds."""
        for values, (level, value) in enumerate(_values(content), start=1):
            length = len(value) if isinstance(value, str) else value.bit_length() // 4 if isinstance(value, int) else 0
            self._check(values, level, length, None)

    def _check(self, values: int, level: int, length: int, event: Any) -> None:
        if values > self.values:
            raise BeyondBounds(_line(event), f"it has more than {self.values:,} values")
        if level > self.levels:
            raise BeyondBounds(_line(event), f"it has more than {self.levels} levels")
        if length > self.characters:
            raise BeyondBounds(_line(event), f"expected at most {self.characters:,} characters in one value")


def _line(event: Any) -> int | None:
    return event.start_mark.line + 1 if event is not None and event.start_mark else None


def _values(content: Any) -> Iterator[tuple[int, Any]]:
    """Yield every value and key with its level, without recursion."""
    waiting = [(1, content)]
    while waiting:
        level, value = waiting.pop()
        yield level, value
        if isinstance(value, dict):
            waiting += [(level, key) for key in value]
            waiting += [(level + 1, inner) for inner in value.values()]
        elif isinstance(value, list | tuple):
            waiting += [(level + 1, inner) for inner in value]
