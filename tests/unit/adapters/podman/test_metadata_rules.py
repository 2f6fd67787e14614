"""The rules against metadata services, on a packet filter in memory and a podman with scripted networks."""

import json
from collections.abc import Iterable

import pytest
from structlog.testing import capture_logs

from pvdify.adapters.podman.networks import metadata
from pvdify.adapters.podman.networks.isolation import FILTER
from pvdify.adapters.podman.networks.metadata import MetadataRules
from pvdify.plumbing.command_runner import Argv, Completed

SERVER = "abc"
CHAIN = metadata.chain_of(SERVER)


class Host:
    """``interfaces``: those of this server's networks. ``rules``: the packet filter's, by chain."""

    def __init__(self, *interfaces: str) -> None:
        self.interfaces = list(interfaces)
        self.rules: dict[str, list[Argv]] = {"FORWARD": [], "INPUT": []}
        self.ran: list[Argv] = []
        self.refusal = ""

    @property
    def blocked(self) -> list[str]:
        """The interfaces whose packets are refused."""
        return sorted(rule[1] for rule in self.rules.get(CHAIN, ()))

    async def run(self, argv: Argv) -> Completed:
        self.ran.append(argv)
        if argv[0] == "podman":
            return _done(argv, printed=json.dumps([_network(name) for name in self.interfaces]))
        assert argv[: len(FILTER)] == FILTER
        action, chain, *rule = argv[len(FILTER) :]
        if self.refusal:
            return Completed(argv=argv, exit_code=4, stdout="", stderr=self.refusal)
        return self._act(argv, action, chain, tuple(rule))

    def _act(self, argv: Argv, action: str, chain: str, rule: Argv) -> Completed:
        rules = self.rules.get(chain)
        if action == "-N":
            self.rules[chain] = []
        elif rules is None or (action in ("-C", "-D") and rule not in rules):
            return _done(argv, exit_code=1)
        elif action == "-S":
            return _done(argv, printed="".join(f"-A {chain} {' '.join(each)}\n" for each in rules))
        elif action == "-A":
            rules.append(rule)
        elif action == "-I":
            rules.insert(0, rule)
        elif action == "-D":
            rules.remove(rule)
        return _done(argv)


def _done(argv: Argv, *, exit_code: int = 0, printed: str = "") -> Completed:
    return Completed(argv=argv, exit_code=exit_code, stdout=printed, stderr="")


def _network(interface: str) -> dict[str, object]:
    return {"network_interface": interface, "labels": {"io.pvdify.server": SERVER}}


NETAVARKS = ("-j", "NETAVARK_FORWARD")  # accepts what apps send


def parents(host: Host) -> Iterable[int]:
    """How many jumps lead to the chain from each chain that packets pass."""
    return [sum(CHAIN in rule for rule in host.rules[name]) for name in metadata.PARENTS]


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    moment = [0.0]
    monkeypatch.setattr(metadata.time, "monotonic", lambda: moment[0])
    return moment


async def test_the_rules_follow_the_networks() -> None:
    host = Host("podman1", "podman12")
    rules = MetadataRules(host.run, "podman", SERVER)
    await rules.check()
    assert host.blocked == ["podman1", "podman12"]

    host.interfaces = ["podman2", "podman12"]
    rules.note_change()
    await rules.check()

    assert host.blocked == ["podman12", "podman2"]
    assert parents(host) == [1, 1]


async def test_nothing_runs_while_there_is_no_new_network_and_the_last_check_is_recent(now: list[float]) -> None:
    host = Host("podman1")
    host.rules["FORWARD"].append(NETAVARKS)
    rules = MetadataRules(host.run, "podman", SERVER)
    await rules.check()
    host.ran.clear()

    now[0] += metadata.CHECK_EVERY - 1
    await rules.check()

    assert host.ran == []


async def test_rules_that_a_firewall_removed_are_made_again(now: list[float]) -> None:
    host = Host("podman1")
    rules = MetadataRules(host.run, "podman", SERVER)
    await rules.check()
    host.rules = {"FORWARD": [], "INPUT": []}

    now[0] += metadata.CHECK_EVERY
    await rules.check()

    assert (host.blocked, parents(host)) == (["podman1"], [1, 1])


async def test_packets_reach_the_rules_before_netavark_accepts_them(now: list[float]) -> None:
    """netavark inserts its jump behind its own first rule, when the first container of a machine starts."""
    host = Host("podman1")
    rules = MetadataRules(host.run, "podman", SERVER)
    await rules.check()
    host.rules["FORWARD"].insert(0, NETAVARKS)

    await rules.check()
    host.ran.clear()
    await rules.check()

    assert [CHAIN in rule for rule in host.rules["FORWARD"]] == [True, False]
    assert parents(host) == [1, 1]
    assert host.ran == []


async def test_a_rule_behind_netavarks_of_an_earlier_version_is_put_first() -> None:
    host = Host("podman1")
    await MetadataRules(host.run, "podman", SERVER).check()
    host.rules["FORWARD"].insert(0, NETAVARKS)

    await MetadataRules(host.run, "podman", SERVER).check()

    assert [CHAIN in rule for rule in host.rules["FORWARD"]] == [True, False]


async def test_a_server_without_networks_makes_no_rule() -> None:
    host = Host()

    await MetadataRules(host.run, "podman", SERVER).check()

    assert host.rules == {"FORWARD": [], "INPUT": []}


async def test_a_packet_filter_that_refuses_is_asked_again_at_the_next_start() -> None:
    host = Host("podman1")
    host.refusal = "Operation not permitted"
    rules = MetadataRules(host.run, "podman", SERVER)
    with capture_logs() as logged:
        for _ in range(3):
            await rules.check()
    host.refusal = ""

    await rules.check()

    assert [line["why"] for line in logged] == ["Operation not permitted"]
    assert host.blocked == ["podman1"]


def test_the_name_of_the_chain_is_short_and_of_one_server() -> None:
    names = {metadata.chain_of(server) for server in ("default", "a" * 60, SERVER)}

    assert len(names) == 3
    assert all(len(name) <= 28 for name in names)
