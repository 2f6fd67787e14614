#!/usr/bin/env python3
"""Fail if a word that no reference documentation would use is in the sources, tests or docs.

Docstrings, comments, messages and docs name the actor (the client, the router, the worker) and the thing. The list is
short on purpose: a word belongs on it once it has no use that is right. Decision records stay as they were written.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
INSTEAD = {
    r"[Ss]omebody|[Ss]omeone else": "name the actor, or use the passive",
    r"[Ee]verybody": "name the group: every visitor, all clients",
    r'(?<!")[Nn]obody(?!")': "name what is missing: no client, no app",
    r"[Ww]hoever|[Ww]homever": "name the actor",
    r"how manyth": "index",
    r"[Mm]ends?|[Mm]ended": "repair",
    r"[Ll]eads? visitors": "route, send",
    r"(is|are|was|were|be) told of": "is notified of",
}
SOURCES = (
    "src/**/*.py", "tests/**/*.py", "bench/*.py", "tools/**/*.py", "tools/setup",
    "docs/**/*.md", "README.md", "CONTRIBUTING.md", "examples/**/*.yml",
)  # fmt: skip
# GitHub's documented example of a signature has this secret.
ALLOWED = "It's a Secret to Everybody"


def main() -> int:
    found = [line for file in files() for line in problems(file)]
    print("\n".join(found), file=sys.stderr)
    return 1 if found else 0


def files() -> Iterator[Path]:
    for pattern in SOURCES:
        for file in sorted(ROOT.glob(pattern)):
            if "decisions" not in file.parts and file != Path(__file__).resolve():
                yield file


def problems(file: Path) -> Iterator[str]:
    """Yield a message for each word; the words of a function's name count, too."""
    for number, text in enumerate(file.read_text("utf-8").splitlines(), start=1):
        line = text.replace("_", " ") if "def " in text else text.replace(ALLOWED, "")
        for words, instead in INSTEAD.items():
            if match := re.search(rf"\b({words})\b", line):
                yield f'{file.relative_to(ROOT)}:{number}: "{match[0]}": {instead}'


if __name__ == "__main__":
    sys.exit(main())
