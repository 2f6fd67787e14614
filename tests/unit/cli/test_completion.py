"""Completion: its candidates, where they come from, and how the shells insert them."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pvdify.cli.command_table import program
from pvdify.cli.completing import Candidate, complete
from pvdify.cli.completion_scripts import SCRIPTS
from pvdify.cli.known_names import FRESH, KnownNames
from pvdify.client.saved_login import SavedLogins, login_file, save
from tests.fakes.api import FakeApi, Fault
from tests.unit.cli.conftest import Pvdify


@pytest.fixture
def shop(pvdify: Pvdify, api: FakeApi) -> Pvdify:
    api.add_release("shop", status="superseded")
    api.add_release("shop")
    api.add_app("shop-staging", status="live")
    api.config["shop"] = {"LANG": "en", "LEVEL": "info", "KEY": {"secret": True}}
    instance = {"name": "n", "process": "web", "number": 1, "release": 1, "slot": "live", "state": "running",
                "port": 3001, "restarts": 0, "started_at": None, "exit": None}  # fmt: skip
    api.processes["shop"] = [
        {"name": "web", "command": None, "count": 1, "declared": 1, "instances": [instance]},
        {"name": "worker", "command": None, "count": 1, "declared": 1, "instances": []},
    ]
    return pvdify


def words(pvdify: Pvdify, line: str) -> list[str]:
    ran = pvdify("completion:words", "--", *line.split(" "))
    assert (ran.stderr, ran.code) == ("", 0)
    return [it.partition("\t")[0] for it in ran.stdout.splitlines()]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("roll", ["rollback"]),
        ("config:un", ["config:unset"]),
        ("server in", ["install"]),
        ("logs shop", ["shop", "shop-staging"]),
        ("logs -a ", ["shop", "shop-staging"]),
        ("logs --app=shop-", ["--app=shop-staging"]),
        ("rollback shop ", ["v2", "v1"]),
        ("rollback -a shop v", ["v2", "v1"]),
        ("releases:diff shop 1 ", ["v2", "v1"]),
        ("logs shop --release ", ["v2", "v1"]),
        ("config:get shop L", ["LANG", "LEVEL"]),
        ("config:set shop L", ["LANG=", "LEVEL="]),
        ("config:unset shop LANG ", ["LANG", "LEVEL", "KEY"]),
        ("ps:scale shop w", ["web=", "worker="]),
        ("ps:restart shop we", ["web"]),
        ("logs shop --process wo", ["worker"]),
        ("config:copy shop shop-", ["shop-staging"]),
        ("tokens:create --role ", ["admin", "deploy", "read"]),
        ("completion ", ["bash", "zsh", "fish"]),
        ("deploy shop --str", ["--strategy"]),
        ("run shop -- l", []),
        ("apps:create ", ["shop", "shop-staging"]),
        ("nonsense x", []),
        ("apps ", []),
    ],
)
def test_completion_candidates(shop: Pvdify, line: str, expected: list[str]) -> None:
    assert words(shop, line) == expected


def test_completion_uses_the_implied_app(shop: Pvdify) -> None:
    shop.environ["PVDIFY_APP"] = "shop"

    assert words(shop, "config:get LA") == ["LANG"]
    assert words(shop, "rollback v") == ["v2", "v1"]


def test_saved_servers_are_known_without_asking_any(shop: Pvdify, api: FakeApi) -> None:
    save(login_file(shop.environ), SavedLogins().with_server("staging", "https://staging.example"))
    api.asked.clear()

    assert words(shop, "apps --server st") == ["staging"]
    assert words(shop, "servers:use ") == ["staging"]
    assert api.asked == []


def test_completion_answers_are_cached(shop: Pvdify, api: FakeApi) -> None:
    now = [1000.0]
    names = KnownNames(shop.environ, clock=lambda: now[0], seconds=20)
    first = names("APP", None)
    api.apps.clear()
    asked = len(api.asked)

    assert names("APP", None) == first
    assert len(api.asked) == asked

    now[0] += FRESH
    assert names("APP", None) == []


def test_completion_falls_back_to_a_stale_answer_and_caches_failures(shop: Pvdify, api: FakeApi) -> None:
    now = [1000.0]
    names = KnownNames(shop.environ, clock=lambda: now[0], seconds=20)
    first = names("APP", None)
    now[0] += FRESH
    api.faults.append(Fault(status=500))
    asked = len(api.asked)

    assert names("APP", None) == first
    assert names("APP", None) == first
    assert len(api.asked) == asked + 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "nonsense", "http://example.com"])
def test_completion_is_silent_if_the_server_does_not_answer(shop: Pvdify, url: str) -> None:
    shop.environ["PVDIFY_URL"] = url

    assert words(shop, "logs ") == []


def test_completion_gives_up_on_a_slow_server(shop: Pvdify, api: FakeApi) -> None:
    names = KnownNames(shop.environ, seconds=0)

    assert names("APP", None) in ([], [Candidate("shop", "new"), Candidate("shop-staging", "live")])


def test_a_damaged_completion_cache_is_replaced(shop: Pvdify) -> None:
    file = Path(shop.environ["HOME"]) / ".cache" / "pvdify" / "names.json"
    file.parent.mkdir(parents=True)
    for content in ("[]", "{", '{"a": 1}'):
        file.write_text(content)
        assert words(shop, "logs ") == ["shop", "shop-staging"]
    assert file.stat().st_mode & 0o77 == 0
    assert "LANG" not in json.dumps(json.loads(file.read_text()))


def test_every_command_can_be_completed(shop: Pvdify) -> None:
    surroundings = shop._surroundings("")
    for name in program.list_commands(None):  # type: ignore[arg-type]
        for current in ("", "-", "x"):
            complete((name, current), program, lambda kind, app: [Candidate("x")], surroundings)


@pytest.mark.parametrize("shell", SCRIPTS)
def test_completion_is_installed_where_the_shell_searches(pvdify: Pvdify, shell: str) -> None:
    places = {
        "bash": ".local/share/bash-completion/completions/pvdify",
        "zsh": ".local/share/zsh/site-functions/_pvdify",
        "fish": ".config/fish/completions/pvdify.fish",
    }

    ran = pvdify("completion", shell, "--install")

    file = Path(pvdify.environ["HOME"]) / places[shell]
    assert ran.stdout == f"completion for {shell} is in {file}\n"
    assert file.read_text() == SCRIPTS[shell] == pvdify("completion", shell).stdout


def test_the_shell_is_detected(pvdify: Pvdify) -> None:
    assert pvdify("completion").stderr.startswith("error: the shell is missing: bash, zsh or fish")
    pvdify.environ["SHELL"] = "/usr/bin/fish"
    assert pvdify("completion").stdout == SCRIPTS["fish"]


@pytest.fixture
def in_shell(shop: Pvdify, tmp_path: Path) -> Callable[..., list[str]]:
    """Run a shell whose PATH has this pvdify; return the lines that it prints."""
    shim = tmp_path / "bin" / "pvdify"
    shim.parent.mkdir()
    code = "import sys; from pvdify.cli.main import main; sys.exit(main())"
    shim.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{code}' \"$@\"\n")
    shim.chmod(0o755)

    def run(shell: str, script: str) -> list[str]:
        program = shutil.which(shell)
        if program is None:
            pytest.skip(f"no {shell} here")
        (tmp_path / "completion").write_text(SCRIPTS[shell])
        environ = shop.environ | {"PATH": f"{shim.parent}:{os.environ['PATH']}", "SCRIPT": str(tmp_path / "completion")}
        ran = subprocess.run((program, "-c", script), env=environ, cwd=shop.folder, capture_output=True, text=True,
                             check=False, timeout=100)  # fmt: skip
        assert ran.stderr == ""
        return ran.stdout.splitlines()

    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("breaks", "line", "expected"),
    [
        (" :=", "pvdify config:un", ["unset"]),  # the part before the colon is already typed
        (" =", "pvdify config:un", ["config:unset"]),
        (" :=", "pvdify logs --app=shop-", ["shop-staging"]),
        (" :=", "pvdify rollback shop ", ["v2", "v1"]),
        (" :=", "pvdify config:set shop LA", ["LANG="]),
        (" :=", "pvdify roll", ["rollback"]),
    ],
)
def test_bash_completes_with_and_without_the_colon_among_its_breaks(
    in_shell: Callable[..., list[str]], breaks: str, line: str, expected: list[str]
) -> None:
    script = (
        f'source "$SCRIPT"; COMP_WORDBREAKS="{breaks}"; COMP_LINE="{line}"; COMP_POINT=${{#COMP_LINE}}; '
        '_pvdify pvdify; printf "%s\\n" "${COMPREPLY[@]}"'
    )

    assert in_shell("bash", script) == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("pvdify config:un", ["config:unset"]), ("pvdify rollback shop ", ["v2", "v1"]),
        ("pvdify config:set shop LA", ["LANG="]),
    ],
)  # fmt: skip
def test_fish_completes(in_shell: Callable[..., list[str]], line: str, expected: list[str]) -> None:
    shown = in_shell("fish", f'source "$SCRIPT"; complete -C "{line}"')

    assert [it.partition("\t")[0] for it in shown] == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (("config:un",), ["config\\:unset"]), (("rollback", "shop", ""), ["v2", "v1"]),
        (("config:set", "shop", "LA"), ["LANG="]),
    ],
)  # fmt: skip
def test_zsh_completes(in_shell: Callable[..., list[str]], line: tuple[str, ...], expected: list[str]) -> None:
    words = " ".join(f'"{word}"' for word in ("pvdify", *line))
    # What zsh itself does with a description is not ours: the name before its first plain colon is what it inserts.
    script = (
        'compdef() { : }; source "$SCRIPT"; '
        "_describe() { local it; for it in $argv; do [[ $it == (plain|open) ]] && print -rl -- ${(P)it}; done }; "
        f"words=({words}); CURRENT={len(line) + 1}; _pvdify"
    )

    shown = in_shell("zsh", script)

    assert [it.replace("\\:", "\0").partition(":")[0].replace("\0", "\\:") for it in shown] == expected
