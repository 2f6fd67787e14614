"""Truth values in a manifest are YAML's own, as in 1.2 and 1.1; numbers may be in quotes."""

from typing import Any, get_args, get_origin

import pytest

from pvdify.manifest.definition import parts
from pvdify.manifest.reading import find_problems, parse_manifest

FOREIGN: dict[type, tuple[str, ...]] = {
    bool: ('"yes"', '"true"', "1", "0", "1.0"),
    int: ("2.0", "true", '"2.0"', '"0x2"', '" 2"', '"1_0"', '"\u0663"', '"-1"', '""'),
    float: ("true", '"1e1"', '"nan"', '".5"', '"0.5 "'),
}


def fields() -> list[tuple[tuple[str, ...], str, type]]:
    """Return every field with a number or a truth value: the path of its mapping, its name and its type."""
    found = []
    for path, part in parts().items():
        for name, field in part.model_fields.items():
            hint: Any = field.annotation
            kinds = get_args(hint) if get_origin(hint) is not None or "|" in str(hint) else (hint,)
            is_own = any("Validator" in type(it).__name__ for it in field.metadata) or "Validator" in str(hint)
            found += [(path, name, kind) for kind in kinds if kind in FOREIGN and not is_own]
            if "Strict(" in str(hint):
                found += [(path, name, get_args(kind)[0]) for kind in kinds if get_args(kind)]
    return found


def cases() -> list[tuple[str, str, str]]:
    return [
        ("{" + ": {".join([*(key.replace("*", "a") for key in path), f"{name}: {value}"]) + "}" * (len(path) + 1), name,
         value)
        for path, name, kind in fields() for value in FOREIGN[kind]
    ]  # fmt: skip


@pytest.mark.parametrize(("text", "name", "value"), cases())
def test_a_foreign_spelling_is_refused(text: str, name: str, value: str) -> None:
    found = [problem for problem in find_problems(text) if problem.path.endswith(name)]

    assert [str(it.text).partition(", got")[0] for it in found] in (
        ["expected true or false"], ["expected a whole number"], ["expected a number"],
    ), (text, found)  # fmt: skip


def test_every_kind_of_number_is_among_the_cases() -> None:
    names = {name for _, name, _ in cases()}
    assert names >= {"port", "init", "count", "overlap", "cpu", "shared", "ephemeral", "retries", "max", "allow_forks"}


def test_the_words_of_yaml_stay_truth_values() -> None:
    manifest = parse_manifest("processes: {worker: {command: work, overlap: yes}}\ninit: off\nresources: {cpu: 1}")

    assert manifest.processes["worker"].overlap
    assert not manifest.init
    assert manifest.resources.cpu == 1


@pytest.mark.parametrize("share", ['"0.05"', '"nan%"', '"1_0%"', '"\u0663%"', '"-1%"', '"1e1%"'])
def test_a_share_is_a_number_or_a_percentage(share: str) -> None:
    assert find_problems(f"guard: {{max_error_rate: {share}}}")


def test_a_number_may_be_in_quotes() -> None:
    text = 'port: "8080"\nprocesses: {web: {count: "2", resources: {cpu: "0.5"}}}\nhealthcheck: {retries: "3"}\n'
    manifest = parse_manifest(text + 'previews: {max: "4", instances: "5"}')

    assert (manifest.port, manifest.processes["web"].count, manifest.healthcheck.retries) == (8080, 2, 3)
    assert manifest.processes["web"].resources is not None
    assert manifest.processes["web"].resources.cpu == 0.5
    assert (manifest.previews.max, manifest.previews.instances) == (4, 5)


@pytest.mark.parametrize("text", ["port: 22:22", "resources: {cpu: 1:30}", "port: 1:0:0"])
def test_a_pair_of_numbers_is_not_one_number(text: str) -> None:
    (found,) = find_problems(text)

    assert found.line == 1
    assert "expected a" in found.text


@pytest.mark.parametrize("text", ["2026-01-01", "2026-99-99", "2026-01-01 10:00:00"])
def test_a_date_is_a_text(text: str) -> None:
    manifest = parse_manifest(f"hooks: {{pre_deploy: [{text}]}}\nx-built: {text}")

    assert manifest.hooks.pre_deploy == (text,)


@pytest.mark.parametrize("name", ["on", "no", "yes", "null", "y"])
def test_a_name_is_the_word_as_written(name: str) -> None:
    manifest = parse_manifest(f"processes: {{{name}: {{command: work}}}}\nx-own: {{{name}: {{{name}: 1}}}}")

    assert list(manifest.processes) == [name]
    (found,) = find_problems(f"{name}: 1")
    assert (found.line, found.path) == (1, name)
    assert [it.path for it in find_problems(f"{name}: 1\n{name}: 2")] == [name, name]


@pytest.mark.parametrize(
    ("text", "path"),
    [("port: 0755", "port"), ("processes: {web: {count: 010}}", "processes.web.count"), ("resources: {cpu: 01}",
     "resources.cpu"), ('port: "0755"', "port")],
)  # fmt: skip
def test_a_number_with_a_leading_zero_is_refused(text: str, path: str) -> None:
    (found,) = find_problems(text)

    assert found.path == path
    assert found.text.endswith("; write it without the leading zero")


def test_a_word_of_a_command_with_a_leading_zero_is_as_written() -> None:
    manifest = parse_manifest("processes: {web: {command: [chmod, 0755, 010]}}")

    assert manifest.processes["web"].command == ("chmod", "0755", "010")


def test_a_number_where_a_text_belongs_has_one_problem_with_its_remedy() -> None:
    found = find_problems("processes: {web: {command: [sleep, 60]}, worker: {command: yes}}")

    assert [str(problem) for problem in found] == [
        "line 1: processes.web.command[1]: expected a text, got 60; put it in quotes",
        "line 1: processes.worker.command: expected a text, got true; put it in quotes",
    ]
