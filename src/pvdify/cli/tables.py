"""Tables that fit the terminal: cells are shortened, then wrapped between words, then columns are left out."""

import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

GAP = 2
NOTHING = "-"
LEAST_WRAPPED = 12  # characters; narrower columns are hard to read
# The order in which columns are left out. The first column of a table and columns not listed here always stay.
EXPENDABLE = (
    "COMMAND", "BY", "ADDED BY", "CONFIG", "ID", "SHARED WITH OTHERS", "PORT", "CPU", "FROM", "LINKED", "ENVIRONMENT",
    "TRIES", "LAST USED", "CREATED", "SINCE", "SLOT", "IMAGE", "MEMORY", "USER", "CHANNEL", "EVENTS", "SET",
    "UNSET", "RESTARTS", "ROLLBACK", "URL", "ADDRESS", "GOES AT", "NEXT TRY", "EXPIRES", "LAST EXIT", "RELEASE",
)  # fmt: skip
# Never shortened, because users copy these values.
WHOLE = frozenset({"URL", "ADDRESS", "VALUE", "KEY", "HOSTNAME"})
_MOMENT = r"(\d{4}-\d\d-\d\d \d\d:\d\d):\d\d(Z|[+-]\d\d:\d\d)"
_COMMIT = r":([0-9a-f]{12})[0-9a-f]{28}$"
_DIGEST = r"@sha256:([0-9a-f]{12})[0-9a-f]{52}$"
_DIGEST_ALONE = r"^(sha256:[0-9a-f]{12})[0-9a-f]{52}$"
_IMAGE_IN_TEXT = r"\S+/([^\s/]+(?::|@sha256:)[0-9a-f]{7})(?:[0-9a-f]{57}|[0-9a-f]{33})\b"


@dataclass(frozen=True)
class Column:
    """A header with its cells; each cell is a tuple of lines."""

    header: str
    cells: tuple[tuple[str, ...], ...]

    @cached_property
    def width(self) -> int:
        """The number of characters of the longest line."""
        return max(len(self.header), *(len(line) for cell in self.cells for line in cell), 0)

    @cached_property
    def longest_word(self) -> int:
        """The number of characters of the longest word, below which the column cannot be wrapped."""
        words = (word for cell in self.cells for line in cell for word in line.split())
        return max(len(self.header), *map(len, words), 0)

    @cached_property
    def is_wrappable(self) -> bool:
        """Whether the cells are texts, not names or moments that users copy."""
        texts = [line for cell in self.cells for line in cell]
        is_moment = any(re.match(r"\d{4}-\d\d-\d\d ", text) for text in texts)
        return self.header not in WHOLE and not is_moment and self.longest_word < self.width

    @property
    def is_empty(self) -> bool:
        """Whether every cell is empty."""
        return all(line in ("", NOTHING) for cell in self.cells for line in cell)

    def mapped(self, change: Callable[[str], str]) -> "Column":
        """Return the column with each line changed by ``change``."""
        cells = tuple(tuple(map(change, cell)) for cell in self.cells)
        return self if cells == self.cells else replace(self, cells=cells)  # the same one knows its width already

    def wrapped(self, width: int) -> "Column":
        """Return the column with lines of at most this width, broken between words."""
        return replace(
            self, cells=tuple(tuple(part for line in cell for part in _wrap(line, width)) for cell in self.cells)
        )


def table(
    headers: Sequence[str], rows: Iterable[Sequence[str]], *, width: int | None = None, least: Sequence[str] = ()
) -> str:
    """Return a table with two spaces between columns, narrowed to ``width`` (default: the terminal's) if possible.

    ``least``: headers of columns to leave out before all others.
    """
    cells = [[printable(cell) for cell in row] for row in rows]
    columns = [Column(header, tuple((row[at],) for row in cells)) for at, header in enumerate(headers)]
    return "\n".join(_lines(_fit(columns, available_width() if width is None else width, (*least, *EXPENDABLE))))


def available_width() -> int:
    """Return the terminal's columns, or COLUMNS; 80 if the output is no terminal."""
    # As shutil.get_terminal_size, which imports every format that it can pack.
    try:
        return int(os.environ["COLUMNS"]) or _terminal_columns()
    except (KeyError, ValueError):
        return _terminal_columns()


def _terminal_columns() -> int:
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or 80  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):
        return 80


def short_image(text: str) -> str:
    """Return an image's reference or digest without the registry and most of the hash."""
    return re.sub(_DIGEST_ALONE, r"\1…", _with_short_commit(_without_registry(text)))


def printable(text: str) -> str:
    """Return the text on one line: names and values from others cannot move the cursor or break the table."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _fit(columns: list[Column], width: int, expendable: Sequence[str]) -> list[Column]:
    for header, change in _SHORTER:
        if _total(columns) <= width:
            return columns
        columns = [
            column.mapped(change) if header in ("", column.header) and column.header not in WHOLE else column
            for column in columns
        ]
    if _total(columns) <= width:
        return columns
    columns = [columns[0], *(column for column in columns[1:] if not column.is_empty)]
    present = {column.header for column in columns[1:]}
    for header in ("", *(each for each in expendable if each in present)):
        columns = [columns[0], *(column for column in columns[1:] if column.header != header)]
        fitting = _wrap_widest(columns, width)
        if _total(fitting) <= width:
            return fitting
    return _wrap_widest(columns, width)


def _wrap_widest(columns: list[Column], width: int) -> list[Column]:
    """Wrap the columns of texts, the widest first, until the table fits or no column can be narrower."""
    for at in sorted(range(len(columns)), key=lambda at: -columns[at].width):
        excess = _total(columns) - width
        if excess > 0 and columns[at].is_wrappable:
            least = max(columns[at].longest_word, LEAST_WRAPPED)
            narrowed = columns[at].wrapped(max(least, columns[at].width - excess))
            columns = [*columns[:at], narrowed, *columns[at + 1 :]]
    return columns


def _total(columns: Sequence[Column]) -> int:
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)


def _lines(columns: Sequence[Column]) -> Iterable[str]:
    widths = [column.width for column in columns]
    yield _line([column.header for column in columns], widths)
    for row in zip(*(column.cells for column in columns), strict=True):
        for at in range(max(map(len, row))):
            yield _line([cell[at] if at < len(cell) else "" for cell in row], widths)


def _line(texts: Sequence[str], widths: Sequence[int]) -> str:
    return (" " * GAP).join(map(str.ljust, texts, widths)).rstrip()


def _without_seconds(text: str) -> str:
    return re.sub(_MOMENT, r"\1\2", text)


def _without_registry(text: str) -> str:
    path, slash, name = text.rpartition("/")
    return f"…/{name}" if slash and len(path) > 1 else text


def _with_short_commit(text: str) -> str:
    return re.sub(_DIGEST, r"@\1", re.sub(_COMMIT, r":\1", text))


def _with_short_images(text: str) -> str:
    return re.sub(_IMAGE_IN_TEXT, r"…/\1", text)


# What makes cells shorter, in this order, and the column that it is for; "" is for all.
_SHORTER = (
    ("", _without_seconds), ("IMAGE", _without_registry), ("IMAGE", _with_short_commit), ("TEXT", _with_short_images),
)  # fmt: skip


def _wrap(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return lines
