"""Reading a manifest: every problem at once, each with its line, its path, what was expected and the nearest key."""

from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from pvdify.errors import InvalidManifest
from pvdify.manifest.definition import HealthCheck, Hooks, Manifest, Previews, ProcessType, Resources
from pvdify.manifest.problems import Path, format_path, problems_of

LONGEST_MANIFEST = 65536


def parse_manifest(source: str | dict[str, Any]) -> Manifest:
    """Check a manifest's text or content. Raises InvalidManifest with every problem."""
    lines: dict[Path, int] = {}
    if isinstance(source, str):
        source, lines = _load(source)
    content = {key: value for key, value in source.items() if not str(key).startswith("x-")}
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        found = sorted(problems_of(error, _known_keys()), key=lambda item: _line(item[0], lines))
        raise _invalid([f"{_place(path, lines)}{format_path(path)}: {text}" for path, text in found]) from error


def _known_keys() -> dict[Path, tuple[str, ...]]:
    parts: dict[Path, type[BaseModel]] = {
        (): Manifest, ("processes", "*"): ProcessType, ("processes", "*", "resources"): Resources,
        ("healthcheck",): HealthCheck, ("resources",): Resources, ("hooks",): Hooks, ("previews",): Previews,
        ("previews", "resources"): Resources,
    }  # fmt: skip
    return {path: tuple(part.model_fields) for path, part in parts.items()}


def _invalid(problems: list[str]) -> InvalidManifest:
    count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
    return InvalidManifest(
        f"the manifest has {count}", next="correct pvdify.yml and deploy again", details={"problems": problems}
    )


def _load(text: str) -> tuple[dict[str, Any], dict[Path, int]]:
    if len(text.encode()) > LONGEST_MANIFEST:
        raise _invalid([f"it has more than {LONGEST_MANIFEST} bytes"])
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root = yaml.compose(text, Loader=loader)
        content = yaml.load(text, Loader=loader)  # noqa: S506 - a safe loader, the C one where it is built
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}: " if mark else ""
        raise _invalid([f"{place}{getattr(error, 'problem', None) or error}"]) from error
    if content is None:
        return {}, {}
    if not isinstance(content, dict):
        raise _invalid(["expected a mapping of keys to values at the top"])
    lines: dict[Path, int] = {}
    duplicates: list[str] = []
    _walk(root, (), lines, duplicates)
    if duplicates:
        raise _invalid(duplicates)
    return content, lines


def _walk(node: Any, path: Path, lines: dict[Path, int], duplicates: list[str]) -> None:
    """Note the line of every key; YAML itself would let the last of two equal keys win in silence."""
    if len(path) > 4 or not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        here = (*path, str(key.value))
        line = key.start_mark.line + 1
        if here in lines and lines[here] != line:
            duplicates.append(f"line {line}: {format_path(here)}: stands here a second time")
        lines[here] = line
        _walk(value, here, lines, duplicates)


def _line(path: Path, lines: dict[Path, int]) -> int:
    return next((lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in lines), 0)


def _place(path: Path, lines: dict[Path, int]) -> str:
    line = _line(path, lines)
    return f"line {line}: " if line else ""
