"""Limits of a manifest: expensive input is refused before it is built."""

from typing import Any

import pytest

from pvdify.errors import InvalidManifest
from pvdify.manifest.definition import Manifest
from pvdify.manifest.reading import MOST_PROBLEMS, find_problems, parse_manifest, read_manifest


def alias_bomb(width: int) -> str:
    """Return four nested lists, each with ``width`` aliases of the previous list."""
    lists = [("a", "1"), ("b", "*a"), ("c", "*b"), ("d", "*c")]
    return "\n".join(f"x-{name}: &{name} [{', '.join([inner] * width)}]" for name, inner in lists)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (alias_bomb(30), "line 2: expected no alias (*a): write the value"),
        ("x-a: &a {b: *a}", "line 1: expected no alias (*a): write the value"),
        ("x-a: &a {memory: 1G}\nresources: {<<: *a}", "line 2: expected no alias (*a): write the value"),
        ("x-a: " + "[" * 30_000, "line 1: it has more than 20 levels"),
        ("{a: " * 15_000, "line 1: it has more than 20 levels"),
        ("x-a: [" + "1," * 3_000 + "]", "line 1: it has more than 2,000 values"),
        (f"app: {'a' * 9_000}", "line 1: expected at most 8,192 characters in one value"),
        ("x: 1\n" * 14_000, "it has more than 65536 bytes"),
        ("domains: [" + ", ".join(f"h{number}.example" for number in range(101)) + "]",
         "line 1: domains: expected at most 100, got 101"),
        ("hooks:\n  pre_deploy: [" + "x," * 21 + "]", "line 2: hooks.pre_deploy: expected at most 20, got 21"),
        ("processes: {" + ", ".join(f"p{number}: {{}}" for number in range(21)) + "}",
         "line 1: processes: expected at most 20, got 21"),
        ("resources: {memory: " + "9" * 400 + "T}",
         'line 1: resources.memory: expected a size of at most 1024T, got "' + "9" * 56 + "…"),
        ("port: 0x" + "f" * 8_000, "line 1: port: expected at most 65535, got a number of more than 60 digits"),
        ("drain: 99999999999999999999d",
         'line 1: drain: expected a duration of at most 999999999d, got "99999999999999999999d"'),
    ],
)  # fmt: skip
def test_expensive_manifests_are_refused_with_the_reason(text: str, problem: str):
    assert [str(each) for each in find_problems(text)] == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("app: shop\nx-a: !!binary c2hvcA==", "line 2: expected no tag !!binary: write the text itself, in quotes"),
        ("app: !!binary c2hvcA==", "line 1: expected no tag !!binary: write the text itself, in quotes"),
        ("!!binary YXBw: shop", "line 1: expected no tag !!binary: write the text itself, in quotes"),
        ("domains: !!set {a.example, b.example}", "line 1: expected no tag !!set: write a list, like [a, b]"),
        ("%TAG !e! tag:yaml.org,2002:\n---\ndomains: !e!set {a.example}",
         "line 3: expected no tag !!set: write a list, like [a, b]"),
        ("domains: !<tag:yaml.org,2002:set> {a.example}", "line 1: expected no tag !!set: write a list, like [a, b]"),
        ("x-a: !!omap [a: 1]", "line 1: expected no tag !!omap: write a mapping, like {a: 1, b: 2}"),
        ("processes: !!pairs [web: {}]", "line 1: expected no tag !!pairs: write a mapping, like {a: 1, b: 2}"),
        ("x-a: !!timestamp 2026-01-01", "line 1: expected no tag !!timestamp: write the text itself, in quotes"),
        ("x-a: !!merge x", "line 1: expected no tag !!merge: write the value without it"),
        ("app: !secret shop", "line 1: expected no tag !secret: write the value without it"),
        ("app: !!python/object/apply:os.system [id]",
         "line 1: expected no tag !!python/object/apply:os.system: write the value without it"),
    ],
)  # fmt: skip
def test_a_tag_that_json_has_no_value_for_is_named_and_refused(text: str, problem: str):
    assert [str(each) for each in find_problems(text)] == [problem]


def test_every_tag_is_named_at_once_and_those_of_json_are_accepted():
    problems = find_problems("app: !!binary c2hvcA==\ndomains: !!set {a.example}\nport: !!int 80")
    manifest = parse_manifest("app: !!str shop\nport: !!int 80\ndomains: !!seq [a.example]\nprocesses: !!map {web: {}}")

    assert [it.line for it in problems] == [1, 2]
    assert (manifest.app, manifest.port, manifest.domains) == ("shop", 80, ("a.example",))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"port": 10**5_000}, "port: expected at most 65535, got a number of more than 60 digits"),
        ({"drain": 10**400}, "drain: expected a duration between 0s and 7d, got a number of more than 60 digits"),
        ({"x-a": [[]] * 2_000}, "it has more than 2,000 values"),
        ({"domains": ["a.example"] * 101}, "domains: expected at most 100, got 101"),
        ({"port": 10**20_000}, "expected at most 8,192 characters in one value"),
    ],
)
def test_the_same_bounds_hold_for_json(content: dict[str, Any], problem: str):
    with pytest.raises(InvalidManifest) as caught:
        parse_manifest(content)

    assert caught.value.details["problems"] == [problem]


@pytest.mark.parametrize(
    "value",
    ["!!timestamp x", "!!bool x", '!!int ""', '!!float ""', "!!omap [a]", "!!pairs {a: b}", "!!set [a]", "!!map [a]",
     "!!seq {a: b}", "!!str [a]", "!!null [a]", "!!binary é", "!!merge x", "!!value x", "2026-13-99",
     "{!!timestamp y: 1}", "{? !!set {a} : 1}", "0b_", "0x_", "\ud800", "\x01"],
)  # fmt: skip
def test_a_value_that_contradicts_its_yaml_tag_is_a_problem(value: str):
    problems = find_problems(f"x-a: {value}\nport: 0")

    assert len(problems) == 1  # of the value, or else of the port


def test_a_wrong_tag_is_named():
    assert [str(each) for each in find_problems("x-a: !!bool x")] == ["a value is not what its tag (!!…) says"]


def test_an_unused_anchor_is_accepted():
    assert parse_manifest("port: &p 80").port == 80


def test_the_number_of_listed_problems_is_limited():
    with pytest.raises(InvalidManifest) as caught:
        parse_manifest("\n".join(f"key{number}: 1" for number in range(900)))

    assert len(caught.value.details["problems"]) == MOST_PROBLEMS  # type: ignore[arg-type]


def test_a_stored_manifest_may_have_more_than_a_new_one():
    domains = [f"h{number}.example" for number in range(150)]

    assert len(Manifest.model_validate({"domains": domains}).domains) == 150


@pytest.mark.parametrize("source", ["processes: {web: {command: [a]}}", {"processes": {"web": {"command": ["a"]}}}])
def test_an_ordinary_manifest_is_read_at_once(source: str | dict[str, Any]):
    """A thread would cost more than parsing, and would wait for the CPU on a busy server."""
    with pytest.raises(StopIteration) as read:
        read_manifest(source).send(None)

    assert read.value.value == parse_manifest(source)


@pytest.mark.parametrize("source", [f"x-note: {'a' * 2_000}", {"x-list": [1] * 500}])
async def test_a_large_manifest_is_read_in_a_thread(source: str | dict[str, Any]):
    reading = read_manifest(source)
    waiting = reading.send(None)
    reading.close()

    assert waiting is not None
    assert await read_manifest(source) == parse_manifest(source)
