import json
import subprocess
import sys

import click
import pytest

from pvdify.cli.installation import argv_of
from pvdify.installation.doctor import report
from pvdify.installation.machine import UnitState, parse_unit, show_unit
from pvdify.installation.program import main, read_order
from pvdify.wire.installation import CheckMachine, Install, Uninstall


def test_the_program_is_this_python_and_takes_no_module_from_the_folder_it_is_in() -> None:
    assert argv_of(CheckMachine(as_json=True)) == (
        sys.executable, "-P", "-m", "pvdify.installation", '{"do": "doctor", "as_json": true}',
    )  # fmt: skip


def test_every_order_survives_encoding() -> None:
    orders = (
        Install(settings={"base_domain": "apps.example.com"}, is_dry_run=True),
        Install(is_upgrade=True, as_json=True),
        Uninstall(is_purging=True, is_confirmed=True),
        CheckMachine(),
    )

    assert tuple(read_order(argv_of(order)[-1]) for order in orders) == orders


def test_the_command_executes_the_program_and_has_its_exit_code() -> None:
    code = "import sys; from pvdify.cli.main import main; sys.exit(main(sys.argv[1:]))"
    argv = (sys.executable, "-c", code, "server", "install", "--set", "ports=1-2", "--dry-run")

    ran = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=100)

    # Without root it is refused for the missing rights; as root for the setting.
    assert ran.stderr.partition("\n")[0] in ("error: invalid-setting", "error: not-root")
    assert (ran.stdout, ran.returncode in (2, 3)) == ("", True)


def test_a_refusal_is_reported_as_json() -> None:
    ran = subprocess.run(
        argv_of(Install(settings={"ports": "1-2"}, is_dry_run=True, as_json=True)), capture_output=True, text=True,
        check=False, timeout=100,
    )  # fmt: skip

    error = json.loads(ran.stdout)["error"]
    assert f"error: {error['code']}\n  {error['what']}\n" in ran.stderr
    assert error["code"] in ("invalid-setting", "not-root")
    assert all(f"  - {problem}\n" in ran.stderr for problem in error["problems"])


def test_a_unit_as_systemd_shows_it() -> None:
    shown = (
        "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nNeedDaemonReload=no\n"
        "InactiveExitTimestampMonotonic=2500000\n"
    )

    assert parse_unit(shown, offset=1000.0) == UnitState(
        is_known=True, is_active=True, is_idle=False, is_enabled=True, began=1002.5
    )


def test_a_unit_that_waits_for_its_next_start_is_not_idle() -> None:
    state = parse_unit("LoadState=loaded\nActiveState=activating\nUnitFileState=enabled\n", offset=0.0)

    assert (state.is_active, state.is_idle) == (False, False)


def test_a_unit_that_no_record_names() -> None:
    shown = "LoadState=not-found\nActiveState=inactive\nUnitFileState=\nInactiveExitTimestampMonotonic=0\n"

    assert parse_unit(shown, offset=1000.0) == UnitState()


def test_the_systemctl_arguments_for_a_unit() -> None:
    assert show_unit("a.service") == (
        "systemctl",
        "show",
        "a.service",
        "--property=LoadState,ActiveState,UnitFileState,NeedDaemonReload,InactiveExitTimestampMonotonic",
    )


def test_a_bad_line_on_stdin_is_a_usage_error_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise click.UsageError("no KEY=VALUE")

    monkeypatch.setattr(report, "run", refuse)

    assert main([argv_of(CheckMachine())[-1]]) == 2
