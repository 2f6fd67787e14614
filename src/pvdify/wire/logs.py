"""Runtime log lines as people read them."""

from pvdify.wire.answers import LogLine


def render(line: LogLine) -> str:
    """``2026-11-23T11:31:02.045Z web.1 v42 | text``."""
    at = line.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{at} {line.process}.{line.number} v{line.release} | {line.text}"
