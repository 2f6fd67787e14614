"""Text that others wrote, made safe for where it is shown: a terminal, or the log of a GitHub workflow; pure."""

import re

# Control sequences (CSI), strings for the terminal (OSC, DCS, SOS, PM, APC), and other escapes, 7 and 8 bits wide.
# One that is never ended goes no further than its line.
_SEQUENCE = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*(?:[@-~]|$)"
    "|(?:\x1b[\\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\\\|\x9c|(?=[\x1b\n])|$)"
    "|\x1b[ -/]*[0-~]?"
)
_COLOR = re.compile("\x1b\\[[0-9;:]*m")
_LINE_ENDS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
# what is left of controls, and marks that show a text in another order than it has
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_RESET = "\x1b[0m"
_COMMAND = re.compile(r"^(\s*):(?=:)|(?<=#)(?=#\[)", re.MULTILINE)


def shown_at_terminal(text: str, *, with_colors: bool) -> str:
    """Return the text without what moves the cursor, sets a title or types for its reader.

    Each carriage return ends a line. ``with_colors``: colors and styles stay, and end with their line.
    """
    text = _LINE_ENDS.sub("\n", text)
    if "\x1b" not in text:
        return _INVISIBLE.sub("", _SEQUENCE.sub("", text) if _HAS_C1.search(text) else text)
    return "\n".join(_line(line, with_colors=with_colors) for line in text.split("\n"))


def shown_in_workflow(text: str) -> str:
    """Return the text so that GitHub's runner sees no command in it: ``::error::`` as ``: :error::``."""
    return _COMMAND.sub(lambda match: f"{match[1]}: " if match[0] else " ", text)


def lines_of(text: str) -> list[str]:
    """Return the lines that a terminal or a browser would show, whatever ends them."""
    return _LINE_ENDS.sub("\n", text).split("\n")


def _line(line: str, *, with_colors: bool) -> str:
    def kept(match: re.Match[str]) -> str:
        return match[0] if with_colors and _COLOR.fullmatch(match[0]) else ""

    cleaned = _INVISIBLE.sub("", _SEQUENCE.sub(kept, line))
    is_colored = with_colors and "\x1b" in cleaned and not cleaned.endswith((_RESET, "\x1b[m"))
    return f"{cleaned}{_RESET}" if is_colored else cleaned


_HAS_C1 = re.compile("[\x80-\x9f]")
