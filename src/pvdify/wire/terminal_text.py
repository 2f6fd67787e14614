"""Filters for text from apps before it is shown: at a terminal, or in the log of a GitHub workflow. Pure functions."""

import re

# Control sequences (CSI), strings for the terminal (OSC, DCS, SOS, PM, APC), and other escapes, 7 and 8 bits wide. A
# sequence without an end is cut at the end of its line.
_SEQUENCE = (
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*(?:[@-~]|$)"
    "|(?:\x1b[\\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\\\|\x9c|(?=[\x1b\n])|$)"
    "|\x1b[ -/]*[0-~]?"
)
_COLOR = "\x1b\\[[0-9;:]*m"
_LINE_ENDS = "\r\n|[\r\v\f\x85\u2028\u2029]"
# remaining control characters, and marks that change the direction of text
_INVISIBLE = "[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
_RESET = "\x1b[0m"
_COMMAND = re.compile(r"^(\s*):(?=:)|(?<=#)(?=#\[)", re.MULTILINE)


def shown_at_terminal(text: str, *, with_colors: bool) -> str:
    """Return the text without sequences that move the cursor, set a title or type input.

    Each carriage return becomes a line break. ``with_colors``: keep colors and styles, and reset them at each line's
    end.
    """
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    text = re.sub(_LINE_ENDS, "\n", text)
    if "\x1b" not in text:
        return re.sub(_INVISIBLE, "", re.sub(_SEQUENCE, "", text) if re.search(_HAS_C1, text) else text)
    return "\n".join(_line(line, with_colors=with_colors) for line in text.split("\n"))


def shown_in_workflow(text: str) -> str:
    """Return the text so that GitHub's runner finds no command in it: ``::error::`` becomes ``: :error::``."""
    return _COMMAND.sub(lambda match: f"{match[1]}: " if match[0] else " ", text)


def lines_of(text: str) -> list[str]:
    """Split the text at every line end that a terminal or a browser would show."""
    return re.sub(_LINE_ENDS, "\n", text).split("\n")


def _line(line: str, *, with_colors: bool) -> str:
    def kept(match: re.Match[str]) -> str:
        return match[0] if with_colors and re.fullmatch(_COLOR, match[0]) else ""

    cleaned = re.sub(_INVISIBLE, "", re.sub(_SEQUENCE, kept, line))
    is_colored = with_colors and "\x1b" in cleaned and not cleaned.endswith((_RESET, "\x1b[m"))
    return f"{cleaned}{_RESET}" if is_colored else cleaned


_HAS_C1 = "[\x80-\x9f]"
