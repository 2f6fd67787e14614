"""Lines that instances wrote, without secrets, also where a line was too long to come in one piece."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from pvdify.model.instance import LogLine
from pvdify.model.names import app_of_instance
from pvdify.model.redaction import CleanStream, Redactor
from pvdify.ports.instance_logs import LONGEST_LINE

Source = tuple[str, str]
HELD = timedelta(seconds=5)  # what may be the beginning of a secret is shown when nothing followed for so long


class LineCleaner:
    """Cleans the lines of one reading, in their order."""

    def __init__(self) -> None:
        self._redactors: dict[str, Redactor] = {}
        self._unfinished: dict[Source, CleanStream] = {}
        self._last: dict[Source, LogLine] = {}

    def use(self, app: str, redactor: Redactor) -> None:
        """This is how the app's lines are cleaned from now on."""
        self._redactors[app] = redactor

    @property
    def is_holding(self) -> bool:
        """Whether something is held back."""
        return any(stream.is_holding for stream in self._unfinished.values())

    def clean(self, line: LogLine) -> LogLine:
        """Return the line without secrets. A possible beginning of one comes with the next part of the line."""
        source = (line.instance, line.stream)
        redactor = self._redactors[app_of_instance(line.instance)]
        is_part = line.is_part or len(line.text) >= LONGEST_LINE
        stream = self._unfinished.pop(source, redactor.stream() if is_part else None)
        self._last[source] = line
        if stream is None:
            text = redactor.clean(line.text)
            return line if text is line.text else replace(line, text=text)
        told = stream.feed(line.text)
        if is_part:
            self._unfinished[source] = stream
            return replace(line, text=told)
        return replace(line, text=told + stream.end())

    def rest(self) -> list[LogLine]:
        """What is held back, as parts of their lines: nothing has followed for HELD."""
        told = ((self._last[source], stream.end()) for source, stream in self._unfinished.items() if stream.is_holding)
        return [replace(line, text=text, is_part=True) for line, text in told]

    def clean_all(self, lines: Iterable[LogLine], now: datetime) -> tuple[LogLine, ...]:
        """All lines of a reading; what is held back of a part that is older than HELD with it."""
        cleaned = [self.clean(line) for line in lines]
        for (instance, name), stream in self._unfinished.items():
            last = max(at for at, line in enumerate(cleaned) if (line.instance, line.stream) == (instance, name))
            if now - cleaned[last].at >= HELD:
                cleaned[last] = replace(cleaned[last], text=cleaned[last].text + stream.end())
        return tuple(cleaned)
