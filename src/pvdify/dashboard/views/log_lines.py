"""Lines of logs as pages show them: their level, their name in links, and which of them are asked for."""

import re
from collections.abc import Callable
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
_EXAMINED = 400  # characters: a line says its level early


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line to show. ``id``: its name in a link, unique among lines of one page."""

    id: str
    at: datetime
    origin: str
    text: str
    level: str


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which lines are asked for, besides process and release. ``level``: "" for all, warning includes error."""

    text: str = ""
    level: str = ""

    def matches(self, text: str) -> bool:
        """Whether a line is one of them; letters match in either case."""
        if self.text and self.text.casefold() not in text.casefold():
            return False
        return not self.level or level_of(text) in (LEVELS if self.level == "warning" else LEVELS[:1])


def level_of(text: str) -> str:
    """``error``, ``warning`` or "", guessed from what a line says."""
    begin = text[:_EXAMINED]
    if _ERROR.search(_NONE.sub("", begin)):
        return "error"
    return "warning" if _WARNING.search(begin) else ""


def namer() -> Callable[[LogLine, Writer], Line]:
    """Make lines to show; those of one moment and instance are numbered."""
    counts: dict[str, int] = {}

    def shown(line: LogLine, writer: Writer) -> Line:
        origin = f"{writer.process}.{writer.number}"
        base = f"L{line.at.timestamp():.6f}-{origin}.v{writer.release}"
        counts[base] = count = counts.get(base, 0) + 1
        id = base if count == 1 else f"{base}-{count}"
        return Line(id=id, at=line.at, origin=f"{origin} v{writer.release}", text=line.text, level=level_of(line.text))

    return shown
