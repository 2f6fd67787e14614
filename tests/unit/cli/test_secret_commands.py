"""Secrets at the command line: values are not shown again, and files are imported and exported."""

import json
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvdify.cli import dotenv_text
from pvdify.errors import InvalidConfigFile
from tests.fakes.api import FakeApi
from tests.unit.cli.conftest import Pvdify, Ran

APPLIED = "applied by the next deploy: pvdify deploy myapp\n"
SEALED = "A: ENC[x]\nsops:\n  mac: x\n"


def test_secret_is_set_from_stdin_and_never_echoed(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")

    ran = pvdify("config:set", "myapp", "--secret", "API_KEY=-", stdin="hidden-value\n")

    assert ran == Ran(stdout="config v1 of myapp: set API_KEY (secret: API_KEY)\n", stderr=APPLIED)
    assert api.config["myapp"] == {"API_KEY": {"secret": True}}
    assert api.hidden == {("myapp", "API_KEY"): "hidden-value"}


def test_a_secret_that_is_set_again_stays_secret(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")
    pvdify("config:set", "myapp", "--secret", "A=hidden-one")

    again = pvdify("config:set", "myapp", "A=hidden-two", "B=shown")
    plain = pvdify("config:set", "myapp", "--plain", "A=shown too")

    assert again.stdout == "config v2 of myapp: set A, B (secret: A)\n"
    assert plain.stdout == "config v3 of myapp: set A\n"
    assert api.config["myapp"] == {"A": "shown too", "B": "shown"}


def test_secret_is_revealed_only_when_asked_for(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")
    pvdify("config:set", "myapp", "--secret", "A=hidden-value")

    refused = pvdify("config:get", "myapp", "A")

    assert (refused.code, refused.stdout) == (3, "")
    assert "hidden-value" not in refused.stderr
    assert pvdify("config:get", "myapp", "A", "--reveal") == Ran(stdout="hidden-value\n")
    shown = pvdify("config:get", "myapp", "A", "--reveal", "--json").stdout
    assert json.loads(shown) == {"key": "A", "value": "hidden-value"}
    assert pvdify("config:get", "myapp", "B", "--reveal").code == 4


def test_export_is_an_env_file_without_secrets_that_import_takes(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")
    api.add_app("other")
    pvdify("config:set", "myapp", "A=1", "B=it's $5\nand more")
    pvdify("config:set", "myapp", "--secret", "S=hidden-value")

    exported = pvdify("config:export", "myapp")
    imported = pvdify("config:import", "other", "-", stdin=exported.stdout)

    assert exported == Ran(stdout="A=1\nB='it\\'s $5\nand more'\n", stderr="left out, as they are secret: S\n")
    assert imported.stdout == "config v1 of other: set A, B\n"
    assert api.config["other"] == {"A": "1", "B": "it's $5\nand more"}
    assert json.loads(pvdify("config:export", "myapp", "--json").stdout) == {
        "app": "myapp", "version": 2, "vars": {"A": "1", "B": "it's $5\nand more"}
    }  # fmt: skip


def test_env_file_can_be_imported_as_secrets(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")

    pvdify("config:import", "myapp", "-", "--secret", stdin="# keys\nexport A='hidden-value'\n")

    assert api.config["myapp"] == {"A": {"secret": True}}
    assert api.hidden["myapp", "A"] == "hidden-value"


def test_sops_file_is_sent_as_it_is(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")

    ran = pvdify("config:import", "myapp", "-", "--format", "yaml", "--plain", "A", stdin=SEALED)

    assert ran == Ran(stdout="config v7 of myapp: set A, B; unset C\n", stderr=APPLIED)
    assert api.imported == [{"content": SEALED, "format": "yaml", "plain": ["A"]}]


def test_sops_file_that_changes_nothing_or_is_damaged_says_so(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")

    same = pvdify("config:import", "myapp", "-", "--format", "yaml", stdin=f"# same\n{SEALED}")
    damaged = pvdify("config:import", "myapp", "-", "--format", "yaml", stdin=f"# damaged\n{SEALED}")

    assert same == Ran(stderr="nothing was changed: config v7 of myapp says the same\n")
    assert damaged.code == 2
    assert "its MAC does not match" in damaged.stderr


def test_unencrypted_yaml_is_not_imported(pvdify: Pvdify, api: FakeApi) -> None:
    ran = pvdify("config:import", "myapp", "-", "--format", "yaml", stdin="A: 1\n")

    assert ran.code == 2
    assert "is no SOPS file" in ran.stderr


def test_sops_file_is_exported_encrypted(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")

    ran = pvdify("config:export", "myapp", "--sops")

    assert ran.stdout == "A: ENC[x]\nsops: {}\n"
    assert ran.stderr == "config v4, encrypted; edit it with sops, then: pvdify config:import myapp FILE\n"


def test_recipients_are_listed_added_and_removed(pvdify: Pvdify, api: FakeApi) -> None:
    listed = pvdify("secrets")
    added = pvdify("secrets:add", "recovery", "age1offline")
    refused = pvdify("secrets:add", "bob", "nonsense")
    removed = pvdify("secrets:remove", "recovery", "--json")

    assert listed == Ran(stdout="NAME    KEY\npvdify  age1server\n")
    assert added == Ran(
        stdout="NAME      KEY\npvdify    age1server\nrecovery  age1offline\n",
        stderr="3 config files were encrypted anew. recovery can open them now; undo: "
        'pvdify secrets:remove "recovery"\n',
    )
    assert refused.code == 2
    assert json.loads(removed.stdout) == {"files": 3, "recipients": [{"name": "pvdify", "key": "age1server"}]}


def test_rotation_shows_the_new_key_and_says_to_back_it_up(pvdify: Pvdify, api: FakeApi) -> None:
    ran = pvdify("secrets:rotate")

    assert ran.stdout == "NAME    KEY\npvdify  age1newserver\n"
    assert "back it up" in ran.stderr


@pytest.mark.slow
@given(st.dictionaries(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True),
                       st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"))))  # fmt: skip
def test_env_file_that_was_written_is_read_back_to_the_letter(values: dict[str, str]) -> None:
    text = dotenv_text.write(values)

    assert "\r" not in text
    assert not values or dotenv_text.read(text, "file") == values


def test_env_file_with_problems_names_every_line_and_no_value() -> None:
    with pytest.raises(InvalidConfigFile) as refused:
        dotenv_text.read(StringIO("A=1\nB\nC='hidden\n").read(), ".env")

    problems = refused.value.details["problems"]
    assert problems == ["line 2: expected KEY=VALUE", "line 3: expected KEY=VALUE"]
    assert "hidden" not in refused.value.render()
