"""Deploy logs as text, the same in the API, on disk and at a terminal."""

from pvdify.wire.answers import LogEntry
from pvdify.wire.terminal_text import shown_at_terminal

_NAME_WIDTH = 13
_TEXT_WIDTH = 44


def render(entry: LogEntry) -> str:
    """Return the entry as text that is safe for a terminal; "" for an entry that only reports the start of a step."""
    if entry.kind == "step-started":
        return ""
    if entry.kind == "output":
        return "\n".join(f"    | {line}" for line in shown_at_terminal(entry.text, with_colors=True).split("\n"))
    if entry.kind == "note":
        return f"  {'':<{_NAME_WIDTH}} {shown_at_terminal(entry.text, with_colors=False)}"
    mark = "failed: " if entry.kind == "step-failed" else ""
    return step_line(entry.step, f"{mark}{entry.text}", entry.seconds)


def step_line(step: str, text: str, seconds: float | None) -> str:
    """Return the line of a finished step: ``  pull    sha256:9f2c…  41 MB        1.8s``."""
    duration = "" if seconds is None else format_seconds(seconds)
    return f"  {step:<{_NAME_WIDTH}} {text:<{_TEXT_WIDTH}} {duration:>6}".rstrip()


def format_seconds(seconds: float) -> str:
    """Return ``4ms`` below a tenth of a second, ``1.8s`` below a minute, else ``2m5s``."""
    if seconds >= 60:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes}m{rest}s" if rest else f"{minutes}m"
    return f"{seconds * 1000:.0f}ms" if seconds < 0.1 else f"{seconds:.1f}s"
