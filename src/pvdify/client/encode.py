"""Encoding of the wire's dataclasses as JSON values."""

from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any


def to_json(value: Any) -> Any:
    """Return the value as dicts, lists and scalars; moments become ``2026-11-23T11:31:02Z``."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: to_json(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value


def request_body(value: Any) -> dict[str, Any]:
    """Return the value as the JSON body of a request, without the fields that are None."""
    return {key: item for key, item in to_json(value).items() if item is not None}
