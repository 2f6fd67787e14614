"""A deploy log as people read it; the same text in the API, on disk and at a terminal."""

from pvdify.wire.answers import LogEntry

_NAME_WIDTH = 13
_TEXT_WIDTH = 44


def render(entry: LogEntry) -> str:
    """One line of text, or "" for an entry that only says that a step has begun."""
    if entry.kind == "step-started":
        return ""
    if entry.kind == "output":
        return f"    | {entry.text}"
    if entry.kind == "note":
        return f"  {'':<{_NAME_WIDTH}} {entry.text}"
    mark = "failed: " if entry.kind == "step-failed" else ""
    text = f"{mark}{entry.text}"
    duration = "" if entry.seconds is None else format_seconds(entry.seconds)
    return f"  {entry.step:<{_NAME_WIDTH}} {text:<{_TEXT_WIDTH}} {duration:>6}".rstrip()


def format_seconds(seconds: float) -> str:
    """``4ms`` below a tenth of a second, else ``1.8s``."""
    return f"{seconds * 1000:.0f}ms" if seconds < 0.1 else f"{seconds:.1f}s"
