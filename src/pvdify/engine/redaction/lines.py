"""Removes secrets from lines of instances, including secrets that are split over parts of a long line."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from pvdify.model.instance import LogLine
from pvdify.model.names import app_of_instance
from pvdify.model.redaction import CleanStream, Redactor
from pvdify.ports.instance_logs import LONGEST_LINE

Source = tuple[str, str]
HELD = timedelta(seconds=5)  # how long text that may be the beginning of a secret is held back


class LineCleaner:
    """Cleans lines that are read in order."""

    def __init__(self) -> None:
        self._redactors: dict[str, Redactor] = {}
        self._unfinished: dict[Source, CleanStream] = {}
        self._last: dict[Source, LogLine] = {}

    def use(self, app: str, redactor: Redactor) -> None:
        """Clean the app's lines with this redactor from now on."""
        self._redactors[app] = redactor

    @property
    def is_holding(self) -> bool:
        """Whether text is held back."""
        return any(stream.is_holding for stream in self._unfinished.values())

    def clean(self, line: LogLine) -> LogLine:
        """Return the line without secrets. A possible beginning of a secret is held back until the next part."""
        source = (line.instance, line.stream)
        redactor = self._redactors[app_of_instance(line.instance)]
        is_part = line.is_part or len(line.text) >= LONGEST_LINE
        stream = self._unfinished.pop(source, redactor.stream() if is_part else None)
        self._last[source] = line
        if stream is None:
            text = redactor.clean(line.text)
            return line if text is line.text else replace(line, text=text)
        cleaned = stream.feed(line.text)
        if is_part:
            self._unfinished[source] = stream
            return replace(line, text=cleaned)
        return replace(line, text=cleaned + stream.end())

    def rest(self) -> list[LogLine]:
        """Return all text that is held back, as parts of its lines. Call after HELD without a new part."""
        held = ((self._last[source], stream.end()) for source, stream in self._unfinished.items() if stream.is_holding)
        return [replace(line, text=text, is_part=True) for line, text in held]

    def clean_all(self, lines: Iterable[LogLine], now: datetime) -> tuple[LogLine, ...]:
        """Return all lines without secrets. Held-back text is appended to its line if that is older than HELD."""
        cleaned = [self.clean(line) for line in lines]
        for (instance, name), stream in self._unfinished.items():
            last = max(at for at, line in enumerate(cleaned) if (line.instance, line.stream) == (instance, name))
            if now - cleaned[last].at >= HELD:
                cleaned[last] = replace(cleaned[last], text=cleaned[last].text + stream.end())
        return tuple(cleaned)
