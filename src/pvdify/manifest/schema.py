"""The JSON Schema of a manifest, for editors.

It contains types, keys and bounds; ``reading`` checks some rules that a schema cannot express.
"""

import json
from typing import Any

from pydantic import BaseModel

from pvdify.manifest import definition
from pvdify.manifest.definition import OWN_KEYS, Manifest
from pvdify.manifest.example import shown
from pvdify.manifest.names import PROCESS_NAME

# The draft that the YAML support of every editor understands.
DRAFT = "http://json-schema.org/draft-07/schema#"


def schema_text() -> str:
    """Return the schema as JSON text; the text is always the same."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def json_schema() -> dict[str, Any]:
    """Return the schema as a value."""
    made = Manifest.model_json_schema(ref_template="#/definitions/{model}")
    inner = made.pop("$defs", {})
    for name, part in inner.items():
        _finish(part, getattr(definition, name))
    _finish(made, Manifest)
    made["properties"]["processes"]["propertyNames"] = {"pattern": f"^{PROCESS_NAME.pattern}$"}
    return {"$schema": DRAFT, **made, "title": "pvdify.yml", "definitions": inner}


def _finish(part: dict[str, Any], kind: type[BaseModel]) -> None:
    """Allow own keys, write defaults as users write them, and wrap references that have siblings."""
    part["patternProperties"] = {f"^{OWN_KEYS}": {}}
    part.pop("title", None)
    for name, described in part["properties"].items():
        described.pop("title", None)
        default = described.pop("default", None)
        if isinstance(default, str | int | float):
            text = shown(kind.model_fields[name], default)
            described["default"] = text if "string" in described.get("type", ()) else default
        if "$ref" in described:  # draft 7 ignores all keys beside a $ref
            described["allOf"] = [{"$ref": described.pop("$ref")}]
