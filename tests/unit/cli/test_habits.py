"""Command lines of Heroku and Kamal: each does the same here, or the error names the right command."""

import re

import pytest

from pvdify.cli.command_table import COMMANDS, GROUPS
from pvdify.cli.commands import (
    apps,
    apps_destroy,
    apps_rename,
    config,
    config_change,
    deploy,
    domains,
    logs,
    maintenance,
    ps,
    ps_change,
    ps_exec,
    releases,
    rollback,
    run,
    server,
    whoami,
)
from pvdify.cli.commands import open as open_command
from pvdify.cli.installation import hand_over
from pvdify.cli.other_words import WORDS
from tests.fakes.api import FakeApi
from tests.unit.cli.conftest import Pvdify

HEROKU = {
    "logs -t -a shop": (logs.run, {"app": "shop", "is_following": True}),
    "logs --tail --num 50 -a shop": (logs.run, {"app": "shop", "is_following": True}),
    "logs -n 20 -p web -a shop": (logs.run, {"app": "shop", "is_following": False}),
    "config -s -a shop": (config.run_list, {"app": "shop", "is_shell": True}),
    "config:get LANG -a shop": (config.run_get, {"app": "shop", "key": "LANG"}),
    "config:set LANG=en -a shop": (config_change.run_set, {"app": "shop", "values": {"LANG": "en"}}),
    "config:unset LANG --app shop": (config_change.run_unset, {"app": "shop", "keys": ("LANG",)}),
    "run bash -a shop": (run.run_undecided, {"app": "shop", "command": "bash"}),
    "run rails console --app=shop": (run.run_undecided, {"app": "shop", "command": ["rails", "console"]}),
    "run -a shop ls -la": (run.run_undecided, {"app": "shop", "command": ["ls", "-la"]}),
    "rollback v41 -a shop": (rollback.run, {"app": "shop", "version": 41}),
    "releases --num 5 -a shop": (releases.run_list, {"app": "shop", "limit": 5}),
    "releases:info v41 -a shop": (releases.run_info, {"app": "shop", "version": 41}),
    "releases:output v41 -a shop": (releases.run_output, {"app": "shop", "version": 41}),
    "ps -a shop": (ps.run, {"app": "shop"}),
    "ps:scale web=2 worker+1 -a shop": (
        ps_change.run_scale,
        {"app": "shop", "requested": {"web": "2", "worker": "+1"}},
    ),
    "ps:restart web -a shop": (ps_change.run_restart, {"app": "shop", "process": "web"}),
    "apps:destroy -a shop -c shop": (apps_destroy.run, {"app": "shop", "confirm": "shop"}),
    "domains:add www.example.com -a shop": (domains.run_add, {"app": "shop", "hostname": "www.example.com"}),
    "maintenance:on -a shop": (maintenance.run, {"app": "shop", "is_on": True}),
    "ps:exec -a shop --dyno web.1": (ps_exec.run, {"app": "shop", "process": "web", "number": 1}),
    "ps:forward 8080": "pvdify tunnel APP PORT",
    "open -a shop": (open_command.run, {"app": "shop"}),
    "apps:rename new-name": (apps_rename.run, {"app": "shop", "name": "new-name"}),
    "auth:whoami": "pvdify whoami",
    "create shop": "pvdify apps:create APP",
    "addons:create heroku-postgresql": "pvdify services:create db --kind postgres",
    "pg:psql -a shop": "pvdify services:connect NAME",
    "pg:backups": "pvdify backups",
    "certs:auto:enable": "pvdify server edge",
    "drains:add syslog://x": "pvdify logs APP --follow",
    "buildpacks:set heroku/python": "pvdify deploy APP --image REF",
    "dyno:scale web=2": "pvdify ps:scale APP web=2",
    "ps:type standard-1x": "resources: {memory",
    "pipelines:promote": "pvdify deploy APP --image REF",
    "restart": "pvdify ps:restart APP",
    "access:add me@example.com": "pvdify tokens:create",
}
KAMAL = {
    "setup": "pvdify server install --base-domain DOMAIN",
    "deploy": (deploy.run, {"app": "shop"}),
    "redeploy": "pvdify deploy APP",
    "rollback 41": (rollback.run, {"app": "shop", "version": 41}),
    "app exec -i bash": "pvdify ps:exec APP -- COMMAND",
    "app logs -f": "pvdify logs APP --follow",
    "app boot": "pvdify ps:restart APP",
    "app details": "pvdify ps APP",
    "app maintenance": "pvdify maintenance:on APP",
    "accessory boot db": "pvdify services:create db --kind postgres",
    "lock release": "pvdify deploy:cancel APP",
    "proxy reboot": "pvdify logs --router",
    "registry login": "pvdify registry:login",
    "server bootstrap": "pvdify server install",
    "env push": "pvdify config APP",
    "build push": "pvdify deploy APP --image REF",
    "details": "pvdify status",
    "config": (config.run_list, {"app": "shop"}),
    "remove": "pvdify apps:destroy APP",
    "prune all": "pvdify status",
    "secrets fetch": "pvdify config:set APP --secret KEY=-",
    "app version": "pvdify apps:info APP",
}


@pytest.fixture
def shop(pvdify: Pvdify) -> Pvdify:
    """Run command lines in the folder of the app ``shop``."""
    (pvdify.folder / "pvdify.yml").write_text("app: shop\n")
    return pvdify


@pytest.mark.parametrize("line", [*HEROKU, *KAMAL])
def test_a_foreign_command_line_works_or_names_the_right_one(shop: Pvdify, line: str) -> None:
    expected = (HEROKU | KAMAL)[line]

    if isinstance(expected, str):
        ran = shop(*line.split())
        assert (ran.stdout, ran.code) == ("", 2)
        assert ran.stderr.startswith('error: no command "')
        assert expected in ran.stderr
    else:
        parsed = shop.parse(*line.split())
        function, options = expected
        assert parsed.run is function
        assert {name: getattr(parsed.options, name) for name in options} == options


def test_there_are_as_many_lines_as_promised() -> None:
    assert len(HEROKU) >= 25
    assert len(KAMAL) >= 15


def test_every_answer_names_commands_that_exist() -> None:
    inner = {f"{group} {name}" for group in GROUPS for name in server.server.commands}
    for word, answer in WORDS.items():
        for named in re.findall(r"pvdify ((?!--)[a-z:]+(?: (?:install|upgrade|edge|backup))?)", answer.next):
            assert named in COMMANDS or named in inner, word


def test_no_foreign_word_hides_a_command() -> None:
    assert WORDS.keys().isdisjoint(COMMANDS)


@pytest.mark.parametrize(
    ("line", "stderr"),
    [
        ("config set A=1", 'error: no command "config set"; it is config:set here; for an app of that name: --app set\n'
                           "  next: pvdify config:set --help\n"),
        ("apps create shop", 'error: no command "apps create"; it is apps:create here\n'
                             "  next: pvdify apps:create --help\n"),
        ("log", 'error: no command "log"; did you mean logs?\n  next: pvdify logs --help\n'),
        ("drain", 'error: no command "drain"\n  next: `pvdify --help` lists the commands\n'),
        ("server frob", "error: no such command 'frob'\n  next: pvdify server --help\n"),
    ],
)  # fmt: skip
def test_a_wrong_command_is_answered_with_the_right_one_or_none(shop: Pvdify, line: str, stderr: str) -> None:
    assert shop(*line.split()).stderr == stderr


@pytest.mark.parametrize(
    ("line", "stderr"),
    [
        ("config:get hello", "error: KEY is missing: hello is taken for the app\n"
                             "  next: pvdify config:get hello KEY\n"),
        ("config:get", "error: KEY is missing\n  next: pvdify config:get APP KEY\n"),
        ("config:get a B C", 'error: "C" is one word too many\n  next: pvdify config:get APP KEY\n'),
        ("releases:diff hello 1", "error: B is missing: hello is taken for the app\n"
                                  "  next: pvdify releases:diff hello A B\n"),
        ("domains:add", "error: HOSTNAME is missing\n  next: pvdify domains:add APP HOSTNAME\n"),
        ("rollback a v1 v2", 'error: "v2" is one word too many\n  next: pvdify rollback APP N\n'),
    ],
)  # fmt: skip
def test_a_missing_argument_is_named(pvdify: Pvdify, line: str, stderr: str) -> None:
    ran = pvdify(*line.split())

    assert (ran.stderr, ran.code) == (stderr, 2)


def test_the_colon_also_leads_into_the_server_group(pvdify: Pvdify) -> None:
    parsed = pvdify.parse("server:install", "--base-domain", "example.com")

    assert parsed.run is hand_over
    assert parsed.options.settings == {"base_domain": "example.com"}


@pytest.mark.parametrize(
    ("words", "app", "command"),
    [
        (("shop", "bash"), "shop", "bash"),
        (("blog", "bash", "-c", "true"), "blog", ["bash", "-c", "true"]),
        (("bash",), "shop", "bash"),
        (("npm", "run", "migrate"), "shop", ["npm", "run", "migrate"]),
    ],
)
def test_run_asks_the_server_whether_its_first_word_is_an_app(
    shop: Pvdify, api: FakeApi, words: tuple[str, ...], app: str, command: object
) -> None:
    api.add_release("shop")
    api.add_release("blog")

    shop("run", *words)

    started = next(asked for asked in api.asked if asked.path.endswith("/run"))
    assert (started.path, started.body["command"]) == (f"/api/v1/apps/{app}/run", command)


def test_run_needs_a_command_and_an_app(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_release("shop")

    assert pvdify("run", "shop").stderr == (
        "error: the command is missing: shop is an app\n  next: pvdify run shop -- COMMAND\n"
    )
    assert pvdify("run", "bash", "-l").stderr == (
        'error: no app was named, and "bash" is none\n  next: pvdify run APP -- bash -l\n'
    )
    assert pvdify("run").stderr == "error: the command is missing\n  next: pvdify run APP -- COMMAND\n"
    assert not [asked for asked in api.asked if asked.path.endswith("/run")]


def test_arguments_after_two_dashes_are_not_parsed(pvdify: Pvdify, api: FakeApi) -> None:
    parsed = pvdify.parse("run", "shop", "--no-tty", "--", "ls", "-a", "blog")

    assert parsed.options == run.Options(app="shop", command=["ls", "-a", "blog"], is_plain=True, as_json=False)


def test_help_and_version_are_commands_too(pvdify: Pvdify, capsys: pytest.CaptureFixture[str]) -> None:
    pvdify("config:set", "--help")
    of_option = capsys.readouterr().out

    assert pvdify("help", "config:set").stdout == of_option
    assert pvdify("help", "server", "install").stdout.startswith("Usage: pvdify server install ")
    assert pvdify("help").stdout.startswith("Usage: pvdify [OPTIONS] COMMAND")
    assert pvdify("help", "deplyo").stderr.startswith('error: no command "deplyo"; did you mean deploy?')
    assert pvdify("version").stdout.startswith("pvdify ")


def test_the_help_fits_80_columns_and_begins_with_the_ten_most_used(
    pvdify: Pvdify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = pvdify("help").stdout.splitlines()

    first = lines[lines.index("Most used:") + 1 :][:11]
    assert first[10] == ""
    assert [line.split()[0] for line in first[:4]] == ["deploy", "rollback", "releases", "logs"]
    assert max(map(len, lines)) <= 80


def test_apps_of_lists_are_named_with_a(pvdify: Pvdify) -> None:
    assert pvdify.parse("tokens:create", "--name", "ci", "-a", "shop").options.wanted.app == "shop"
    assert pvdify.parse("apps:info", "-a", "shop").run is apps.run_info
    assert pvdify.parse("whoami").run is whoami.run
