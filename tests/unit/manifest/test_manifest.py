"""The manifest: every documented key, and all problems reported at once."""

import pytest

from pvdify.errors import InvalidManifest
from pvdify.manifest.definition import Manifest
from pvdify.manifest.reading import parse_manifest

WHOLE = """
app: myapp
port: 8080
processes:
  web: {command: npm start, count: 2}
  worker: {command: [npm, run, worker], resources: {memory: 1.5G}}
healthcheck: {path: /health, interval: 5s, timeout: 3s, retries: 10}
resources: {memory: 512M, cpu: 0.5}
hooks:
  pre_deploy: ["npm run migrate"]
  post_deploy: [[echo, done]]
drain: 1m30s
timeout: 15m
stop_timeout: 10s
domains: [myapp.com, www.MyApp.com, bücher.example]
previews: {config_from: myapp-staging, close_delay: 24h, max: 10, resources: {memory: 256M, cpu: 0.25}}
x-anything: [is, mine]
"""


def problems(source: str) -> list[str]:
    with pytest.raises(InvalidManifest) as caught:
        parse_manifest(source)
    found = caught.value.details["problems"]
    assert isinstance(found, list)
    return found


def test_whole_manifest():
    manifest = parse_manifest(WHOLE)

    assert manifest.processes["web"].command == "npm start"
    assert manifest.processes["worker"].command == ("npm", "run", "worker")
    assert manifest.limits_of("web").memory == 512 * 1024**2
    assert manifest.limits_of("worker").memory == int(1.5 * 1024**3)
    assert manifest.drain == 90.0
    assert manifest.timeout == 900.0
    assert manifest.domains == ("myapp.com", "www.myapp.com", "xn--bcher-kva.example")


def test_empty_manifest_is_one_web_process():
    assert parse_manifest("") == Manifest() == parse_manifest({})
    assert list(Manifest().processes) == ["web"]


def test_a_stored_manifest_is_read_back_unchanged():
    manifest = parse_manifest(WHOLE)

    assert Manifest.model_validate_json(manifest.model_dump_json()) == manifest


def test_every_problem_comes_with_its_line_path_and_the_nearest_key():
    source = "prot: 1\nport: http\nprocesses:\n  web:\n    comand: x\n    count: -1\nhealthcheck: {path: x}"

    assert problems(source) == [
        'line 1: prot: unknown key; did you mean "port"?',
        'line 2: port: expected a whole number, got "http"',
        'line 5: processes.web.comand: unknown key; did you mean "command"?',
        "line 6: processes.web.count: expected at least 0, got -1",
        'line 7: healthcheck.path: expected a path like /health, got "x"',
    ]


def test_conflicts_between_parts_come_with_the_other_problems():
    source = "prot: 1\nprocesses: {worker: {}}\nvolumes: {a: {path: /d, processes: [wroker]}}\n"

    assert problems(source) == [
        "volumes.a.processes: there is no process wroker",
        'line 1: prot: unknown key; did you mean "port"?',
    ]


def test_names_that_look_like_parts_of_a_message_have_their_path():
    source = '"port[0]": 80\nint: 1\nprocesses: {int: {cuont: 2}}\nvolumes: {str: {path: /a, float: 1}}\n'

    assert problems(source) == [
        'line 1: port[0]: unknown key; did you mean "port"?',
        'line 2: int: unknown key; did you mean "init"?',
        'line 3: processes.int.cuont: unknown key; did you mean "count"?',
        "line 4: volumes.str.float: unknown key; valid are ephemeral, path, processes, shared",
    ]


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("a: [", "line 2: did not find expected node content"),
        ("- x", "line 1: expected a mapping of keys to values at the top"),
        ("port: 1\nport: 2", "line 2: port: stands here a second time"),
        ("processes: {Web: {}}", "line 1: processes.Web: a process name has"),
        ("processes: {b-web: {}}", "line 1: processes.b-web: a process name has"),
        ("processes: {pre_deploy: {}}", "line 1: processes.pre_deploy: is the name of a hook"),
        ("domains: ['*.x.com']", "line 1: domains[0]: a wildcard cannot be routed to one app"),
        ("resources: {memory: 1M}", "line 1: resources.memory: expected at least 6M"),
        ("drain: 5x", "line 1: drain: expected a duration like 30s"),
        ("app: my--app", "line 1: app: a name has 2 to 40 characters"),
        ("processes: {web: {command: []}}", "line 1: processes.web.command: expected a command"),
        ("a" * 70000, "it has more than 65536 bytes"),
    ],
)
def test_single_problems(source: str, problem: str):
    assert problems(source)[0].startswith(problem)


def test_a_guard_is_read_as_written():
    guard = parse_manifest("guard: {window: 2m, max_error_rate: 2.5%}").guard

    assert (guard.window, guard.max_error_rate, guard.is_on) == (120.0, 0.025, True)
    assert not parse_manifest("").guard.is_on


@pytest.mark.parametrize("rate", ["5", "-1%", "101%", "x%", "true", "1.5", "[5]"])
def test_an_invalid_share_is_refused(rate: str):
    with pytest.raises(InvalidManifest) as caught:
        parse_manifest(f"guard: {{max_error_rate: {rate}}}")

    assert "guard.max_error_rate: expected a share" in str(caught.value.details["problems"])


def test_a_guard_without_a_limit_is_refused():
    with pytest.raises(InvalidManifest) as caught:
        parse_manifest("guard: {window: 60s}")

    assert "max_error_rate is missing" in str(caught.value.details["problems"])


def test_affinity_is_for_the_process_with_visitors() -> None:
    assert parse_manifest("processes: {web: {affinity: cookie}}").processes["web"].affinity == "cookie"
    (no_visitors,) = problems("processes: {web: {}, worker: {affinity: cookie}}")
    assert "worker has no visitors" in no_visitors
    (unknown,) = problems("processes: {web: {affinity: source}}")
    assert "processes.web.affinity" in unknown


def test_a_volume_is_exclusive_unless_it_says_otherwise():
    text = "volumes: {data: {path: /data/}, up: {path: /up, shared: true}, tmp: {path: /tmp/x, ephemeral: true}}"

    volumes = parse_manifest(text).volumes

    assert volumes["data"].path == "/data"
    assert [name for name, volume in volumes.items() if volume.is_exclusive] == ["data"]
    assert volumes["data"].is_used_by("any")


@pytest.mark.parametrize(
    "path", ["data", "/", "//data", "/a/../etc", "/proc/x", "/dev", "/sys", "/a:ro", "/a,b", "/a\n"]
)
def test_a_volume_cannot_be_at_such_a_path(path: str):
    (problem,) = problems(f'volumes: {{data: {{path: "{path}"}}}}'.replace("\n", "\\n"))

    assert "volumes.data.path" in problem


def test_an_exclusive_volume_is_for_one_instance_of_each_process():
    (problem,) = problems("processes: {web: {count: 2}, worker: {}}\nvolumes: {data: {path: /data}}")

    assert "web has 2 instances" in problem
    assert "shared: true" in problem


def test_other_volumes_may_be_used_by_several_instances():
    text = "processes: {web: {count: 2}, worker: {}}\nvolumes: {%s}"
    for volume in ("data: {path: /d, shared: true}", "data: {path: /d, ephemeral: true}",
                   "data: {path: /d, processes: [worker]}"):  # fmt: skip
        assert parse_manifest(text % volume).volumes


def test_volumes_need_existing_processes_and_unique_paths():
    (problem,) = problems("volumes: {a: {path: /d, processes: [wrb]}, b: {path: /d}}")

    assert "there is no process wrb" in problem
    assert "/d is the path of a already" in problem


@pytest.mark.parametrize(
    ("words", "character"),
    [(r'"run\0it"', "U+0000"), (r'["run", "\e[2J"]', "U+001B"), (r'"run\r"', "U+000D"), (r'"run\N"', "U+0085")],
)
def test_commands_hold_no_control_characters(words, character):
    process, hook = f"processes: {{web: {{command: {words}}}}}\n", f"hooks: {{pre_deploy: [{words}]}}\n"

    assert len(found := problems(process + hook)) == 2
    assert all(f"a command cannot hold the control character {character}" in problem for problem in found)


def test_a_text_for_the_shell_has_lines_and_tabs():
    manifest = parse_manifest("processes:\n  web:\n    command: |\n      cd /app\n      exec run\t--fast\n")

    assert manifest.processes["web"].command == "cd /app\nexec run\t--fast\n"
