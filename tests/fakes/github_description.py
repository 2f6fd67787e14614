"""GitHub's published OpenAPI description, as far as we use it: whether a request or an answer is as it says."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

FILE = Path(__file__).with_name("github_openapi.json")


@cache
def description() -> Any:
    return _understood(json.loads(FILE.read_text(encoding="utf-8")))


def operation(method: str, path: str) -> tuple[Any, dict[str, str]]:
    """The operation that a request means, and what its path says. Raises AssertionError: GitHub has no such thing."""
    for template, methods in description()["paths"].items():
        found = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template), path)
        if found and method.lower() in methods:
            return methods[method.lower()], found.groupdict()
    raise AssertionError(f"GitHub's API has no {method} {path}")


def check_request(method: str, path: str, query: dict[str, str], body: Any) -> None:
    """Raises AssertionError where GitHub would not understand it."""
    known, in_path = operation(method, path)
    parameters = [_resolved(it) for it in known.get("parameters", ())]
    for place, given in (("query", query), ("path", in_path)):
        named = {it["name"]: it for it in parameters if it["in"] == place}
        assert given.keys() <= named.keys(), f"{method} {path} takes no {given.keys() - named.keys()}"
        for name, text in given.items():
            schema = named[name]["schema"]
            _check(int(text) if schema.get("type") == "integer" else text, schema, f"{method} {path} {name}")
    wanted = known.get("requestBody")
    if wanted is None:
        assert body is None, f"{method} {path} takes no body"
        return
    schema = wanted["content"]["application/json"]["schema"]
    unknown = set(body) - set(schema["properties"])
    assert not unknown, f"{method} {path} takes no {unknown} in its body"
    _check(body, schema, f"{method} {path}")


def check_part(method: str, path: str, status: int, content: Any) -> None:
    """As ``check_answer``, for an answer that leaves out fields that no client uses."""
    known, _ = operation(method, path)
    assert str(status) in known["responses"], f"{method} {path} never answers {status}"
    schema = _resolved(known["responses"][str(status)])["content"]["application/json"]["schema"]
    _check(content, _without_required(schema), f"{method} {path}", _without_required(description()["components"]))
    unknown = {name for name in content if name not in _names(schema)} if isinstance(content, dict) else set()
    assert not unknown, f"{method} {path} never answers with {unknown}"


def check_answer(method: str, path: str, status: int, content: Any) -> None:
    """Raises AssertionError where GitHub would never answer so."""
    known, _ = operation(method, path)
    assert str(status) in known["responses"], f"{method} {path} never answers {status}"
    _check(
        content, _resolved(known["responses"][str(status)])["content"]["application/json"]["schema"], f"{method} {path}"
    )


def _check(value: Any, schema: Any, what: str, components: Any = None) -> None:
    whole = {"allOf": [schema], "components": components or description()["components"]}
    problems = [f"{what}: {it.json_path} {it.message[:200]}" for it in _validator(whole).iter_errors(value)]
    assert not problems, "\n".join(problems)


def _validator(schema: Any) -> Any:
    return Draft202012Validator(schema, format_checker=FormatChecker())


def _resolved(value: Any) -> Any:
    if "$ref" not in value:
        return value
    _, _, kind, name = value["$ref"].split("/")
    return description()["components"][kind][name]


def _without_required(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_required(it) for it in value]
    if not isinstance(value, dict):
        return value
    is_list = isinstance(value.get("required"), list)  # and no property of this name
    return {name: _without_required(it) for name, it in value.items() if not (name == "required" and is_list)}


def _names(schema: Any) -> set[str]:
    """Every property that an object of this schema may have."""
    known = _resolved(schema)
    parts = [part for kind in ("allOf", "anyOf", "oneOf") for part in known.get(kind, ())]
    return set(known.get("properties", ())).union(*(_names(part) for part in parts))


def _understood(value: Any) -> Any:
    """JSON Schema has another word for what OpenAPI 3.0 calls nullable."""
    if isinstance(value, list):
        return [_understood(it) for it in value]
    if not isinstance(value, dict):
        return value
    plain = {name: _understood(it) for name, it in value.items() if name != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if value.get("nullable") is True else plain
