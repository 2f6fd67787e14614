"""The removal of the packet filter's rules at uninstall, on a packet filter with scripted answers."""

import pytest

from pvdify.adapters.podman.networks import isolation
from pvdify.errors import InstallationFailed
from pvdify.installation.containers import RemoveIsolation
from pvdify.installation.machine import Machine
from pvdify.plumbing.command_runner import Argv, Completed

ACTION = RemoveIsolation(server="main")


class Filter:
    """Has the shared rules, none of this server. ``refusals``: so many deletions fail. ``networks``: podman's."""

    def __init__(self, *, refusals: int = 0, networks: str = "", is_busy: bool = False) -> None:
        self.refusals, self.networks, self.is_busy = refusals, networks, is_busy
        self.rules = {isolation.DELETE: 2, isolation.OPEN_LOOPBACK: 1}

    async def run(self, argv: Argv, **_options: object) -> Completed:
        if argv[0] == "podman":
            return Completed(argv=argv, exit_code=0, stdout=self.networks, stderr="")
        if self.is_busy or ("-D" in argv and self.refusals):
            self.refusals -= 1
            return Completed(argv=argv, exit_code=4, stdout="", stderr="Resource temporarily unavailable")
        removal = {isolation.IS_THERE: isolation.DELETE, isolation.IS_LOOPBACK_CLOSED: isolation.OPEN_LOOPBACK}
        rule = removal.get(argv, argv)
        has_rule = self.rules.get(rule, 0) > 0
        if has_rule and rule == argv:
            self.rules[rule] -= 1
        return Completed(argv=argv, exit_code=0 if has_rule else 1, stdout="", stderr="")


def test_each_copy_of_a_rule_is_removed_even_if_the_packet_filter_refuses_once() -> None:
    packets = Filter(refusals=1)
    machine = Machine(runner=packets)
    was_done = ACTION.is_done(machine)

    ACTION.apply(machine)

    assert (was_done, ACTION.is_done(machine), set(packets.rules.values())) == (False, True, {0})


def test_a_packet_filter_that_keeps_refusing_is_a_failure_with_its_words() -> None:
    with pytest.raises(InstallationFailed) as caught:
        ACTION.apply(Machine(runner=Filter(refusals=9)))

    assert caught.value.why == "Resource temporarily unavailable"


def test_a_packet_filter_that_does_not_answer_is_not_one_without_rules() -> None:
    with pytest.raises(InstallationFailed) as caught:
        ACTION.is_done(Machine(runner=Filter(is_busy=True)))

    assert caught.value.why == "Resource temporarily unavailable"
    assert caught.value.next == "run the same command again; it continues from here"


def test_a_kernel_without_iptables_has_no_rules_and_does_not_stop_the_uninstallation() -> None:
    class Unsupported(Filter):
        async def run(self, argv: Argv, **_options: object) -> Completed:
            return Completed(argv=argv, exit_code=0 if argv[0] == "podman" else 3, stdout="", stderr="no such table")

    assert ACTION.is_done(Machine(runner=Unsupported()))


@pytest.mark.parametrize(("networks", "is_kept"), [
    ("pvdify-doctor-trial\npvdify-main-shop\n", False),
    ("pvdify-other-shop\n", True),
])  # fmt: skip
def test_only_the_network_of_another_server_keeps_the_shared_rules(networks: str, is_kept: bool) -> None:
    assert ACTION.is_done(Machine(runner=Filter(networks=networks))) == is_kept
