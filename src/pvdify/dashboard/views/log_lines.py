"""View models of log lines: their level, their id in links, and the filter. Pure functions."""

import re
from dataclasses import dataclass
from datetime import datetime

from pvdify.engine.reading.runtime_logs import Writer
from pvdify.model.instance import LogLine

LEVELS = ("error", "warning")
_ERROR = re.compile(
    r"\b(?:error|err|fatal|critical|crit|panic|emerg|alert|severe|exception|traceback|unhandled|segfault)\b"
    r"|[a-z](?:Error|Exception)\b|\blevel\"?\s*[:=]\s*\"?(?:5|6)0\b",
    re.IGNORECASE,
)
_NONE = re.compile(r"\b(?:0|no|without) (?:errors?|exceptions?)\b|\berrors?[=:]\s*0\b", re.IGNORECASE)
_WARNING = re.compile(r"\b(?:warn|warning|deprecated|deprecationwarning)\b|\blevel\"?\s*[:=]\s*\"?40\b", re.IGNORECASE)
_EXAMINED = 400  # characters from the start of a line, where programs write the level


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line to show. ``id``: its anchor in links, unique in one page. ``origin``: process, number and release.

    ``release``: the release that started the instance.
    """

    id: str
    at: datetime
    origin: str
    release: int
    text: str
    level: str


@dataclass(frozen=True, kw_only=True)
class LineFilter:
    """A filter of lines by text and level. ``level``: "" for all; ``warning`` includes errors."""

    text: str = ""
    level: str = ""

    def matches(self, text: str) -> bool:
        """Return whether the filter selects a line with this text. The case of letters does not matter."""
        if self.text and self.text.casefold() not in text.casefold():
            return False
        return not self.level or level_of(text) in (LEVELS if self.level == "warning" else LEVELS[:1])


def level_of(text: str) -> str:
    """Guess the level from the text of a line: ``error``, ``warning`` or ""."""
    begin = text[:_EXAMINED]
    if _ERROR.search(_NONE.sub("", begin)):
        return "error"
    return "warning" if _WARNING.search(begin) else ""


class Lines:
    """Makes the lines of one page from those that a filter selects."""

    def __init__(self, wanted: LineFilter) -> None:
        self._wanted = wanted
        self._counts: dict[str, int] = {}

    def shown(self, line: LogLine, writer: Writer) -> Line | None:
        """Return the line to show, or None if the filter does not select it. Call it for every line, in their order.

        Lines of one instance with the same timestamp are numbered, the same way under every filter.
        """
        origin = f"{writer.process}.{writer.number}"
        base = f"L{line.at.timestamp():.6f}-{origin}.v{writer.release}"
        self._counts[base] = count = self._counts.get(base, 0) + 1
        if not self._wanted.matches(line.text):
            return None
        return Line(
            id=base if count == 1 else f"{base}-{count}", at=line.at, origin=f"{origin} v{writer.release}",
            release=writer.release, text=line.text, level=level_of(line.text),
        )  # fmt: skip
