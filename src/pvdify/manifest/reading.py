"""Reading a manifest: every problem at once, each with its line, its path, what was expected and the nearest key."""

from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import ValidationError

from pvdify.errors import InvalidManifest
from pvdify.manifest.definition import Manifest, parts
from pvdify.manifest.problems import Path, format_path, problems_of

LONGEST_MANIFEST = 65536
_DEEPEST = 5  # no key of ours is deeper; aliases could lead round in circles


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing to correct. ``line`` counts from 1; None where the content came without lines."""

    line: int | None
    path: str
    text: str

    def __str__(self) -> str:
        line = "" if self.line is None else f"line {self.line}: "
        return f"{line}{self.path}: {self.text}" if self.path else f"{line}{self.text}"


class _Unreadable(Exception):
    def __init__(self, *problems: Problem) -> None:
        super().__init__()
        self.problems = problems


def parse_manifest(source: str | dict[str, Any]) -> Manifest:
    """Check a manifest's text or content. Raises InvalidManifest with every problem."""
    try:
        return _read(source)
    except _Unreadable as error:
        count = "a problem" if len(error.problems) == 1 else f"{len(error.problems)} problems"
        raise InvalidManifest(
            f"the manifest has {count}",
            next="correct pvdify.yml; `pvdify manifest:check` checks it without a server",
            details={"problems": [str(problem) for problem in error.problems]},
        ) from error


def find_problems(text: str) -> tuple[Problem, ...]:
    """All that is to correct in a manifest's text, from top to bottom; nothing if it is right."""
    try:
        _read(text)
    except _Unreadable as error:
        return error.problems
    return ()


def _read(source: str | dict[str, Any]) -> Manifest:
    lines: dict[Path, int] = {}
    duplicates: list[Problem] = []
    content = source
    if isinstance(content, str):
        content, lines, duplicates = _load(content)
    try:
        manifest = Manifest.model_validate(content)
    except ValidationError as error:
        known: dict[Path, tuple[str, ...]] = {path: tuple(part.model_fields) for path, part in parts().items()}
        found = [
            Problem(line=_line(path, lines), path=format_path(path), text=text)
            for path, text in problems_of(error, known)
        ]
        raise _Unreadable(*sorted([*duplicates, *found], key=lambda problem: problem.line or 0)) from error
    if duplicates:
        raise _Unreadable(*duplicates)
    return manifest


def _load(text: str) -> tuple[dict[str, Any], dict[Path, int], list[Problem]]:
    """Content, the line of every key and item, and keys that stand there twice."""
    if len(text.encode()) > LONGEST_MANIFEST:
        raise _Unreadable(Problem(line=None, path="", text=f"it has more than {LONGEST_MANIFEST} bytes"))
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root = yaml.compose(text, Loader=loader)
        content = yaml.load(text, Loader=loader)  # noqa: S506 - a safe loader, the C one where it is built
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        what = str(getattr(error, "problem", None) or error)
        raise _Unreadable(Problem(line=mark.line + 1 if mark else None, path="", text=what)) from error
    if content is None:
        return {}, {}, []
    if not isinstance(content, dict):
        raise _Unreadable(Problem(line=1, path="", text="expected a mapping of keys to values at the top"))
    lines: dict[Path, int] = {}
    duplicates: list[Problem] = []
    _walk(root, (), lines, duplicates)
    return content, lines, duplicates


def _walk(node: Any, path: Path, lines: dict[Path, int], duplicates: list[Problem]) -> None:
    """Note the line of everything; YAML itself would let the last of two equal keys win in silence."""
    if len(path) >= _DEEPEST:
        return
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            lines[(*path, number)] = item.start_mark.line + 1
            _walk(item, (*path, number), lines, duplicates)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here, line = (*path, str(key.value)), key.start_mark.line + 1
            if here in lines:
                duplicates.append(Problem(line=line, path=format_path(here), text="stands here a second time"))
            lines[here] = line
            _walk(value, here, lines, duplicates)


def _line(path: Path, lines: dict[Path, int]) -> int | None:
    return next((lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in lines), None)
