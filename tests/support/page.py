"""A page of the documentation as steps to run: its commands with their output, and its files.

In a ``console`` block, lines after ``# `` are root's on the server and lines after ``$ `` the reader's; the lines below
a command are what it prints. A block after a line that ends in a file's name and a colon is that file. Another ``text``
block is what the last run of the workflow printed. A line with ``…`` alone stands for any lines.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

_BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"`(?P<path>[\w./-]+)`:$")
_PROMPTS = ("# ", "$ ")
# What differs from run to run, and how it is written for the comparison.
_CHANGING = (
    (re.compile(r"\bpvd_\S+"), "TOKEN"),
    (re.compile(r"\bpvdify \d+\.\d+\.\d+\w*"), "pvdify VERSION"),
    (re.compile(r"\bsha256:[0-9a-f]+…?"), "DIGEST"),
    (re.compile(r"\b[0-9a-f]{40}\b"), "COMMIT"),
    (re.compile(r"\b\d+(?:\.\d+)?(?:ms|s)\b"), "SECONDS"),
    (re.compile(r"\b\d+(?:\.\d+)? ?[kMG]B\b"), "SIZE"),
    (re.compile(r" {2,}"), "  "),
)


class Kind(Enum):
    """Who carries a step out."""

    ROOT = auto()
    READER = auto()
    FILE = auto()
    RUN = auto()


@dataclass(frozen=True, kw_only=True)
class Step:
    """``text``: the command, or the content of the file at ``path``; ``shown``: what the page says it prints."""

    kind: Kind
    text: str
    path: str = ""
    shown: str = ""


def steps_of(page: Path, section: str | None = None) -> Iterator[Step]:
    """All steps of the page or a section, in its order. Raises ValueError for a block that is none of those above."""
    whole = page.read_text(encoding="utf-8")
    if section is not None:
        whole = whole.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    blocks = list(_BLOCK.finditer(whole))
    if whole.count("```") != 2 * len(blocks):
        raise ValueError(f"{page}: a block does not begin and end at the beginning of a line")
    for block in blocks:
        language, text = block["language"], block["text"]
        file = _FILE.search(whole[: block.start()].rstrip())
        if language == "console":
            yield from _commands(text)
        elif file is not None:
            yield Step(kind=Kind.FILE, text=text, path=file["path"])
        elif language == "text":
            yield Step(kind=Kind.RUN, text="", shown=text)
        else:
            raise ValueError(f"{page}: this {language or 'plain'} block is neither commands nor a file:\n{text}")


def _commands(text: str) -> Iterator[Step]:
    parts = re.split(r"^(?=[#$] )", text.replace("\\\n", " "), flags=re.MULTILINE)
    for part in parts:
        command, _, shown = part.partition("\n")
        if command.startswith(_PROMPTS):
            kind = Kind.ROOT if command.startswith("#") else Kind.READER
            yield Step(kind=kind, text=command[2:], shown=shown)
        elif part:
            raise ValueError(f"this is before the first command of its block:\n{part}")


def files_of(page: Path) -> dict[str, str]:
    """The content of each file that the page has, by its path."""
    whole = page.read_text(encoding="utf-8")
    found = ((_FILE.search(whole[: block.start()].rstrip()), block["text"]) for block in _BLOCK.finditer(whole))
    return {file["path"]: text for file, text in found if file is not None}


def is_as_shown(printed: str, shown: str) -> bool:
    """Whether the lines are those of the page, apart from times, sizes, digests, tokens and versions."""
    lines = _comparable(shown).splitlines(keepends=True)
    pattern = "".join("(?:.*\n)*" if line.strip() == "…" else re.escape(line) for line in lines)
    return re.fullmatch(pattern, _comparable(printed)) is not None


def _comparable(text: str) -> str:
    for changing, word in _CHANGING:
        text = changing.sub(word, text)
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())
