"""``pvdify backups`` and its siblings."""

import json

import pytest

from pvdify.cli.commands.backups_target import parse_keys
from tests.fakes.api import FakeApi
from tests.unit.cli.conftest import Pvdify

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n"


def test_a_target_is_set_with_keys_from_stdin_and_the_password_is_shown_once(pvdify: Pvdify, api: FakeApi) -> None:
    keys = "AWS_ACCESS_KEY_ID=AK\nAWS_SECRET_ACCESS_KEY=secret=with=equals\n"

    ran = pvdify("backups:target", "s3:https://s3.example.com/b", stdin=keys)

    assert ran.code == 0
    assert "target   s3:https://s3.example.com/b" in ran.stdout
    assert "password   the-password" in ran.stdout
    assert "shown this once" in ran.stderr
    assert "secret=with" not in ran.stdout + ran.stderr
    assert api.backup_keys == {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "secret=with=equals"}
    assert "password" not in pvdify("backups:target", "s3:https://s3.example.com/b").stdout


def test_an_ssh_key_is_read_as_it_is_in_its_file() -> None:
    assert parse_keys(KEY) == {"SSH_PRIVATE_KEY": KEY}
    assert parse_keys(f"RESTIC_PASSWORD=old\n{KEY}") == {"RESTIC_PASSWORD": "old", "SSH_PRIVATE_KEY": KEY}
    with pytest.raises(Exception, match="expected lines like"):
        parse_keys("just a password\n")


def test_backups_are_listed_with_the_time_of_their_drill(pvdify: Pvdify, api: FakeApi) -> None:
    assert pvdify("backups").stderr == "no backups are made: `pvdify backups:target LOCATION` says where they go\n"
    pvdify("backups:target", "/mnt/nas")
    assert "there is no backup yet: pvdify backups:run" in pvdify("backups").stderr
    api.add_backup(proven_at="2026-11-23T05:00:00Z")
    api.add_backup(id="20261124T030000", state="incomplete", cause="the volume x of y: no space")

    ran = pvdify("backups")

    assert "20261123T030000" in ran.stdout
    assert "2026-11-23 05:00" in ran.stdout
    assert "the volume x of y: no space" in ran.stdout
    assert "STOOD STILL" in pvdify("backups", "20261123T030000").stdout
    assert len(json.loads(pvdify("backups", "--json").stdout)["backups"]) == 2
    assert [pvdify("backups", "20200101T000000", *more).code for more in ([], ["--json"])] == [4, 4]


def test_a_backup_is_made_and_followed(pvdify: Pvdify, api: FakeApi) -> None:
    assert pvdify("backups:run").code == 5
    pvdify("backups:target", "/mnt/nas")

    ran = pvdify("backups:run")

    assert (ran.code, ran.stdout) == (0, "the backup 20261123T030000 was made\n")
    assert "the volume data of myapp: 12 files" in ran.stderr


def test_a_drill_that_finds_a_problem_exits_with_1(pvdify: Pvdify, api: FakeApi) -> None:
    pvdify("backups:target", "/mnt/nas")
    api.add_backup(problems=["the volume data of myapp: it has 0 rows"])

    ran = pvdify("backups:verify")

    assert ran.code == 1
    assert "the verify failed: the volume data of myapp: it has 0 rows" in ran.stderr
    assert pvdify("backups:verify", "--accept-smaller").code == 0


def test_a_restore_prints_its_plan_first(pvdify: Pvdify, api: FakeApi) -> None:
    refused = pvdify("backups:restore", "myapp")
    plan = pvdify("backups:restore", "myapp", "--to", "copy", "--plan")
    ran = pvdify("backups:restore", "myapp", "--to", "copy", "--volume", "data")

    assert refused.code == 5
    assert "restore the volume data of copy" in plan.stdout
    assert "never proven" in plan.stdout
    assert "nothing was changed" in plan.stderr
    assert ran.code == 0
    assert [(it["to"], it["volumes"]) for it in api.restores] == [("copy", ["data"])]


def test_the_schedule_is_changed(pvdify: Pvdify, api: FakeApi) -> None:
    pvdify("backups:target", "/mnt/nas")

    ran = pvdify("backups:schedule", "30 1 * * *", "--drills", "none", "--daily", "14")

    assert "30 1 * * *" in ran.stdout
    assert "drills   never" in ran.stdout
    assert "14 daily" in ran.stdout
