"""Commands for HAProxy, compared literally."""

from pathlib import Path

from pvdify.adapters.haproxy import commands
from pvdify.adapters.haproxy.commands import Replaced
from pvdify.adapters.haproxy.maps import LIVE, Change

DIRECTORY = Path("/data/router")
SWITCH = Change(map=LIVE, key="shop", value="shop/v43")


def test_a_first_start() -> None:
    assert commands.start("haproxy", DIRECTORY, "haproxy.cfg", Replaced()) == (
        ("haproxy", "-D", "-C", "/data/router", "-f", "haproxy.cfg")
    )


def test_a_start_that_takes_over_the_listening_sockets() -> None:
    replaced = Replaced(pids=(7,), socket=Path("/run/haproxy.sock"))

    assert commands.start("haproxy", DIRECTORY, "haproxy.cfg", replaced) == (
        ("haproxy", "-D", "-C", "/data/router", "-f", "haproxy.cfg", "-x", "/run/haproxy.sock", "-sf", "7")
    )


def test_a_start_after_processes_that_accept_no_commands() -> None:
    assert commands.start("haproxy", DIRECTORY, "haproxy.cfg", Replaced(pids=(7, 8)))[-3:] == ("-sf", "7", "8")


def test_a_switch_is_one_command() -> None:
    assert commands.read(SWITCH) == "get map live.map shop"
    assert commands.act(SWITCH, is_present=True) == "set map live.map shop shop/v43"
    assert commands.act(SWITCH, is_present=False) == "add map live.map shop shop/v43"


def test_an_entry_is_removed() -> None:
    assert commands.act(Change(map=LIVE, key="shop", value=None), is_present=True) == "del map live.map shop"


def test_counts() -> None:
    assert commands.show_counts("shop/v42:1") == "show table targets key shop/v42:1"
    assert commands.show_repeated("shop/v42:1") == "show table repeated key shop/v42:1"
    assert commands.clear_counts("shop/v42:1") == (
        "clear table targets key shop/v42:1",
        "clear table repeated key shop/v42:1",
    )


def test_many_commands_are_sent_in_lines_that_fit() -> None:
    assert commands.lines(["a", "b", "c"], longest=2) == (("a", "b"), ("c",))
    assert commands.lines([]) == ()


def test_the_access_log_is_appended_to_in_the_background() -> None:
    assert commands.append(Path("/srv/access.log")) == (
        "/bin/sh", "-c",
        'exec 3<&0; { batch="chrt --batch 0"; $batch true || batch=; '
        'while ! $batch cat >>"$0"; do [ -e "$0" ] || exit; sleep 1; done; } <&3 3<&- >/dev/null 2>&1 &',
        "/srv/access.log",
    )  # fmt: skip


def test_the_counts_of_all_targets_are_one_command() -> None:
    assert commands.show_all_counts() == "show table targets"
