"""``pvdify server`` commands for this machine, and checks of a remote server."""

import json
from pathlib import Path
from typing import Any

import pytest

from pvdify.cli.installation import hand_over
from pvdify.wire.installation import Install, Uninstall
from tests.fakes.api import FakeApi
from tests.unit.cli.conftest import Pvdify


@pytest.mark.parametrize(
    ("line", "order"),
    [
        ("server install", Install()),
        ("server install --base-domain apps.example.com", Install(settings={"base_domain": "apps.example.com"})),
        (
            "server install --set router-listen=0.0.0.0:80 --set standby=5m --dry-run --json",
            Install(settings={"router_listen": "0.0.0.0:80", "standby": "5m"}, is_dry_run=True, as_json=True),
        ),
        ("server upgrade", Install(is_upgrade=True)),
        ("server uninstall", Uninstall()),
        ("server uninstall --purge --yes", Uninstall(is_purging=True, is_confirmed=True)),
    ],
)
def test_server_commands_are_passed_on_as_orders(pvdify: Pvdify, line: str, order: Any) -> None:
    parsed = pvdify.parse(*line.split())

    assert (parsed.run, parsed.options) == (hand_over, order)


def test_a_setting_without_a_value_is_refused(pvdify: Pvdify) -> None:
    ran = pvdify("server", "install", "--set", "standby")

    assert (ran.code, ran.stderr.splitlines()[1]) == (2, '  "standby" is not a setting')


def test_the_server_noun_alone_lists_its_commands(pvdify: Pvdify) -> None:
    assert pvdify("server").stderr == "error: missing command\n  next: pvdify server --help\n"


def test_a_second_server_on_this_machine_reports_its_own_checks(tmp_path: Path) -> None:
    with FakeApi(tmp_path / "s.sock") as api:
        ran = Pvdify(folder=tmp_path, environ={"HOME": str(tmp_path), "PVDIFY_URL": api.url})("doctor", "--json")

    assert (ran.code, json.loads(ran.stdout)["is_ready"]) == (0, True)


def test_checks_of_a_remote_server_are_reported_by_its_pvdifyd(pvdify: Pvdify) -> None:
    ran = pvdify("doctor")

    assert ran.code == 0
    assert ran.stdout.splitlines()[0].split() == ["CHECK", "STATE", "FINDING"]
    assert "`pvdify doctor` as root on it" in ran.stderr
