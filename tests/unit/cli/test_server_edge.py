"""``pvdify server edge``."""

import json

from tests.fakes.api import FakeApi
from tests.unit.cli.conftest import Pvdify, Ran


def test_without_an_edge_the_connect_command_is_printed(pvdify: Pvdify, api: FakeApi) -> None:
    assert pvdify("server", "edge") == Ran(
        stdout="none: visitors come by whatever you put in front of the router\n",
        stderr="to route them by Cloudflare: pvdify server edge cloudflare --help\n",
    )


def test_cloudflare_is_connected_with_a_token_from_stdin(pvdify: Pvdify, api: FakeApi) -> None:
    assert pvdify("server", "edge", "cloudflare", "--tunnel", "office", stdin="cf-token\n") == Ran(
        stdout="edge         cloudflare\n"
        "tunnel       office (healthy)\n"
        "cloudflared  pvdify-cloudflared.service runs it\n"
        "hostnames    1 of 1 point here\n",
        stderr="how it is from now on: pvdify server edge; undo: pvdify server edge none\n",
    )
    assert api.asked[-1].body == {"token": "cf-token", "tunnel": "office"}
    (pvdify.folder / "token").write_text("wrong\n")
    assert pvdify("server", "edge", "cloudflare", "--token-file", str(pvdify.folder / "token")).code == 1
    assert pvdify("server", "edge", "cloudflare", "--token-file", str(pvdify.folder / "none")).code == 2
    assert pvdify("server", "edge", "none", "--tunnel", "office").code == 2


def test_hostnames_that_are_not_routed_here_are_reported_with_the_repair(pvdify: Pvdify, api: FakeApi) -> None:
    api.edge |= {
        "kind": "cloudflare", "tunnel": "pvdify-own", "health": "down", "hostnames": ["a.pvdify.win", "b.pvdify.win"],
        "problems": [{"hostname": "b.pvdify.win", "what": "a record that pvdify did not make", "next": "remove it"}],
        "failure": {"code": "runtime-unavailable", "what": "cloudflared is missing", "why": "", "next": "install it"},
    }  # fmt: skip

    assert pvdify("server", "edge") == Ran(
        stdout="edge    cloudflare\n"
        "tunnel  pvdify-own (down)\n"
        "  b.pvdify.win: a record that pvdify did not make\n"
        "    next: remove it\n",
        stderr="not done yet: cloudflared is missing\n  next: install it\n",
        code=1,
    )
    assert json.loads(pvdify("server", "edge", "--json").stdout)["health"] == "down"


def test_cloudflare_is_disconnected(pvdify: Pvdify, api: FakeApi) -> None:
    assert pvdify("server", "edge", "none").stdout == (
        "Cloudflare sends no visitors to this server any more; pvdify's records there are deleted\n"
    )
    assert api.asked[-1].method == "DELETE"
