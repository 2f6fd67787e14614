"""``pvdify ps:exec`` and ``pvdify tunnel``."""

import json
import socket
import threading
from pathlib import Path

import pytest

from pvdify.cli.commands import ps_exec, tunnel
from pvdify.cli.commands.ps_exec import SHELL
from pvdify.client.api import Client
from pvdify.client.endpoint import parse_url
from pvdify.client.session import Session
from pvdify.client.target import Target
from pvdify.wire.requests import OpenTunnel
from tests.fakes.api import TOKEN, FakeApi
from tests.unit.cli.conftest import Pvdify, Ran
from tests.unit.cli.test_run import run_with


@pytest.fixture
def shop(pvdify: Pvdify, api: FakeApi) -> Pvdify:
    api.add_release("shop")
    return pvdify


@pytest.mark.parametrize(
    ("line", "process", "number", "command"),
    [
        ("shop", None, None, SHELL),
        ("shop web.2", "web", 2, SHELL),
        ("shop -- ls -la", None, None, ["ls", "-la"]),
        ("shop worker -- ls", "worker", None, "ls"),
        ("shop web.2 -- ls", "web", 2, "ls"),
        ("shop web.2 cat -n x", "web", 2, ["cat", "-n", "x"]),
        ("shop bash", None, None, "bash"),
        ("-a shop web.1", "web", 1, SHELL),
        ("-a shop bash -l", None, None, ["bash", "-l"]),
        ("bash -a shop", None, None, "bash"),
        ("-a shop --dyno web.1 -- ls", "web", 1, "ls"),
    ],
)
def test_the_instance_and_the_command_are_parsed(
    pvdify: Pvdify, line: str, process: str | None, number: int | None, command: object
) -> None:
    parsed = pvdify.parse("ps:exec", *line.split())

    found = parsed.options
    assert (parsed.run, found.app, found.process, found.number) == (ps_exec.run, "shop", process, number)
    assert found.what.command == command


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("shop web.1 x -- ls", 'error: "x" is one word too many'),
        ("shop web.x -- ls", 'error: "web.x" is not an instance'),
        ("-a shop --dyno 1 -- ls", 'error: "1" is not an instance'),
    ],
)
def test_invalid_arguments_are_refused(pvdify: Pvdify, line: str, message: str) -> None:
    ran = pvdify("ps:exec", *line.split())

    assert (ran.code, ran.stderr.splitlines()[0]) == (2, message)


def test_output_and_exit_code_are_the_commands_own(shop: Pvdify, api: FakeApi, tmp_path: Path) -> None:
    api.run_events = [("stdout", b"hello\n"), ("stderr", b"oh\n")]
    api.run_exit_code = 42

    ran = run_with(api, tmp_path, "ps:exec", "shop", "web.1", "--", "env")

    assert ran == Ran(stdout="hello\n", stderr="oh\n", code=42)
    started = next(asked for asked in api.asked if asked.path.endswith("/exec"))
    assert (started.body["command"], started.body["process"], started.body["number"]) == ("env", "web", 1)
    assert [asked.method for asked in api.asked].count("DELETE") == 1


@pytest.mark.parametrize(
    ("line", "app", "wanted", "local"),
    [
        ("shop 5432", "shop", OpenTunnel(port=5432), None),
        ("-a shop 5432 --local 15432", "shop", OpenTunnel(port=5432), 15432),
        ("shop 9229 -p worker.2", "shop", OpenTunnel(port=9229, process="worker", number=2), None),
    ],
)
def test_the_target_of_a_tunnel_is_parsed(
    pvdify: Pvdify, line: str, app: str, wanted: OpenTunnel, local: int | None
) -> None:
    found = pvdify.parse("tunnel", *line.split()).options

    assert (found.app, found.wanted, found.local) == (app, wanted, local)


def test_a_tunnel_needs_a_port(shop: Pvdify) -> None:
    assert (
        shop("tunnel", "shop").stderr
        == "error: PORT is missing: shop is taken for the app\n  next: pvdify tunnel shop PORT\n"
    )
    assert shop("tunnel", "shop", "http").stderr.startswith('error: "http" is no port')
    assert shop("tunnel", "none", "80").code == 4


def test_a_local_port_in_use_is_reported(shop: Pvdify) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = shop("tunnel", "shop", "80", "--local", str(port))

    assert (ran.code, f"port {port} of this machine cannot be used" in ran.stderr) == (2, True)


def test_bytes_go_both_ways_and_the_connection_is_ended_on_the_server(api: FakeApi) -> None:
    api.add_release("shop")
    api.run_events, api.run_reads_to_end = [("stdout", b"pong"), ("stdout", b"!")], True
    client = Client(Session(Target(endpoint=parse_url(api.url), token=TOKEN)))
    options = tunnel.Options(app="shop", wanted=OpenTunnel(port=5432), local=0, as_json=True)
    with tunnel.listen(options) as listener:
        accepting = threading.Thread(target=lambda: tunnel.serve(listener.accept()[0], options, client, print))
        accepting.start()
        with socket.create_connection(listener.getsockname(), 20) as typed:
            typed.sendall(b"ping")
            typed.shutdown(socket.SHUT_WR)
            answer = b""
            while data := typed.recv(100):
                answer += data
        accepting.join(20)

    assert (answer, api.run_input) == (b"pong!", b"ping")
    assert [asked.body for asked in api.asked if asked.path.endswith("/tunnel")] == [{"port": 5432}]
    assert [asked.method for asked in api.asked].count("DELETE") == 1


def test_the_local_address_is_printed_first(shop: Pvdify, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    # No Ctrl-C is sent here; everything before the first connection is real.
    monkeypatch.setattr(tunnel, "accept", interrupt)

    ran = shop("tunnel", "shop", "5432", "--local", "0", "--json")

    announced = json.loads(ran.stdout)
    assert (ran.code, announced["app"], announced["port"]) == (130, "shop", 5432)
    assert announced["listen"].startswith("127.0.0.1:")
