"""The annotated example manifest: every key with its description and its default."""

import json
import textwrap
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pvdify.manifest.definition import Job, Manifest, ProcessType, Volume
from pvdify.manifest.quantities import parse_bytes, parse_rate, parse_seconds, write_rate
from pvdify.quantities import exact_bytes, write_seconds

_WIDTH = 100
_NAMED: dict[str, BaseModel] = {
    "processes": ProcessType(),
    "volumes": Volume(path="/data"),
    "jobs": Job(schedule="0 3 * * *", command="npm run report"),
}  # users choose the names
_HEAD = """\
How this app runs. It travels with each release, so a rollback brings back the one of that time.
Every key is optional. Those that are switched off show their default, or else an example: to use one,
remove the # at the beginning of its lines. `pvdify manifest:check` checks this file without a server."""


def example(app: str | None = None, schema: str | None = None) -> str:
    """Return the text of a pvdify.yml with comments, for an app of this name.

    A comment begins with ``# ``. A disabled line begins with ``#`` and is valid without it. ``schema``: the location of
    the JSON Schema for editors.
    """
    lines = [f"# yaml-language-server: $schema={schema}", ""] if schema else []
    lines += [f"# {line}" for line in _HEAD.splitlines()]
    for name, field in Manifest.model_fields.items():
        is_on = name == "app" and app is not None
        section = list(_key(name, field, app if is_on else getattr(Manifest(), name), indent=""))
        lines += ["", *(section if is_on else map(_switched_off, section))]
    return "\n".join(lines) + "\n"


def shown(field: FieldInfo, value: Any) -> str:
    """Return a value as users write it in YAML: ``30s``, ``512M``, ``[a, b]``; "" for an empty value."""
    if value is None or value == ():
        return ""
    checks = {getattr(it, "func", None) for it in field.metadata}
    if parse_seconds in checks:
        return write_seconds(value)
    if parse_rate in checks:
        return write_rate(value)
    return exact_bytes(value) if parse_bytes in checks else _flow(value)


def _key(name: str, field: FieldInfo, value: Any, indent: str) -> Iterator[str]:
    for line in textwrap.wrap(field.description or "", _WIDTH - len(indent)):
        yield f"{indent}# {line}"
    if isinstance(value, BaseModel):
        yield f"{indent}{name}:"
        for inner, inner_field in type(value).model_fields.items():
            yield from _key(inner, inner_field, getattr(value, inner), f"{indent}  ")
    elif isinstance(value, dict) and name in _NAMED:
        yield f"{indent}{name}:"
        yield from _named(field, _NAMED[name], f"{indent}  ")
    else:
        yield f"{indent}{name}: {shown(field, value) or _flow((field.examples or [None])[0])}"


def _named(field: FieldInfo, part: BaseModel, indent: str) -> Iterator[str]:
    """Yield the first entry with every key explained, and the other entries on one line each;

    ``part`` has the defaults.
    """
    (first, whole), *others = (field.examples or [{}])[0].items()
    yield f"{indent}{first}:"
    for name, inner in type(part).model_fields.items():
        value = whole.get(name, getattr(part, name))
        yield from _key(name, inner, value, f"{indent}  ")
    for name, content in others:
        yield f"{indent}{name}: {_flow(content)}"


def _switched_off(line: str) -> str:
    """Return a comment at the left edge unchanged, and every other line with a ``#`` in front."""
    return line if line.startswith("# ") else f"#{line}"


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str) and any(sign in value for sign in ":,[]{}#&*!|>'\"%@`"):
        return json.dumps(value)
    return json.dumps(value) if isinstance(value, bool) or value is None else str(value)
