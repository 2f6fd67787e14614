"""Reading and validation of manifests.

Reports every problem at once, each with its line, its path, the expected value and the nearest key.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import ValidationError

from pvdify.errors import InvalidManifest
from pvdify.manifest.bounds import BeyondBounds, Bounds
from pvdify.manifest.definition import Manifest, most_items, parts
from pvdify.manifest.problems import Path, format_path, problems_of

LONGEST_MANIFEST = 65536
BOUNDS = Bounds(values=2000, levels=20, characters=8192)
SHORT = 1024  # characters; reading a text of this size takes up to 2 ms
SMALL = Bounds(values=200, levels=20, characters=SHORT)  # bounds of content that is checked in less than 1 ms
MOST_PROBLEMS = 50
_DEEPEST = 5  # no key of the definition is deeper
_TAG = "tag:yaml.org,2002:"  # what `!!` stands for
_PLAIN_TAGS = frozenset({"!", *(_TAG + name for name in ("str", "int", "float", "bool", "null", "seq", "map"))})
_NUMBERS = {
    _TAG + "int": re.compile(r"[-+]?(?:0b[01_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)\Z"),
    _TAG + "float": re.compile(
        r"(?:[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+][0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
    ),
}
_INSTEAD_OF_TAG = {
    "binary": "the text itself, in quotes",
    "set": "a list, like [a, b]",
    "omap": "a mapping, like {a: 1, b: 2}",
    "pairs": "a mapping, like {a: 1, b: 2}",
    "timestamp": "the text itself, in quotes",
}


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # either has no types
    """Reads 22:22, 2026-01-01 and 0755 as texts; YAML 1.1 makes the numbers 1342 and 493 and a date of them.

    Keys are texts, too: ``on`` and ``no`` name a process or a volume like any other word.
    """

    def construct_mapping(self, node: Any, *args: Any, **more: Any) -> dict[Any, Any]:
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != _TAG + "merge":
                key.tag = _TAG + "str"
        return super().construct_mapping(node, *args, **more)  # type: ignore[no-any-return]


_Loader.yaml_implicit_resolvers = {
    first: [(tag, _NUMBERS.get(tag, pattern)) for tag, pattern in resolvers if tag != _TAG + "timestamp"]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One problem in a manifest. ``line`` counts from 1; None if the content has no lines."""

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
    """Parse and validate a manifest's text or content. Raises InvalidManifest with every problem."""
    try:
        return _read(source)
    except _Unreadable as error:
        count = "a problem" if len(error.problems) == 1 else f"{len(error.problems)} problems"
        raise InvalidManifest(
            f"the manifest has {count}",
            next="correct pvdify.yml; `pvdify manifest:check` checks it without a server",
            details={"problems": _shown(error.problems)},
        ) from error


async def read_manifest(source: str | dict[str, Any] | None) -> Manifest | None:
    """Call ``parse_manifest``, in a thread for large manifests: the largest takes over 20 ms. Return None for None."""
    if source is None:
        return None
    return parse_manifest(source) if _is_quick(source) else await asyncio.to_thread(parse_manifest, source)


def find_problems(text: str) -> tuple[Problem, ...]:
    """Return all problems in a manifest's text, from top to bottom; empty if the manifest is valid."""
    try:
        _read(text)
    except _Unreadable as error:
        return error.problems
    return ()


def _is_quick(source: str | dict[str, Any]) -> bool:
    if isinstance(source, str):
        return len(source) <= SHORT
    try:
        SMALL.check_content(source)
    except BeyondBounds:
        return False
    return True


def _read(source: str | dict[str, Any]) -> Manifest:
    lines: dict[Path, int] = {}
    duplicates: list[Problem] = []
    content = source
    if isinstance(content, str):
        content, lines, duplicates = _load(content)
    else:
        _check_content(content)
    _check_counts(content, lines)
    try:
        manifest = Manifest.model_validate(content)
    except ValidationError as error:
        known: dict[Path, tuple[str, ...]] = {path: tuple(part.model_fields) for path, part in parts().items()}
        found = [
            Problem(line=_line(path, lines), path=format_path(path), text=text)
            for path, text in {**dict(problems_of(error, known, content)), **_conflicts(content, known)}.items()
        ]
        raise _Unreadable(*sorted([*duplicates, *found], key=lambda problem: problem.line or 0)) from error
    if duplicates:
        raise _Unreadable(*duplicates)
    return manifest


def _conflicts(content: dict[str, Any], known: Mapping[Path, Iterable[str]]) -> dict[Path, str]:
    """Return the conflicts between volumes and processes, which pydantic looks for in a valid manifest only."""
    try:
        Manifest.model_validate({key: content[key] for key in ("processes", "volumes") if key in content})
    except ValidationError as error:
        return dict(problems_of(error, known, content))
    return {}


def _load(text: str) -> tuple[dict[str, Any], dict[Path, int], list[Problem]]:
    """Return the content, the line of every key and item, and the duplicate keys."""
    if len(text.encode(errors="surrogatepass")) > LONGEST_MANIFEST:
        raise _Unreadable(Problem(line=None, path="", text=f"it has more than {LONGEST_MANIFEST} bytes"))
    try:
        _check_tags(text, _Loader)
        reader = _Loader(text)
        root = reader.get_single_node()
        content = reader.construct_document(root) if root is not None else None
    except BeyondBounds as error:
        raise _Unreadable(Problem(line=error.line, path="", text=str(error))) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        mark = getattr(error, "problem_mark", None)
        what = str(getattr(error, "problem", None) or error)
        raise _Unreadable(Problem(line=mark.line + 1 if mark else None, path="", text=what)) from error
    except (AttributeError, LookupError, TypeError) as error:  # raised by PyYAML for `!!timestamp x` and `!!bool x`
        raise _Unreadable(Problem(line=None, path="", text="a value is not what its tag (!!…) says")) from error
    if content is None:
        return {}, {}, []
    if not isinstance(content, dict):
        raise _Unreadable(Problem(line=1, path="", text="expected a mapping of keys to values at the top"))
    lines: dict[Path, int] = {}
    duplicates: list[Problem] = []
    _walk(root, (), lines, duplicates)
    return content, lines, duplicates


def _check_tags(text: str, loader: Any) -> None:
    """Check the bounds of the text, and that no tag makes a value other than JSON has, or an object."""
    found = []
    for event in BOUNDS.events(text, loader):
        tag = getattr(event, "tag", None)
        if tag is not None and tag not in _PLAIN_TAGS:
            name = tag.removeprefix(_TAG)
            shown = f"!!{name}" if tag.startswith(_TAG) else tag
            instead = _INSTEAD_OF_TAG.get(name, "the value without it")
            line = event.start_mark.line + 1
            found.append(Problem(line=line, path="", text=f"expected no tag {shown[:60]}: write {instead}"))
    if found:
        raise _Unreadable(*found)


def _check_content(content: dict[str, Any]) -> None:
    try:
        BOUNDS.check_content(content)
    except BeyondBounds as error:
        raise _Unreadable(Problem(line=None, path="", text=str(error))) from error


def _check_counts(content: dict[str, Any], lines: dict[Path, int]) -> None:
    found = []
    for path, most in most_items().items():
        value: Any = content
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, dict | list | tuple) and len(value) > most:
            text = f"expected at most {most}, got {len(value)}"
            found.append(Problem(line=_line(path, lines), path=format_path(path), text=text))
    if found:
        raise _Unreadable(*found)


def _shown(problems: tuple[Problem, ...]) -> list[str]:
    left = len(problems) - MOST_PROBLEMS
    return [str(problem) for problem in problems[:MOST_PROBLEMS]] + ([f"and {left} more"] if left > 0 else [])


def _walk(node: Any, path: Path, lines: dict[Path, int], duplicates: list[Problem]) -> None:
    """Record the line of every key and item, and duplicate keys, of which YAML silently takes the last."""
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
