"""The packet filter's rules that isolate apps' networks from each other, and from the server's loopback.

netavark makes the rules of each network, in a chain of its own, and one jump to that chain for all of them. Version
1.4 (Debian 12) deletes the jump when any isolated network loses its last container. Until another container starts,
each app would reach the containers of all others. So pvdify has a jump of its own, which netavark does not know.

For ports published on loopback, netavark lets packets to 127.0.0.0/8 in from its networks (``route_localnet``).
An ordinary program cannot send such packets out of its container, but one with NET_RAW can, to any program that
listens on the server's loopback. So pvdify drops them where they come in; answers to the server's own connections pass.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from pvdify.errors import RuntimeUnavailable
from pvdify.plumbing.command_runner import Argv, Completed

log = structlog.get_logger()
CHAIN = "NETAVARK_ISOLATION_1"
FILTER = ("iptables", "-w", "5")
TRIES = 3
_JUMP = ("FORWARD", "-m", "comment", "--comment", "pvdify", "-j", CHAIN)
_LOOPBACK = (
    "INPUT", "!", "-i", "lo", "-d", "127.0.0.0/8", "-m", "conntrack", "!", "--ctstate", "RELATED,ESTABLISHED,DNAT",
    "-m", "comment", "--comment", "pvdify", "-j", "DROP",
)  # fmt: skip
IS_THERE: Argv = (*FILTER, "-C", *_JUMP)
INSERT: Argv = (*FILTER, "-I", *_JUMP)  # as the first rule: netavark's own rules accept what no earlier one drops
DELETE: Argv = (*FILTER, "-D", *_JUMP)
IS_LOOPBACK_CLOSED: Argv = (*FILTER, "-C", *_LOOPBACK)
CLOSE_LOOPBACK: Argv = (*FILTER, "-I", *_LOOPBACK)
OPEN_LOOPBACK: Argv = (*FILTER, "-D", *_LOOPBACK)
LIST_RULES: Argv = (*FILTER, "-S", CHAIN)
MAKE_CHAIN: Argv = (*FILTER, "-N", CHAIN)
LIST_JUMPS: Argv = (*FILTER, "-S", "FORWARD")
CANNOT_ASK = 4  # exit code of iptables; it is 1 without such a rule, 2 without the chain, 3 without kernel support


class Isolation:
    """Keeps both rules. All servers of a machine share them. ``run``: runs a program to its end."""

    def __init__(self, run: Callable[[Argv], Awaitable[Completed]]) -> None:
        self._run = run
        self._is_kept, self._is_reported = False, False
        self._checking = asyncio.Lock()  # two checks at once would insert a rule twice

    async def ensure(self) -> None:
        """Insert the rules that are missing, unless a call has found both before."""
        if not self._is_kept:
            await self.check()

    async def check(self) -> None:
        """Insert the rules that are missing: the reload of a firewall deletes the rules of other programs.

        Makes the chain, too, before netavark does with the first container. Never raises; a packet filter that cannot
        be asked is logged once.
        """
        async with self._checking:
            try:
                is_closed = await self._has(IS_LOOPBACK_CLOSED, CLOSE_LOOPBACK)
                await self._has(LIST_RULES, MAKE_CHAIN)
                self._is_kept = await self._has(IS_THERE, INSERT) and is_closed
            except RuntimeUnavailable as error:
                self._report(error.why or error.what)

    async def _has(self, question: Argv, insertion: Argv) -> bool:
        """Return whether there is such a rule or chain; insert it if it is missing, and ask again.

        The packet filter may refuse while another program changes its rules, so a failed insertion is tried again.
        """
        why = None
        for _ in range(TRIES):
            if (await self._run(question)).exit_code == 0:
                if why is not None:
                    self._report("")
                return True
            why = (await self._run(insertion)).stderr.strip()
        self._report(why or f"`{' '.join(question)}` fails")
        return False

    def _report(self, why: str) -> None:
        if why and not self._is_reported:
            log.warning(
                "networks.not_isolated", why=why,
                next="install iptables; until then, apps can reach each other's containers after any of them stopped",
            )  # fmt: skip
        self._is_reported = bool(why)


def lets_apps_meet(rules: Completed, jumps: Completed) -> bool:
    """Return whether there are rules that isolate networks, but no jump leads to them.

    ``rules``, ``jumps``: the answers to LIST_RULES and LIST_JUMPS.
    """
    has_rules = rules.exit_code == 0 and any(line.startswith("-A ") for line in rules.stdout.splitlines())
    return has_rules and not any(line.endswith(f"-j {CHAIN}") for line in jumps.stdout.splitlines())
