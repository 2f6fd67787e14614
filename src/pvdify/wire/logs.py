"""Runtime log lines and access log lines as text."""

from pvdify.wire.answers import LogLine, Visit
from pvdify.wire.terminal_text import shown_at_terminal


def render(line: LogLine) -> str:
    """Return ``2026-11-23T11:31:02.045Z web.1 v42 | text``, safe to print at a terminal."""
    prefix, text = parts(line)
    return "\n".join(f"{prefix} {shown}" for shown in shown_at_terminal(text, with_colors=True).split("\n"))


def parts(line: LogLine) -> tuple[str, str]:
    """Return the prefix that names time and instance, and the text."""
    at = line.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{at} {line.process}.{line.number} v{line.release} |", line.text


def render_visit(visit: Visit) -> str:
    """Return the request as one line.

    ``2026-11-23T11:31:02.045Z 203.0.113.7 GET https://shop.example.com/cart 200 12ms 512B shop v42 web.1 ID``
    """
    at = visit.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    place = f"{visit.app} v{visit.release} web.{visit.instance}" if visit.app else "router"
    url = f"{visit.protocol or 'http'}://{visit.host}{visit.path}"
    text = (
        f"{at} {visit.client or '-'} {visit.method} {url} {visit.status} {round(visit.seconds * 1000)}ms "
        f"{visit.bytes_out}B {place} {visit.request_id}"
    )
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
