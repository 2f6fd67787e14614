"""Commands that change something besides releases: apps, config, tokens, login."""

import io
import json
import stat
from pathlib import Path

import pytest

from pvdify.cli.io import Io, Surroundings
from pvdify.cli.main import run_program
from pvdify.client.saved_login import load
from tests.fakes.api import TOKEN, FakeApi
from tests.unit.cli.conftest import Pvdify, Ran

APPLIED = "applied by the next deploy: pvdify deploy myapp\n"
VOLUMES_STAY = "its volumes, if any, can be restored for 2d: pvdify volumes myapp\n"


def login_file(pvdify: Pvdify) -> Path:
    return Path(pvdify.environ["HOME"]) / ".config" / "pvdify" / "login.json"


def test_an_app_is_created(pvdify: Pvdify, api: FakeApi) -> None:
    assert pvdify("apps:create", "myapp") == Ran(
        stdout="myapp is created; it will be at https://myapp.pvdify.win\n",
        stderr="to put an image live: pvdify deploy myapp --image REF\n",
    )
    assert json.loads(pvdify("apps:create", "other", "--json").stdout) == api.apps["other"]


def test_maintenance_is_turned_on_and_off_from_the_command_line(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")

    assert pvdify("maintenance:on", "myapp") == Ran(
        stdout="myapp is in maintenance: visitors get 503, its instances keep running\n",
        stderr="undo: pvdify maintenance:off myapp\n",
    )
    assert pvdify("maintenance:off", "myapp") == Ran(
        stdout="myapp serves its visitors again at https://myapp.pvdify.win\n"
    )
    assert json.loads(pvdify("maintenance:on", "myapp", "--json").stdout)["status"] == "maintenance"
    assert pvdify("maintenance:on", "nothere").code == 4


def test_an_app_is_destroyed_when_its_name_is_confirmed(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")

    assert pvdify("apps:destroy", "myapp", "--confirm", "myapp") == Ran(
        stdout="myapp is being destroyed, with its releases, config, logs and instances\n",
        stderr=VOLUMES_STAY,
    )
    assert api.apps == {}


def test_destroy_does_not_promise_a_restore_of_purged_volumes(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")

    assert pvdify("apps:destroy", "myapp", "--confirm", "myapp", "--purge").stderr == ""


def test_destroy_needs_the_right_confirmation(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")

    assert pvdify("apps:destroy", "myapp", stdin="myapp\n") == Ran(
        stderr="error: to destroy myapp, say its name once more: --confirm myapp\n", code=2
    )
    assert pvdify("apps:destroy", "myapp", "--confirm", "other") == Ran(
        stderr='error: "other" is not myapp: nothing was destroyed\n', code=2
    )
    assert (list(api.apps), api.asked) == (["myapp"], [])


def test_at_a_terminal_the_confirmation_is_asked_for(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")
    pvdify.is_terminal = True
    prompt = "myapp will be gone, with its releases, config and logs.\nType its name to destroy it: "

    wrong = pvdify("apps:destroy", "myapp", stdin="no\n")
    right = pvdify("apps:destroy", "myapp", "--json", stdin="myapp\n")

    assert wrong == Ran(stderr=f'{prompt}error: "no" is not myapp: nothing was destroyed\n', code=2)
    assert right == Ran(
        stdout='{\n  "name": "myapp",\n  "status": "destroying",\n  "trash_seconds": 172800.0\n}\n',
        stderr=prompt + VOLUMES_STAY,
    )


def test_config_set_never_echoes_a_value(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")

    assert pvdify("config:set", "myapp", "A=hidden1", "B=-", stdin="hidden2\n") == Ran(
        stdout="config v1 of myapp: set A, B\n", stderr=APPLIED
    )
    assert api.config["myapp"] == {"A": "hidden1", "B": "hidden2"}
    ran = pvdify("config:set", "myapp", "A=hidden3", "--json")
    assert json.loads(ran.stdout) == {"app": "myapp", "version": 2, "live_version": None}
    assert ran.stderr == APPLIED


def test_config_unset(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")
    pvdify("config:set", "myapp", "A=1")

    assert pvdify("config:unset", "myapp", "A") == Ran(stdout="config v2 of myapp: unset A\n", stderr=APPLIED)


def test_config_unset_of_a_missing_variable_succeeds(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")
    pvdify("config:set", "myapp", "A=1")

    some = pvdify("config:unset", "--app", "myapp", "A", "TYPO")
    none = pvdify("config:unset", "--app", "myapp", "A", "TYPO")

    assert some == Ran(stdout="config v2 of myapp: unset A\n", stderr=f"not set: TYPO\n{APPLIED}")
    assert none == Ran(stdout="config v2 of myapp: nothing to unset\n", stderr=f"not set: A, TYPO\n{APPLIED}")


def test_config_shows_values_but_no_secrets(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_release("myapp", config_version=1)
    pvdify("config:set", "myapp", "A=1")
    pvdify("config:set", "myapp", "LONGER=it's two\nlines")
    api.config["myapp"]["S"] = {"secret": True}
    pending = "config v2; live is v1 until the next deploy: pvdify deploy myapp\n"

    assert pvdify("config", "myapp") == Ran(
        stdout="KEY     VALUE\nA       1\nLONGER  it's two\\nlines\nS       (secret)\n", stderr=pending
    )
    assert pvdify("config", "myapp", "--shell") == Ran(
        stdout="A=1\nLONGER='it'\"'\"'s two\nlines'\n", stderr=f"left out, as they are secret: S\n{pending}"
    )
    assert json.loads(pvdify("config", "myapp", "--json").stdout) == {
        "version": 2, "live_version": 1,
        "vars": {"A": {"value": "1"}, "LONGER": {"value": "it's two\nlines"}, "S": {"secret": True}},
    }  # fmt: skip


def test_no_config(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")

    assert pvdify("config", "myapp") == Ran(stderr="no config vars; to set one: pvdify config:set myapp KEY=VALUE\n")
    assert pvdify("config:history", "myapp") == Ran(stderr="the config of myapp was never changed\n")


def test_config_get_prints_the_value_alone(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")
    api.config["myapp"] = {"A": "x y\n", "S": {"secret": True}}

    assert pvdify("config:get", "myapp", "A") == Ran(stdout="x y\n\n")
    assert json.loads(pvdify("config:get", "myapp", "A", "--json").stdout) == {"key": "A", "value": "x y\n"}
    assert json.loads(pvdify("config:get", "myapp", "S", "--json").stdout) == {"key": "S", "secret": True}
    assert pvdify("config:get", "myapp", "S").code == 3
    assert "--reveal" in pvdify("config:get", "myapp", "S").stderr
    assert pvdify("config:get", "myapp", "NONE") == Ran(
        stderr="error: config-var-not-found\n  myapp has no config var NONE\n"
        "  next: `pvdify config myapp` shows what is set\n",
        code=4,
    )


EXACT = "-----BEGIN-----\r\nx\u202ey\r-----END-----\r\n::1\n"


def test_a_program_gets_values_exactly_as_they_were_set(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")
    api.config["myapp"] = {"A": EXACT}

    got, exported = pvdify("config:get", "myapp", "A"), pvdify("config:export", "myapp")
    pvdify("config:import", "myapp", "-", stdin=exported.stdout.replace("A=", "B="))

    assert got == Ran(stdout=f"{EXACT}\n")
    assert pvdify("config", "myapp", "--shell").stdout.startswith(f"A='{EXACT}'\nB='{EXACT}'\n")


def test_a_value_in_the_log_of_a_workflow_starts_no_command_and_says_what_differs(api: FakeApi, tmp_path: Path) -> None:
    api.add_app("myapp")
    api.config["myapp"] = {"A": "::1"}
    stdout, stderr = io.StringIO(), io.StringIO()
    streams = Io(stdin=io.StringIO(), stdout=stdout, stderr=stderr, is_in_workflow=True)
    environ = {"HOME": str(tmp_path), "PVDIFY_URL": api.url, "PVDIFY_TOKEN": TOKEN}
    surroundings = Surroundings(environ=environ, folder=tmp_path, stdin=streams.stdin)

    run_program(("config:get", "myapp", "A"), surroundings, streams)

    assert stdout.getvalue() == ": :1\n"
    assert "--json has the exact value" in stderr.getvalue()


def test_config_history_lists_names_without_values(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")
    pvdify("config:set", "myapp", "A=hidden", "B=hidden")
    pvdify("config:unset", "myapp", "B")

    assert pvdify("config:history", "myapp") == Ran(
        stdout="CONFIG  CREATED               BY     SET   UNSET\n"
        "v2      2026-11-23 11:31:02Z  admin  -     B\n"
        "v1      2026-11-23 11:31:02Z  admin  A, B  -\n"
    )
    assert json.loads(pvdify("config:history", "myapp", "--json").stdout) == {"versions": api.versions["myapp"]}


def test_a_token_is_printed_once_and_alone(pvdify: Pvdify, api: FakeApi) -> None:
    assert pvdify("tokens:create", "--name", "ci", "--app", "myapp", "--expires", "90d") == Ran(
        stdout="pvd_secret\n",
        stderr='"ci" (deploy, myapp) expires 2027-02-21 11:31:02Z; it is not shown again\n'
        "to take it back: pvdify tokens:revoke t1\n",
    )
    assert api.asked[0].body == {"name": "ci", "role": "deploy", "app": "myapp", "expires_in": 7776000}
    ran = pvdify("tokens:create", "--name", "all", "--role", "admin", "--json")
    assert (json.loads(ran.stdout)["token"], "never expires" in ran.stderr) == ("pvd_secret", True)


def test_tokens_are_listed_without_their_secrets(pvdify: Pvdify, api: FakeApi) -> None:
    assert pvdify("tokens") == Ran(stderr="no tokens; to make one: pvdify tokens:create --name NAME\n")
    pvdify("tokens:create", "--name", "ci", "--app", "myapp")

    assert pvdify("tokens") == Ran(
        stdout="ID  NAME  ROLE    APP    CREATED               BY     EXPIRES  LAST USED\n"
        "t1  ci    deploy  myapp  2026-11-23 11:31:02Z  admin  never    -\n"
    )
    assert json.loads(pvdify("tokens", "--json").stdout) == {"tokens": api.tokens}


def test_a_token_is_revoked(pvdify: Pvdify) -> None:
    pvdify("tokens:create", "--name", "ci")

    assert pvdify("tokens:revoke", "t1") == Ran(stdout="t1 is revoked\n")
    assert pvdify("tokens:revoke", "t1") == Ran(
        stderr="error: token-not-found\n  no token has the id t1\n  next: pvdify tokens\n", code=4
    )


def test_login_checks_the_token_and_keeps_it_for_the_owner(pvdify: Pvdify, api: FakeApi) -> None:
    del pvdify.environ["PVDIFY_TOKEN"], pvdify.environ["PVDIFY_URL"]

    ran = pvdify("login", "--url", api.url, stdin=f"{TOKEN}\n")

    assert ran == Ran(stdout=f"signed in to {api.url} as admin (admin, all apps)\n")
    assert stat.S_IMODE(login_file(pvdify).stat().st_mode) == 0o600
    # From now on neither a URL nor a token has to be named.
    assert pvdify("whoami").code == 0


def test_login_at_a_terminal_asks_without_showing(pvdify: Pvdify, api: FakeApi) -> None:
    pvdify.is_terminal = True

    ran = pvdify("login", "--json", secret=TOKEN)

    assert ran.stderr == f"Token for {api.url} (not shown): \n"
    assert json.loads(ran.stdout) == {"url": api.url, "name": "admin", "role": "admin", "app": None}
    assert pvdify("login", "--token-stdin", stdin=f"{TOKEN}\n").stderr == ""


def test_login_with_a_wrong_token_saves_nothing(pvdify: Pvdify) -> None:
    assert pvdify("login", stdin="pvd_wrong\n") == Ran(
        stderr="error: not-signed-in\n  a token is needed\n  why:  none was sent\n  next: pvdify login\n", code=3
    )
    assert not login_file(pvdify).exists()


def test_login_without_a_token_says_where_tokens_come_from(pvdify: Pvdify) -> None:
    assert pvdify("login") == Ran(
        stderr="error: not-signed-in\n  no token was given\n  why:  stdin was empty\n"
        "  next: `pvdify tokens:create` on the server makes one; its first is in DATA_DIR/admin.token\n",
        code=3,
    )


@pytest.mark.parametrize("token", ["", "pvd_token"])
def test_login_never_sends_a_token_in_the_clear(pvdify: Pvdify, token: str) -> None:
    pvdify.environ["PVDIFY_TOKEN"] = token
    pvdify.is_terminal = True

    assert pvdify("login", "--url", "http://pvdify.example", secret=TOKEN) == Ran(
        stderr="error: invalid-setting\n  the token is not sent to http://pvdify.example\n"
        "  why:  plain http to another host: the token could be read on the way\n"
        "  next: use https://pvdify.example, or a tunnel to the server's loopback address\n",
        code=2,
    )


def test_a_second_login_keeps_the_first_server(pvdify: Pvdify, api: FakeApi) -> None:
    with FakeApi() as other:
        pvdify("login", "--url", api.url, stdin=f"{TOKEN}\n")
        pvdify("login", "--url", other.url, stdin=f"{TOKEN}\n")

        saved = load(login_file(pvdify))

    assert (saved.url, dict(saved.tokens)) == (other.url, {api.url: TOKEN, other.url: TOKEN})


def test_login_from_a_pipe_needs_a_server_that_was_named(pvdify: Pvdify, api: FakeApi) -> None:
    del pvdify.environ["PVDIFY_URL"]
    del pvdify.environ["PVDIFY_TOKEN"]

    ran = pvdify("login", stdin=f"{TOKEN}\n")

    assert (ran.code, api.asked) == (2, [])
    assert "set PVDIFY_URL to your server" in ran.stderr


@pytest.mark.parametrize(
    ("words", "version"), [(("myapp",), None), (("myapp", "v3"), 3), (("3", "-a", "myapp"), 3), (("-a", "myapp"), None)]
)
def test_config_is_rolled_back(pvdify: Pvdify, api: FakeApi, words: tuple[str, ...], version: int | None) -> None:
    pvdify("apps:create", "myapp")
    pvdify("config:set", "myapp", "A=1")

    assert pvdify("config:rollback", *words) == Ran(stdout="config v2 of myapp: set A; unset B\n", stderr=APPLIED)
    assert api.asked[-1].body.get("version") == version


def test_an_unchanged_config_is_reported(pvdify: Pvdify) -> None:
    pvdify("apps:create", "myapp")
    pvdify("config:set", "myapp", "A=1")

    assert pvdify("config:rollback", "myapp", "1") == Ran(
        stderr="nothing was changed: config v1 of myapp says the same\n"
    )
