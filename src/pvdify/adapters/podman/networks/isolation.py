"""The packet filter's rules that isolate apps' networks from each other, and from the server's loopback.

netavark makes the rules of each network, in a chain of its own, and one jump to that chain for all of them. Version
1.4 (Debian 12) deletes the jump when any isolated network loses its last container. Until another container starts,
each app would reach the containers of all others. So pvdify has a jump of its own, which netavark does not know.
It has to come before netavark's jump to NETAVARK_FORWARD, which accepts what apps send. On a machine without such a
jump, netavark inserts it as the second rule behind its own, thus before pvdify's.

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
_ACCEPTING = "NETAVARK_FORWARD"
FILTER = ("iptables", "-w", "5")
TRIES = 3
_JUMP = ("FORWARD", "-m", "comment", "--comment", "pvdify", "-j", CHAIN)
_OUR_JUMP = " ".join(_JUMP[-4:])
_LOOPBACK = (
    "INPUT", "!", "-i", "lo", "-d", "127.0.0.0/8", "-m", "conntrack", "!", "--ctstate", "RELATED,ESTABLISHED,DNAT",
    "-m", "comment", "--comment", "pvdify", "-j", "DROP",
)  # fmt: skip
IS_THERE: Argv = (*FILTER, "-C", *_JUMP)
DELETE: Argv = (*FILTER, "-D", *_JUMP)
INSERT: Argv = (*FILTER, "-I", *_JUMP)  # as the first rule
PUT_FIRST = (DELETE, INSERT)
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
        """Insert the rules that are missing, unless a call has found both before, and netavark's behind them."""
        if not self._is_kept:
            await self.check()

    async def check(self) -> None:
        """Insert the rules that are missing: the reload of a firewall deletes the rules of other programs.

        Makes the chain, too, before netavark does with the first container. Never raises; a packet filter that cannot
        be asked is logged once.
        """
        async with self._checking:
            try:
                is_closed = await self._ensure(IS_LOOPBACK_CLOSED, (CLOSE_LOOPBACK,))
                await self._ensure(LIST_RULES, (MAKE_CHAIN,))
                jumps = await self._ensure(LIST_JUMPS, PUT_FIRST, lambda found: is_ahead(found.stdout, _OUR_JUMP))
                self._is_kept = bool(is_closed and jumps and accepts(jumps.stdout))
            except RuntimeUnavailable as error:
                self._report(error.why or error.what)

    async def _ensure(
        self, question: Argv, changes: tuple[Argv, ...], is_met: Callable[[Completed], bool] = lambda _found: True
    ) -> Completed | None:
        """Return the answer if it is as wanted; otherwise run ``changes``, and ask again. None if they do not help.

        The packet filter may refuse while another program changes its rules, so failed changes are tried again.
        """
        why = None
        for _ in range(TRIES):
            found = await self._run(question)
            if found.exit_code == 0 and is_met(found):
                if why is not None:
                    self._report("")
                return found
            for change in changes:
                why = (await self._run(change)).stderr.strip()
        self._report(why or f"`{' '.join(question)}` fails")
        return None

    def _report(self, why: str) -> None:
        if why and not self._is_reported:
            log.warning(
                "networks.not_isolated", why=why,
                next="install iptables; until then, apps can reach each other's containers after any of them stopped",
            )  # fmt: skip
        self._is_reported = bool(why)


def is_ahead(jumps: str, rule: str) -> bool:
    """Return whether a rule that ends with ``rule`` comes before netavark's that accepts packets.

    ``jumps``: what LIST_JUMPS prints.
    """
    for line in jumps.replace('"', "").splitlines():
        if line.endswith(rule):
            return True
        if line.endswith(f"-j {_ACCEPTING}"):
            return False
    return False


def accepts(jumps: str) -> bool:
    """Return whether netavark's jump is there, so that it will not be inserted before others."""
    return any(line.endswith(f"-j {_ACCEPTING}") for line in jumps.splitlines())


def lets_apps_meet(rules: Completed, jumps: Completed) -> bool:
    """Return whether there are rules that isolate networks, but no jump leads to them before packets are accepted.

    ``rules``, ``jumps``: the answers to LIST_RULES and LIST_JUMPS.
    """
    has_rules = rules.exit_code == 0 and any(line.startswith("-A ") for line in rules.stdout.splitlines())
    return has_rules and not is_ahead(jumps.stdout, f"-j {CHAIN}")
