"""How each command line is parsed, without running it."""

from pathlib import Path
from typing import Any

import click
import pytest

from pvdify.cli.commands import (
    apps,
    apps_destroy,
    config,
    config_change,
    deploy,
    deploy_attach,
    deploy_cancel,
    login,
    logs,
    ps,
    releases,
    releases_diff,
    rollback,
    status,
    tokens,
    whoami,
)
from pvdify.client.calls.logs import LogFilter
from pvdify.errors import InvalidConfigVar, InvalidManifest
from pvdify.wire.requests import CreateToken, Deploy
from tests.unit.cli.conftest import Pvdify

ALL_LINES = LogFilter(lines=100)
LAST = {"is_deploy": False, "is_following": False, "as_json": False}


@pytest.mark.parametrize(
    ("line", "run", "options"),
    [
        ("apps", apps.run_list, apps.ListOptions(as_json=False)),
        ("apps --json", apps.run_list, apps.ListOptions(as_json=True)),
        ("apps:create a1", apps.run_create, apps.Options(app="a1", as_json=False)),
        ("apps:info --app a1", apps.run_info, apps.Options(app="a1", as_json=False)),
        ("apps:destroy a1", apps_destroy.run, apps_destroy.Options(app="a1", confirm=None, as_json=False)),
        ("apps:destroy a1 --confirm a1", apps_destroy.run, apps_destroy.Options(app="a1", confirm="a1", as_json=False)),
        ("releases a1", releases.run_list, releases.ListOptions(app="a1", limit=15, as_json=False)),
        ("releases a1 -n 3 --json", releases.run_list, releases.ListOptions(app="a1", limit=3, as_json=True)),
        ("releases:info a1 v42", releases.run_info, releases.InfoOptions(app="a1", version=42, as_json=False)),
        ("releases:info --app a1 42", releases.run_info, releases.InfoOptions(app="a1", version=42, as_json=False)),
        ("rollback a1", rollback.run, rollback.Options(app="a1", version=None, is_plan=False, as_json=False)),
        (
            "rollback a1 --version 41 --strategy stop-first",
            rollback.run,
            rollback.Options(app="a1", version=41, strategy="stop-first", is_plan=False, as_json=False),
        ),
        (
            "rollback a1 --version v41 --plan",
            rollback.run,
            rollback.Options(app="a1", version=41, is_plan=True, as_json=False),
        ),
        ("deploy:attach a1", deploy_attach.run, deploy_attach.Options(app="a1", release=None, as_json=False)),
        (
            "releases:diff a1 v41 42",
            releases_diff.run,
            releases_diff.Options(app="a1", older=41, newer=42, as_json=False),
        ),
        ("deploy:cancel a1", deploy_cancel.run, deploy_cancel.Options(app="a1", release=None, as_json=False)),
        ("logs a1", logs.run, logs.Options(app="a1", wanted=ALL_LINES, **LAST)),
        (
            "logs a1 -f -n 5 --process web --release v3",
            logs.run,
            logs.Options(
                app="a1",
                wanted=LogFilter(lines=5, process="web", release=3),
                is_deploy=False,
                is_following=True,
                as_json=False,
            ),
        ),
        ("logs a1 --deploy", logs.run, logs.Options(app="a1", wanted=ALL_LINES, **LAST | {"is_deploy": True})),
        ("config a1", config.run_list, config.Options(app="a1", as_json=False)),
        ("config a1 --shell", config.run_list, config.Options(app="a1", as_json=False, is_shell=True)),
        ("config:get a1 KEY", config.run_get, config.GetOptions(app="a1", key="KEY", is_revealed=False, as_json=False)),
        (
            "config:get --app a1 KEY",
            config.run_get,
            config.GetOptions(app="a1", key="KEY", is_revealed=False, as_json=False),
        ),
        ("config:history a1", config.run_history, config.Options(app="a1", as_json=False)),
        (
            "config:set a1 A=1 B=x=y C=",
            config_change.run_set,
            config_change.SetOptions(app="a1", values={"A": "1", "B": "x=y", "C": ""}, is_secret=None, as_json=False),
        ),
        (
            "config:unset a1 A B",
            config_change.run_unset,
            config_change.UnsetOptions(app="a1", keys=("A", "B"), as_json=False),
        ),
        (
            "config:unset --app a1 a b",
            config_change.run_unset,
            config_change.UnsetOptions(app="a1", keys=("a", "b"), as_json=False),
        ),
        ("ps a1", ps.run, ps.Options(app="a1", as_json=False)),
        ("tokens", tokens.run_list, tokens.ListOptions(as_json=False)),
        (
            "tokens:create --name ci",
            tokens.run_create,
            tokens.CreateOptions(wanted=CreateToken(name="ci", role="deploy"), as_json=False),
        ),
        (
            "tokens:create --name ci --app a1 --role read --expires 90d",
            tokens.run_create,
            tokens.CreateOptions(
                wanted=CreateToken(name="ci", role="read", app="a1", expires_in=90 * 86400), as_json=False
            ),
        ),
        ("tokens:revoke t1", tokens.run_revoke, tokens.RevokeOptions(token_id="t1", as_json=False)),
        ("whoami", whoami.run, whoami.Options(as_json=False)),
        ("status --json", status.run, status.Options(as_json=True)),
    ],
)
def test_a_command_line_becomes_options(pvdify: Pvdify, line: str, run: Any, options: Any) -> None:
    parsed = pvdify.parse(*line.split())

    assert (parsed.run, parsed.options, parsed.url) == (run, options, None)


def test_every_command_takes_the_server(pvdify: Pvdify) -> None:
    assert pvdify.parse("apps", "--url", "https://x").url == "https://x"
    assert pvdify.parse("login", "--url", "https://x").url == "https://x"


def test_login_knows_where_logins_are_kept(pvdify: Pvdify) -> None:
    pvdify.environ["XDG_CONFIG_HOME"] = "/config"

    options = pvdify.parse("login", "--token-stdin").options

    assert options == login.Options(is_token_piped=True, file=Path("/config/pvdify/login.json"), as_json=False)


def test_deploy_with_every_option(pvdify: Pvdify) -> None:
    (pvdify.folder / "other.yml").write_text("port: 80\n")

    options = pvdify.parse(
        *[
            "deploy",
            "a1",
            "--image",
            "app:v1",
            "--manifest",
            "other.yml",
            "--no-wait",
            "--idempotency-key",
            "k1",
            "--branch",
            "main",
            "--run-number",
            "0",
            "--commit",
            "c0ffee",
            "--allow-older",
        ]
    ).options

    assert options == deploy.Options(
        app="a1",
        deploy=Deploy(
            image="app:v1", manifest="port: 80\n", commit="c0ffee", branch="main", run_number=0, allow_older=True
        ),
        key="k1",
        is_waiting=False,
        as_json=False,
    )


@pytest.mark.parametrize("app", ["a1", "a1-staging", "a1-pr-12"])
@pytest.mark.parametrize("text", ["app: a1\nport: 80\n", "port: 80\n", "x-app: other\n"])
def test_the_folders_manifest_is_taken_for_its_own_app_and_its_siblings(pvdify: Pvdify, app: str, text: str) -> None:
    (pvdify.folder / "pvdify.yml").write_text(text)

    options = pvdify.parse("deploy", app).options

    assert (options.deploy.manifest, options.notes) == (text, ())


@pytest.mark.parametrize("app", ["b1", "a1-pr-x", "a1-worker", "a"])
def test_the_manifest_of_another_app_is_ignored_with_a_note(pvdify: Pvdify, app: str) -> None:
    (pvdify.folder / "pvdify.yml").write_text("app: a1\n")

    options = pvdify.parse("deploy", app).options

    assert options.deploy.manifest is None
    assert options.notes == (f"pvdify.yml is for a1 and not used for {app}; to use it: --manifest pvdify.yml",)
    assert pvdify.parse("deploy", app, "--manifest", "pvdify.yml").options.deploy.manifest == "app: a1\n"


def test_a_manifest_that_cannot_be_read_is_named(pvdify: Pvdify) -> None:
    (pvdify.folder / "bad.yml").write_bytes(b"\xff")

    for file, why in (("missing.yml", "No such file or directory"), ("bad.yml", "it is not UTF-8 text")):
        with pytest.raises(InvalidManifest) as caught:
            pvdify.parse("deploy", "a1", "--manifest", file)
        assert (file in caught.value.what, caught.value.why) == (True, why)


def test_config_values_come_from_stdin_and_files(pvdify: Pvdify) -> None:
    (pvdify.folder / "key.pem").write_text("-----\nkey\n-----\n")

    options = pvdify.parse("config:set", "a1", "KEY=@key.pem", "URL=-", stdin="postgres://x\n").options

    assert options.values == {"KEY": "-----\nkey\n-----\n", "URL": "postgres://x"}
    assert "postgres" not in repr(options)


def test_a_config_value_from_a_file_that_is_not_there_is_named(pvdify: Pvdify) -> None:
    with pytest.raises(InvalidConfigVar) as caught:
        pvdify.parse("config:set", "a1", "KEY=@nothing")

    assert caught.value.render() == (
        "error: invalid-config-var\n"
        "  the value of KEY cannot be read from nothing\n"
        "  why:  No such file or directory\n"
        "  next: name a file that exists; a value that itself begins with @ goes by stdin: KEY=-"
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("config:set a1", "write KEY=VALUE, KEY=- or KEY=@FILE for each config var"),
        ("config:set a1 KEY", "write KEY=VALUE, KEY=- or KEY=@FILE for each config var"),
        ("config:set a1 A=1 A=2", "a config var is named twice"),
        ("config:set a1 A=- B=-", "stdin has one value only: use KEY=- once, and KEY=@FILE for the others"),
        ("config:get a1 A B", '"B" is one word too many'),
        ("releases:info a1 1 2", '"2" is one word too many'),
        ("releases:info a1 latest", '"latest" is not the number of a release; write 41 or v41'),
        ("rollback a1 --version 0", '"0" is not the number of a release; write 41 or v41'),
        ("releases a1 -n all", '"all" is not a whole number from 1 to 1000'),
        ("logs a1 -n -1", '"-1" is not a whole number from 0 to 100000'),
        ("preview a1 --pr 0", '"0" is not a whole number from 1'),
        ("tokens:create --name x --expires soon", '"soon" is not a duration; write 90d, 12h or 30m'),
        ("logs a1 --deploy --process web", "a deploy log is shown whole: leave out --process and --since, or --deploy"),
        ("ps a1 --app b1", "the app is named twice: a1, and --app b1"),
    ],
)
def test_an_invalid_command_line_is_a_usage_error(pvdify: Pvdify, line: str, message: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        pvdify.parse(*line.split())

    assert caught.value.message == message


@pytest.mark.parametrize(
    ("line", "app"),
    [
        ("deploy a1 --image x", "a1"), ("preview a1 --pr 12 --image x", "a1-pr-12"),
        ("preview:close a1 --pr 12", "a1-pr-12"), ("preview:keep a1 --pr 12", "a1-pr-12"),
        ("ps:exec a1 web.1 -- ls", "a1"), ("logs a1 --job report --run 17", "a1"), ("apps", None),
    ],
)  # fmt: skip
def test_a_workflow_signs_in_for_the_app_or_preview_that_a_command_is_about(pvdify: Pvdify, line: str, app: str | None):
    assert pvdify.parse(*line.split())._app == app
