"""Where settings come from, and what a bad one says."""

from datetime import timedelta
from pathlib import Path

import pytest

from pvdify.errors import InvalidSetting
from pvdify.settings import Address, PortRange, describe, load, names, parse_duration

NO_FILE = Path("/nonexistent/pvdifyd.toml")


def test_defaults():
    settings = load({}, {}, NO_FILE)

    assert settings.data_dir == Path("/var/lib/pvdify")
    assert settings.listen == Address(host="127.0.0.1", port=9443)
    assert settings.ports == PortRange(first=3001, last=3999)
    assert settings.base_domain == "pvdify.win"
    assert settings.standby == timedelta(minutes=10)
    assert settings.socket_path == Path("/run/pvdify/pvdifyd.sock")


def test_flag_wins_over_environment_over_file(tmp_path: Path):
    file = tmp_path / "pvdifyd.toml"
    file.write_text('base_domain = "file.example"\nports = "4001-4002"\nkeep_releases = 3\n')
    environment = {"PVDIFY_BASE_DOMAIN": "environment.example", "PVDIFY_PORTS": "5001-5002"}

    settings = load({"base_domain": "flag.example", "ports": None}, environment, file)

    assert settings.base_domain == "flag.example"
    assert settings.ports == PortRange(first=5001, last=5002)
    assert settings.keep_releases == 3


def test_every_problem_is_told_at_once(tmp_path: Path):
    file = tmp_path / "pvdifyd.toml"
    file.write_text('colour = "blue"\nrouter_listen = "9080"\n')

    with pytest.raises(InvalidSetting) as caught:
        load({"listen": "nowhere", "data_dir": "/a b"}, {"PVDIFY_PORTS": "99-1"}, file)

    assert caught.value.details["problems"] == [
        f"{file}: unknown setting 'colour'",
        '--data-dir: expected a path without spaces, commas or quotes, got "/a b"',
        '--listen: expected HOST:PORT, like 127.0.0.1:9443, got "nowhere"',
        f'{file}: router_listen: expected HOST:PORT, like 127.0.0.1:9443, got "9080"',
        'PVDIFY_PORTS: expected FIRST-LAST between 1024 and 65535, like 3001-3999, got "99-1"',
    ]


def test_unreadable_file_is_an_error_of_its_own(tmp_path: Path):
    file = tmp_path / "pvdifyd.toml"
    file.write_text("= nonsense")

    with pytest.raises(InvalidSetting, match="cannot be read"):
        load({}, {}, file)


def test_two_data_directories_are_two_servers():
    one, two = (load({"data_dir": f"/srv/{name}"}, {}, NO_FILE) for name in ("one", "two"))

    assert one.server_id != two.server_id
    assert one.run_dir != two.run_dir


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("1m30s", 90), ("250ms", 0.25), ("24h", 86400), ("1.5h", 5400), ("0", 0)]
)
def test_durations(text: str, seconds: float):
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "s", "5x", "1..5s", ".s", "-5s"])
def test_what_is_no_duration(text: str):
    with pytest.raises(ValueError, match="expected a duration"):
        parse_duration(text)


def test_every_setting_has_help():
    assert all(describe(name)[1] for name in names())
