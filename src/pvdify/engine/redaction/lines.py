"""Lines that instances wrote, without secrets, also where a line was too long to come in one piece."""

from collections.abc import Iterable
from dataclasses import replace

from pvdify.model.instance import LogLine
from pvdify.model.names import app_of_instance
from pvdify.model.redaction import CleanStream, Redactor
from pvdify.ports.supervisor import LONGEST_LINE

Source = tuple[str, str]


class LineCleaner:
    """Cleans the lines of one reading, in their order."""

    def __init__(self) -> None:
        self._redactors: dict[str, Redactor] = {}
        self._unfinished: dict[Source, CleanStream] = {}

    def use(self, app: str, redactor: Redactor) -> None:
        """This is how the app's lines are cleaned from now on."""
        self._redactors[app] = redactor

    def clean(self, line: LogLine) -> LogLine:
        """The line without secrets. What may be the beginning of one is told with the next piece of a long line."""
        source = (line.instance, line.stream)
        redactor = self._redactors[app_of_instance(line.instance)]
        is_piece = len(line.text) >= LONGEST_LINE
        stream = self._unfinished.pop(source, redactor.stream() if is_piece else None)
        if stream is None:
            text = redactor.clean(line.text)
            return line if text is line.text else replace(line, text=text)
        told = stream.feed(line.text)
        if is_piece:
            self._unfinished[source] = stream
            return replace(line, text=told)
        return replace(line, text=told + stream.end())

    def clean_all(self, lines: Iterable[LogLine]) -> tuple[LogLine, ...]:
        """All lines of a reading that has ended."""
        cleaned = [self.clean(line) for line in lines]
        for (instance, name), stream in self._unfinished.items():
            last = max(at for at, line in enumerate(cleaned) if (line.instance, line.stream) == (instance, name))
            cleaned[last] = replace(cleaned[last], text=cleaned[last].text + stream.end())
        return tuple(cleaned)
