import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from pvdify.client.endpoint import parse_url
from pvdify.client.saved_login import SavedLogins, load, login_file, save
from pvdify.client.target import Target, find_target
from pvdify.client.transport import HttpRequest, exchange
from pvdify.errors import InvalidSetting


@pytest.fixture
def server_socket(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "pvdifyd.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        yield path


def test_the_flag_takes_precedence_over_everything_else(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "PVDIFY_URL": "https://two.example"}

    assert find_target("https://one.example", environ).endpoint.url == "https://one.example"


def test_the_environment_takes_precedence_over_the_saved_login(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    save(login_file(environ), SavedLogins(url="https://saved.example", tokens={}))

    assert find_target(None, environ | {"PVDIFY_URL": "https://two.example"}).endpoint.url == "https://two.example"
    assert find_target(None, environ).endpoint.url == "https://saved.example"


def test_the_saved_login_takes_precedence_over_the_socket(tmp_path: Path, server_socket: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    assert find_target(None, environ, socket=server_socket).endpoint.url == f"unix://{server_socket}"

    save(login_file(environ), SavedLogins(url="https://saved.example", tokens={}))

    assert find_target(None, environ, socket=server_socket).endpoint.url == "https://saved.example"


def test_without_anything_it_is_pvdify_win(tmp_path: Path) -> None:
    target = find_target(None, {"HOME": str(tmp_path)}, socket=tmp_path / "none.sock")

    assert (target.endpoint.url, target.token) == ("https://pvdify.win", None)


def test_a_token_is_not_sent_to_a_server_that_was_not_named(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "PVDIFY_TOKEN": "pvd_1_secret"}

    target = find_target(None, environ, socket=tmp_path / "none.sock")
    with pytest.raises(InvalidSetting) as caught:
        exchange(target, HttpRequest(method="GET", path="/apps"))

    assert "set PVDIFY_URL" in caught.value.next
    assert "secret" not in caught.value.render()
    named = find_target(None, environ | {"PVDIFY_URL": "https://pvdify.win"}, socket=tmp_path / "none.sock")
    assert named.token == "pvd_1_secret"


def test_a_saved_login_names_its_server(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    save(login_file(environ), SavedLogins().with_login("https://pvdify.win", "t1"))

    assert find_target(None, environ, socket=tmp_path / "none.sock").token == "t1"
    assert find_target(None, environ | {"PVDIFY_TOKEN": "t2"}, socket=tmp_path / "none.sock").token == "t2"


def test_a_file_that_is_no_socket_is_not_taken_for_the_server(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert find_target(None, {"HOME": str(tmp_path)}, socket=tmp_path / "file").endpoint.url == "https://pvdify.win"


def test_each_server_gets_its_own_saved_token(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    logins = SavedLogins().with_login("https://one.example", "t1").with_login("https://two.example", "t2")
    save(login_file(environ), logins)

    assert find_target("https://One.example:443/", environ).token == "t1"
    assert find_target(None, environ).token == "t2"
    assert find_target("https://three.example", environ).token is None
    assert find_target(None, environ | {"PVDIFY_TOKEN": "t3\n"}).token == "t3"


@pytest.mark.parametrize("url", ["http://example.com", "http://10.0.0.1:9443", "http://localhost.evil.example"])
def test_a_token_never_goes_over_plain_http_to_another_host(url: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        Target(endpoint=parse_url(url), token="secret")

    assert "the token is not sent" in caught.value.what
    assert "secret" not in caught.value.render()


@pytest.mark.parametrize(
    "url", ["http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1", "unix:///s", "https://x"]
)
def test_a_token_is_sent_only_over_private_connections(url: str) -> None:
    assert Target(endpoint=parse_url(url), token="secret").token == "secret"
    assert Target(endpoint=parse_url("http://example.com")).token is None


@pytest.mark.parametrize("token", ["a b", "a\nb", "é"])
def test_a_token_with_a_line_break_is_refused(token: str) -> None:
    with pytest.raises(InvalidSetting):
        Target(endpoint=parse_url("https://x"), token=token)


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://PVDIFY.win/", "https://pvdify.win"),
        ("https://pvdify.win:443", "https://pvdify.win"),
        ("http://127.0.0.1:9443", "http://127.0.0.1:9443"),
        ("https://[::1]:8443/deep/", "https://[::1]:8443/deep"),
        ("unix:///run/pvdify/pvdifyd.sock", "unix:///run/pvdify/pvdifyd.sock"),
    ],
)
def test_urls_have_one_normal_form(url: str, normal: str) -> None:
    assert parse_url(url).url == normal


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("pvdify.win", "write https://pvdify.win"),
        ("localhost:9443", "write https://localhost:9443"),
        ("ftp://pvdify.win", "write https://HOST"),
        ("unix://run/s.sock", "three slashes"),
        ("https://me:secret@pvdify.win", "PVDIFY_TOKEN"),
        ("https://pvdify.win:http", "write https://HOST"),
    ],
)
def test_a_url_that_names_no_server_says_how_to_write_one(url: str, part: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        parse_url(url)

    assert part in caught.value.next
    assert "secret" not in caught.value.render()


def test_logins_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    environ = {"HOME": "/nowhere", "XDG_CONFIG_HOME": str(tmp_path / "config")}
    previous = os.umask(0)
    try:
        save(login_file(environ), SavedLogins().with_login("https://one.example", "t1"))
    finally:
        os.umask(previous)

    file = tmp_path / "config" / "pvdify" / "login.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.parent.iterdir()] == ["login.json"]
    assert load(file) == SavedLogins().with_login("https://one.example", "t1")


def test_root_on_a_server_uses_the_socket_although_pvdifyd_is_down(tmp_path: Path) -> None:
    socket_path, settings = tmp_path / "gone.sock", tmp_path / "pvdifyd.toml"
    settings.write_text("")

    target = find_target(None, {"HOME": str(tmp_path)}, socket=socket_path, settings=settings)

    assert target.endpoint.url == f"unix://{socket_path}"


@pytest.mark.parametrize("content", ["", "[]", '{"url": 1, "tokens": {}}', '{"url": "x"}'])
def test_a_damaged_login_file_says_how_to_repair_it(tmp_path: Path, content: str) -> None:
    (tmp_path / "login.json").write_text(content)

    with pytest.raises(InvalidSetting) as caught:
        load(tmp_path / "login.json")

    assert "`pvdify login` again" in caught.value.next
