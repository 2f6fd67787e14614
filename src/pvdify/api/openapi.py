"""The OpenAPI description, generated from the route table and the wire types."""

import re
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import to_json

from pvdify import __version__
from pvdify.api.routes import ENDPOINTS, PREFIX, Endpoint
from pvdify.wire.answers import Problem

REFERENCE = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"\{(\w+)(?::(\w+))?\}")


@cache
def openapi_document() -> bytes:
    """Return the OpenAPI 3.1 description as JSON."""
    mentioned = [type_ for endpoint in ENDPOINTS for type_ in (endpoint.takes, endpoint.gives) if type_ is not None]
    types = {type_ for type_ in mentioned if _is_wire(type_)} | {Problem}
    ordered = sorted(types, key=lambda type_: type_.__name__)
    _, schemas = TypeAdapter.json_schemas(
        [(type_, "serialization", TypeAdapter(type_)) for type_ in ordered], ref_template=REFERENCE
    )
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in ENDPOINTS:
        path = PREFIX + _PARAMETER.sub(r"{\1}", endpoint.path)
        paths.setdefault(path, {})[endpoint.method.lower()] = _operation(endpoint)
    return to_json(
        {
            "openapi": "3.1.0",
            "info": {"title": "pvdify", "version": __version__, "description": "Put an image live, and take it back."},
            "paths": paths,
            "components": {
                "schemas": schemas.get("$defs", {}),
                "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            },
        },
        indent=1,
    )


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": getattr(endpoint.handler, "__name__", ""),
        "summary": (endpoint.handler.__doc__ or "").strip(),
        "parameters": _parameters(endpoint),
        "responses": {
            str(endpoint.status): {"description": "done", **_content(endpoint)},
            "default": {
                "description": "an error: what happened, why, and what to do next",
                "content": {"application/problem+json": {"schema": _reference(Problem)}},
            },
        },
        "security": [] if endpoint.needs is None else [{"token": []}],
    }
    if endpoint.needs is not None:
        operation["description"] = f"Needs a token with the role {endpoint.needs.value}."
    if endpoint.takes is not None:
        operation["requestBody"] = {"content": {"application/json": {"schema": _reference(endpoint.takes)}}}
    return operation


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "integer" if kind == "int" else "string"}}
        for name, kind in _PARAMETER.findall(endpoint.path)
    ]
    in_query = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in endpoint.query]
    in_header = []
    if endpoint.has_key:
        in_header = [{"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "maxLength": 255}}]
    return in_path + in_query + in_header


def _content(endpoint: Endpoint) -> dict[str, Any]:
    if endpoint.gives is None:
        return {}
    if endpoint.gives is str:
        text = {"schema": {"type": "string"}}
        return {"content": {"text/plain": text, "text/event-stream": text}}
    schema = _reference(endpoint.gives)
    if endpoint.list_of is not None:
        listed = {"type": "array", "items": schema}
        schema = {"type": "object", "properties": {endpoint.list_of: listed}, "required": [endpoint.list_of]}
    return {"content": {"application/json": {"schema": schema}}}


def _reference(type_: type) -> dict[str, Any]:
    return {"$ref": REFERENCE.format(model=type_.__name__)} if _is_wire(type_) else {"type": "object"}


def _is_wire(type_: type) -> bool:
    return type_.__module__.startswith("pvdify.wire")
