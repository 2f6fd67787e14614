"""pvdify's rules that isolate networks, on a packet filter with scripted answers."""

import asyncio
import math

import pytest
from structlog.testing import capture_logs

from pvdify.adapters.podman.networks import isolation
from pvdify.adapters.podman.networks.isolation import Isolation
from pvdify.errors import RuntimeUnavailable
from pvdify.plumbing.command_runner import Argv, Completed

NETAVARKS = '-A FORWARD -m comment --comment "netavark firewall plugin rules" -j NETAVARK_FORWARD'
OURS = "-A FORWARD -m comment --comment pvdify -j NETAVARK_ISOLATION_1"


class Filter:
    """A packet filter.

    ``has_chain``: netavark has made its chain. ``refusal``: why nothing can be inserted, the first ``refusals`` times.
    """

    def __init__(self, *, has_chain: bool = True, refusal: str = "", refusals: float = math.inf) -> None:
        self.has_chain, self.refusal, self.refusals = has_chain, refusal, refusals
        self.forward, self.is_loopback_closed = [NETAVARKS], False
        self.ran: list[Argv] = []

    @property
    def has_jump(self) -> bool:
        return self.forward[:1] == [OURS]

    async def run(self, argv: Argv) -> Completed:
        self.ran.append(argv)
        await asyncio.sleep(0)
        if "-I" in argv:
            self.refusals -= 1
            self.refusal = self.refusal if self.refusals >= 0 else ""
        if not self.refusal:
            self._change(argv)
        works = {
            isolation.LIST_JUMPS: True, isolation.LIST_RULES: self.has_chain,
            isolation.IS_LOOPBACK_CLOSED: self.is_loopback_closed,
        }.get(argv, not self.refusal)  # fmt: skip
        listed = "\n".join(self.forward) if argv == isolation.LIST_JUMPS else ""
        return Completed(argv=argv, exit_code=0 if works else 1, stdout=listed, stderr=self.refusal)

    def _change(self, argv: Argv) -> None:
        if argv == isolation.INSERT:
            self.forward.insert(0, OURS)
        elif argv == isolation.DELETE and OURS in self.forward:
            self.forward.remove(OURS)
        self.is_loopback_closed |= argv == isolation.CLOSE_LOOPBACK
        self.has_chain |= argv == isolation.MAKE_CHAIN


async def test_the_jump_is_inserted_once_and_before_netavark_makes_the_chain() -> None:
    packets = Filter(has_chain=False)
    ours = Isolation(packets.run)

    await asyncio.gather(*(ours.check() for _ in range(3)))
    await ours.ensure()

    assert packets.has_jump
    assert (packets.ran.count(isolation.INSERT), packets.ran.count(isolation.CLOSE_LOOPBACK)) == (1, 1)


async def test_rules_that_a_firewall_removed_are_inserted_again_at_the_next_check() -> None:
    packets = Filter()
    ours = Isolation(packets.run)
    await ours.ensure()
    packets.forward.remove(OURS)
    packets.is_loopback_closed = False

    await ours.check()

    assert packets.has_jump
    assert packets.is_loopback_closed


async def test_the_jump_is_put_before_netavarks_which_the_first_container_inserts() -> None:
    packets = Filter()
    ours = Isolation(packets.run)
    packets.forward.clear()
    await ours.ensure()
    packets.forward[:] = ["-A FORWARD -j NETAVARK_ISOLATION_1", NETAVARKS, OURS]

    await ours.ensure()
    packets.ran.clear()
    await ours.ensure()

    assert packets.forward == [OURS, "-A FORWARD -j NETAVARK_ISOLATION_1", NETAVARKS]
    assert packets.ran == []


async def test_a_packet_filter_that_refuses_is_reported_once() -> None:
    ours = Isolation(Filter(refusal="Operation not permitted").run)

    with capture_logs() as logged:
        for _ in range(3):
            await ours.check()

    assert [(line["event"], line["why"]) for line in logged] == [("networks.not_isolated", "Operation not permitted")]


async def test_a_rule_is_inserted_although_the_packet_filter_refuses_once() -> None:
    packets = Filter(refusal="Resource temporarily unavailable", refusals=1)

    with capture_logs() as logged:
        await Isolation(packets.run).ensure()

    assert packets.has_jump
    assert packets.is_loopback_closed
    assert logged == []


async def test_a_missing_iptables_stops_no_container() -> None:
    async def run(_argv: Argv) -> Completed:
        raise RuntimeUnavailable("iptables cannot be run", why="no such file")

    with capture_logs() as logged:
        await Isolation(run).ensure()

    assert logged[0]["why"] == "no such file"


RULES = "-N NETAVARK_ISOLATION_1\n-A NETAVARK_ISOLATION_1 -i podman1 ! -o podman1 -j NETAVARK_ISOLATION_2\n"
ACCEPTS = f"-P FORWARD ACCEPT\n{NETAVARKS}\n"


@pytest.mark.parametrize(
    ("rules", "jumps", "answer"),
    [
        (RULES, ACCEPTS, True),
        (RULES, f"-A FORWARD -j NETAVARK_ISOLATION_1\n{ACCEPTS}", False),
        (RULES, f"{OURS}\n{ACCEPTS}", False),
        (RULES, f"{ACCEPTS}{OURS}\n", True),
        (RULES, f'-A FORWARD -m comment --comment "pvdify" -j NETAVARK_ISOLATION_1\n{ACCEPTS}', False),
        ("-N NETAVARK_ISOLATION_1\n", ACCEPTS, False),
        (None, ACCEPTS, False),
    ],
    ids=[
        "no jump",
        "netavark's",
        "pvdify's",
        "pvdify's too late",
        "pvdify's of an old iptables",
        "no container",
        "no chain",
    ],
)
def test_apps_meet_if_no_jump_leads_to_the_rules_before_packets_are_accepted(
    rules: str | None, jumps: str, answer: bool
) -> None:
    of_chain = Completed(argv=(), exit_code=1 if rules is None else 0, stdout=rules or "", stderr="")
    of_forward = Completed(argv=(), exit_code=0, stdout=jumps, stderr="")

    assert isolation.lets_apps_meet(of_chain, of_forward) is answer
