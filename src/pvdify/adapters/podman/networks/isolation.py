"""The packet filter's jump to the rules that isolate apps' networks from each other.

netavark makes the rules of each network, in a chain of its own, and one jump to that chain for all of them. Version
1.4 (Debian 12) deletes the jump when any isolated network loses its last container. Until another container starts,
each app would reach the containers of all others. So pvdify has a jump of its own, which netavark does not know.
"""

from collections.abc import Awaitable, Callable

import structlog

from pvdify.errors import RuntimeUnavailable
from pvdify.plumbing.command_runner import Argv, Completed

log = structlog.get_logger()
CHAIN = "NETAVARK_ISOLATION_1"
_FILTER = ("iptables", "-w", "5")
_JUMP = ("FORWARD", "-m", "comment", "--comment", "pvdify", "-j", CHAIN)
IS_THERE: Argv = (*_FILTER, "-C", *_JUMP)
INSERT: Argv = (*_FILTER, "-I", *_JUMP)  # as the first rule: netavark's own rules accept what no earlier one drops
DELETE: Argv = (*_FILTER, "-D", *_JUMP)
LIST_RULES: Argv = (*_FILTER, "-S", CHAIN)
LIST_JUMPS: Argv = (*_FILTER, "-S", "FORWARD")


class Isolation:
    """Keeps pvdify's jump. All servers of a machine share it. ``run``: runs a program to its end."""

    def __init__(self, run: Callable[[Argv], Awaitable[Completed]]) -> None:
        self._run = run
        self._is_kept, self._is_reported = False, False

    async def ensure(self) -> None:
        """Insert the jump if it is missing, unless a call has found it before."""
        if not self._is_kept:
            await self.check()

    async def check(self) -> None:
        """Insert the jump if it is missing: the reload of a firewall deletes the rules of other programs.

        Does nothing if there is no such chain: no isolated network has had a container, or this podman has another
        way. Never raises; a packet filter that cannot be asked is logged once.
        """
        try:
            self._is_kept = (await self._run(IS_THERE)).exit_code == 0
            if not self._is_kept and (await self._run(LIST_RULES)).exit_code == 0:
                inserted = await self._run(INSERT)
                self._is_kept = inserted.exit_code == 0
                self._report("" if self._is_kept else inserted.stderr.strip())
        except RuntimeUnavailable as error:
            self._report(error.why or error.what)

    def _report(self, why: str) -> None:
        if why and not self._is_reported:
            log.warning(
                "networks.not_isolated", why=why,
                next="install iptables; until then, an app reaches the containers of others after any of them stopped",
            )  # fmt: skip
        self._is_reported = bool(why)


def lets_apps_meet(rules: Completed, jumps: Completed) -> bool:
    """Return whether there are rules that isolate networks, but no jump leads to them.

    ``rules``, ``jumps``: the answers to LIST_RULES and LIST_JUMPS.
    """
    has_rules = rules.exit_code == 0 and any(line.startswith("-A ") for line in rules.stdout.splitlines())
    return has_rules and not any(line.endswith(f"-j {CHAIN}") for line in jumps.stdout.splitlines())
