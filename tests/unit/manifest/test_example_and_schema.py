"""The example and the schema made from the definition of the manifest: all three agree."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import BaseModel

from pvdify.manifest.definition import Manifest, parts
from pvdify.manifest.example import example
from pvdify.manifest.quantities import parse_bytes, parse_seconds
from pvdify.manifest.reading import find_problems, parse_manifest
from pvdify.manifest.schema import DRAFT, json_schema, schema_text
from pvdify.quantities import exact_bytes, write_seconds

VALID = (
    "",
    "app: myapp\nport: 80\nx-mine: {any: thing}",
    "processes: {web: {command: npm start, count: 0}, worker: {command: [a, b], overlap: true}}",
    "processes: {web: {resources: {memory: 1.5G, cpu: 2, x-note: y}}}",
    "healthcheck: {path: /up, interval: 500ms, timeout: 1, retries: 3}",
    "drain: 1m30s\nstop_timeout: 0\ndomains: [a.example, bücher.example]",
    "hooks: {pre_deploy: [one, [two, three]], timeout: 1h}",
    "previews: {config_from: myapp-staging, close_delay: 1d, max: 0, resources: {memory: 268435456}}",
)
INVALID = (
    "prot: 80",
    "port: http",
    "port: 70000",
    "processes: {Web: {}}",
    "processes: {web: {count: -1}}",
    "processes: {web: {comand: x}}",
    "drain: soon",
    "drain: 8d 1h",
    "resources: {memory: big}",
    "resources: {cpu: 0}",
    "hooks: {pre_deploy: migrate}",
    "previews: {max: -1}",
    "volumes: {data: {}}",
    "volumes: {data: {path: /data, mode: rw}}",
    "jobs: {report: {schedule: 0 3 * * *}}",
    "jobs: {report: {schedule: 0 3 * * *, command: x, overlap: never}}",
)


SHOWN = {"processes": "web", "volumes": "data", "jobs": "report"}  # the entry that the example explains


def switched_on(text: str) -> str:
    return "\n".join(re.sub(r"^#(?! [^ ])", "", line) for line in text.splitlines())


def keys_of(content: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in content.items() if isinstance(content, dict) else ():
        yield (*path, key)
        yield from keys_of(value, (*path, key))


def test_the_example_is_valid_as_it_is_written():
    assert parse_manifest(example("shop")) == Manifest(app="shop")
    assert parse_manifest(example()) == Manifest()


def test_the_example_has_every_key_and_is_valid_with_all_switched_on():
    text = switched_on(example("shop"))

    found = set(keys_of(yaml.safe_load(text)))

    assert find_problems(text) == ()
    for path, part in parts().items():
        if path[1:] != ("*", "resources"):
            place = tuple(SHOWN[path[0]] if name == "*" else name for name in path)
            assert {(*place, name) for name in part.model_fields} <= found


def test_commented_out_keys_show_the_defaults():
    manifest = parse_manifest(switched_on(example()))

    assert manifest.drain == Manifest().drain
    assert manifest.healthcheck.interval == Manifest().healthcheck.interval
    assert manifest.hooks.timeout == Manifest().hooks.timeout
    assert manifest.previews.resources == Manifest().previews.resources


def test_editors_find_the_schema_that_was_written():
    assert example(schema="./pvdify.schema.json").splitlines()[0] == (
        "# yaml-language-server: $schema=./pvdify.schema.json"
    )


def test_the_schema_is_a_valid_json_schema():
    jsonschema.Draft7Validator.check_schema(json_schema())

    assert json_schema()["$schema"] == DRAFT
    assert json.loads(schema_text()) == json_schema()


@pytest.mark.parametrize("text", [*VALID, switched_on(example("shop"))])
def test_the_schema_accepts_valid_manifests(text: str):
    assert find_problems(text) == ()

    jsonschema.validate(yaml.safe_load(text) or {}, json_schema())


@pytest.mark.parametrize("text", INVALID)
def test_manifests_that_the_schema_refuses_are_refused(text: str):
    assert find_problems(text)

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(text), json_schema())


def every_field(part: type[BaseModel]) -> Iterator[tuple[str, str]]:
    for name, field in part.model_fields.items():
        yield name, field.description or ""


@pytest.mark.parametrize("part", parts().values())
def test_every_key_is_described_in_sentences(part: type[BaseModel]):
    assert [name for name, text in every_field(part) if not text.endswith(".") or "|" in text] == []


@pytest.mark.parametrize(
    ("text", "seconds"), [("5s", 5), ("1m30s", 90), ("24h", 86400), ("1d", 86400), ("250ms", 0.25), ("0", 0)]
)
def test_durations_as_people_write_them(text: str, seconds: float):
    assert parse_seconds(text) == seconds
    assert parse_seconds(write_seconds(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "count"), [("512M", 512 * 2**20), ("1.5G", 1536 * 2**20), ("1 GiB", 2**30), ("6mb", 6 * 2**20), (7, 7)]
)
def test_sizes_as_people_write_them(text: str | int, count: int):
    assert parse_bytes(text) == count
    assert parse_bytes(exact_bytes(count)) == count


@pytest.mark.parametrize("text", ["", "5", "5x", "-5s", "1.2.3s", "8d", True, None, [5]])
def test_invalid_durations(text: Any):
    with pytest.raises(ValueError, match="expected a duration"):
        parse_seconds(text)


@pytest.mark.parametrize("text", ["", "M", "-5M", "5X", True, None, 1.5])
def test_invalid_sizes(text: Any):
    with pytest.raises(ValueError, match="expected a size"):
        parse_bytes(text)
