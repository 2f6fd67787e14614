"""Where settings come from, and how an invalid one is reported."""

from datetime import timedelta
from pathlib import Path

import pytest

from pvdify.errors import InvalidSetting
from pvdify.quantities import parse_duration
from pvdify.settings import Address, PortRange, describe, load, names, parse_address

NO_FILE = Path("/nonexistent/pvdifyd.toml")


def test_defaults():
    settings = load({}, {}, NO_FILE)

    assert settings.data_dir == Path("/var/lib/pvdify")
    assert settings.listen == Address(host="127.0.0.1", port=9443)
    assert settings.ports == PortRange(first=3001, last=3999)
    assert settings.base_domain == "pvdify.win"
    assert settings.standby == timedelta(minutes=10)
    assert settings.socket_path == Path("/run/pvdify/pvdifyd.sock")


@pytest.mark.parametrize(
    "text", ["", "2013265920", "2013265920-2147352576", "2013265921-2147352575", "0-65535", "65536-4294967296", "2-1"]
)
def test_users_of_containers_are_whole_blocks_and_none_of_the_machines_own(text: str):
    with pytest.raises(InvalidSetting) as caught:
        load({"user_ids": text}, {}, NO_FILE)

    (problem,) = caught.value.details["problems"]
    assert "expected FIRST-LAST with whole blocks of 65536 ids" in problem


def test_each_app_can_have_a_block_of_users():
    default = load({}, {}, NO_FILE).user_ids

    assert (default[0], default[-1] + 65535, len(default)) == (2013265920, 2147352575, 2046)
    assert list(load({"user_ids": "65536-196607"}, {}, NO_FILE).user_ids) == [65536, 131072]


def test_flag_wins_over_environment_over_file(tmp_path: Path):
    file = tmp_path / "pvdifyd.toml"
    file.write_text('base_domain = "file.example"\nports = "4001-4002"\nkeep_releases = 3\n')
    environment = {"PVDIFY_BASE_DOMAIN": "environment.example", "PVDIFY_PORTS": "5001-5002"}

    settings = load({"base_domain": "flag.example", "ports": None}, environment, file)

    assert settings.base_domain == "flag.example"
    assert settings.ports == PortRange(first=5001, last=5002)
    assert settings.keep_releases == 3


def test_no_environment_variable_chooses_the_routers_program(tmp_path: Path):
    file = tmp_path / "pvdifyd.toml"

    with pytest.raises(InvalidSetting) as caught:
        load({}, {"PVDIFY_ROUTER_BINARY": "/tmp/haproxy"}, file)

    assert caught.value.details["problems"] == [
        f"PVDIFY_ROUTER_BINARY: set router_binary by flag or in {file}, not in the environment"
    ]
    assert load({"router_binary": "/usr/sbin/haproxy"}, {}, file).router_binary == "/usr/sbin/haproxy"


def test_every_problem_is_reported_at_once(tmp_path: Path):
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


def test_a_second_server_does_not_take_the_router_of_the_settings_file(tmp_path: Path):
    file = tmp_path / "pvdifyd.toml"
    file.write_text('router_unit = "pvdify-router.service"\nkeep_releases = 7\n')

    own, second = load({}, {}, file), load({"data_dir": "/srv/trial"}, {}, file)
    by_environment = load({}, {"PVDIFY_DATA_DIR": "/srv/trial"}, file)
    asked_for = load({"data_dir": "/srv/trial", "router_unit": "trial-router.service"}, {}, file)

    assert own.router_unit == load({"data_dir": "/var/lib/pvdify"}, {}, file).router_unit == "pvdify-router.service"
    assert (second.router_unit, second.keep_releases, by_environment.router_unit) == ("", 7, "")
    assert asked_for.router_unit == "trial-router.service"
    file.write_text('router_unit = "pvdify-router.service"\ndata_dir = "/srv/apps"\n')
    assert load({}, {}, file).router_unit == load({"data_dir": "/srv/apps"}, {}, file).router_unit
    assert load({"data_dir": "/var/lib/pvdify"}, {}, file).router_unit == ""


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
def test_invalid_durations(text: str):
    with pytest.raises(ValueError, match="expected a duration"):
        parse_duration(text)


def test_every_setting_has_help():
    assert all(describe(name)[1] for name in names())


def test_headers_with_the_visitors_address_follow_the_edge_unless_they_are_set(tmp_path: Path):
    by_default = load({}, {}, tmp_path / "none")
    as_set = load({"client_address_headers": "True-Client-IP"}, {}, tmp_path / "none")

    assert by_default.address_headers(("CF-Connecting-IP",)) == ("CF-Connecting-IP", "X-Forwarded-For")
    assert by_default.address_headers(()) == ("X-Forwarded-For",)
    assert as_set.address_headers(("CF-Connecting-IP",)) == ("True-Client-IP",)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({}, "apps.example.com"),
        ({"public_url": "https://ops.example.net/pvdify"}, "ops.example.net"),
        ({"expose_api": "off"}, None),
        ({"base_domain": "localhost"}, None),
        ({"base_domain": "trial.localhost"}, None),
        ({"public_url": "http://127.0.0.1:9443"}, None),
    ],
)
def test_the_public_hostname(flags: dict[str, str], expected: str | None) -> None:
    assert load({"base_domain": "apps.example.com", **flags}, {}, NO_FILE).public_hostname == expected


@pytest.mark.parametrize("text", ["https://a b.example", "https://ops.example/(.*)", "https://ops.example/'x", "ops"])
def test_an_invalid_public_url_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting):
        load({"public_url": text}, {}, NO_FILE)


@pytest.mark.parametrize(
    ("listen", "expected"), [("0.0.0.0:9443", "127.0.0.1:9443"), ("[::]:1", "[::1]:1"), ("10.0.0.5:2", "10.0.0.5:2")]
)
def test_the_router_reaches_what_listens_everywhere_over_loopback(listen: str, expected: str) -> None:
    assert str(parse_address(listen).from_here) == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [("keep_releases", "-3"), ("keep_releases", "0"), ("keep_releases", "1"), ("keep_releases", "abc"),
     ("min_free_disk", "-1"), ("min_free_memory", "much"), ("min_free_disk", "1" * 40)],
)  # fmt: skip
def test_a_number_out_of_bounds_says_what_is_expected(name: str, text: str):
    with pytest.raises(InvalidSetting) as caught:
        load({name: text}, {}, NO_FILE)

    (problem,) = caught.value.details["problems"]
    assert "expected" in problem
    assert "literal" not in problem


@pytest.mark.parametrize(("text", "size"), [("512M", 512 * 1024**2), ("1.5G", 1536 * 1024**2), ("536870912", 2**29)])
def test_sizes_are_written_as_in_a_manifest(text: str, size: int):
    assert load({"min_free_disk": text}, {}, NO_FILE).min_free_disk == size


@pytest.mark.parametrize("text", ["ftp", "https:", "http:0", "http:65536", "http:x", "auto:80", ""])
def test_app_urls_are_a_scheme_and_perhaps_a_port(text: str) -> None:
    with pytest.raises(InvalidSetting) as refused:
        load({"app_urls": text}, {}, NO_FILE)

    assert "--app-urls" in str(refused.value.details)
