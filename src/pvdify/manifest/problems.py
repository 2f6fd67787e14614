"""All problems of an input at once, each with its path, the expected value, and the nearest valid key."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from pvdify.manifest.names import nearest

Path = tuple[str | int, ...]
LONGEST_KEY = 64  # characters; an unknown key in a message is cut to this length
MOST_PROBLEMS = 50  # the search for the nearest key takes 0.1 ms per problem

_EXPECTED = {
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "string_type": "expected a text",
    "list_type": "expected a list",
    "tuple_type": "expected a list",
    "dict_type": "expected a mapping of names to values",
    "model_type": "expected a mapping of names to values",
    "dataclass_type": "expected an object",
    "datetime_type": "expected a date and time",
    "datetime_parsing": "expected a date and time",
    "datetime_from_date_parsing": "expected a date and time",
    "missing": "is required",
    "missing_keyword_only_argument": "is required",
}
_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
}
_LEADING_ZERO = re.compile(r"0[0-9]+")
_UNKNOWN_KEY = {"extra_forbidden", "unexpected_keyword_argument"}


def problems_of(error: ValidationError, known: Mapping[Path, Iterable[str]], content: object) -> list[tuple[Path, str]]:
    """Return path and text of every problem, at most the first MOST_PROBLEMS.

    ``error`` comes from pydantic, for this ``content``. ``known`` has the valid keys at each path; ``*`` as the second
    part of a path stands for a name that users choose.
    """
    found: dict[Path, str] = {}
    for item in error.errors(include_url=False, include_context=True)[:MOST_PROBLEMS]:
        path = _written(item["loc"], content)
        found.setdefault(path, _text(item, path, known))
    # What may be a text or a list, and is a list with a problem, needs no second one that it is no text.
    lists = {path[:-1] for path in found if path and isinstance(path[-1], int)}
    return [(path, text) for path, text in found.items() if path not in lists or text != _EXPECTED["string_type"]]


def format_path(path: Path) -> str:
    """Return the path as ``processes.web.count``; list positions as ``[0]``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def unknown_key(key: str, valid: Iterable[str]) -> str:
    """Return the problem text for an unknown key, with the nearest valid key or all valid keys."""
    near = nearest(key, valid)
    return f'unknown key; did you mean "{near}"?' if near else f"unknown key; valid are {', '.join(sorted(valid))}"


def _written(location: Path, content: object) -> Path:
    """Return the location without the parts that pydantic added for the types of a union; users did not write them."""
    path: list[str | int] = []
    for part in location:
        is_key = isinstance(content, Mapping) and part in content
        if is_key or (isinstance(content, list) and isinstance(part, int) and part < len(content)):
            content = content[part]  # type: ignore[index]
        elif isinstance(part, str) and (part in {"str", "int", "float"} or "[" in part or "(" in part):
            continue
        path.append(part)
    return tuple(path)


def _text(item: Any, path: Path, known: Mapping[Path, Iterable[str]]) -> str:
    if item["type"] in _UNKNOWN_KEY:
        return unknown_key(str(path[-1]), known.get(_general(path[:-1], known), ()))
    expected = _EXPECTED.get(item["type"])
    if expected is None and item["type"] == "value_error":
        expected = str(item["ctx"]["error"])
    if item["type"] in _BOUNDS:
        words, bound = _BOUNDS[item["type"]]
        expected = f"expected {words} {item['ctx'][bound]:g}"
    if expected is None:
        expected = str(item["msg"])[:1].lower() + str(item["msg"])[1:]
    return f"{expected}{_got(item)}{_advice(item)}"


def _advice(item: Any) -> str:
    value = item.get("input")
    if item["type"] == "string_type" and isinstance(value, int | float):
        return "; put it in quotes"
    is_octal = item["type"] in {"int_type", "float_type"} and isinstance(value, str) and _LEADING_ZERO.fullmatch(value)
    return "; write it without the leading zero" if is_octal else ""


def _got(item: Any) -> str:
    value = item.get("input")
    if item["type"].startswith("missing") or not isinstance(value, str | int | float | bool):
        return "" if value is not None or item["type"].startswith("missing") else ", got nothing"
    shown = f'"{value}"' if isinstance(value, str) else _plain(value)
    return f", got {shown if len(shown) <= 60 else shown[:57] + '…'}"


def _plain(value: float) -> str:
    if isinstance(value, int) and value.bit_length() > 200:
        return "a number of more than 60 digits"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _general(path: Path, known: Mapping[Path, Iterable[str]]) -> Path:
    """Return the path with its second part replaced by ``*`` if only that form is known."""
    for candidate in (path, tuple("*" if index == 1 else part for index, part in enumerate(path))):
        if candidate in known:
            return candidate
    return path
