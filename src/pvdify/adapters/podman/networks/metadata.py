"""The packet filter's rules that refuse packets from the networks of apps to the metadata services of clouds.

Each container has such a rule in its own network namespace (``instances.launch``), which stays when a firewall deletes
all rules of the server. But a program with NET_RAW writes packets past that rule, directly to the network's interface.
The rules here are on the server, for each of its networks, before those of netavark that accept what apps send.
"""

import asyncio
import hashlib
import re
import time
from collections.abc import Awaitable, Callable

import structlog

from pvdify.adapters.podman import commands, parse
from pvdify.adapters.podman.instances.launch import METADATA, NAME_SERVER_PORT
from pvdify.adapters.podman.networks.isolation import FILTER, LIST_JUMPS, accepts, is_ahead
from pvdify.adapters.podman.reading import read
from pvdify.errors import RuntimeUnavailable
from pvdify.plumbing.command_runner import Argv, Completed

log = structlog.get_logger()
PARENTS = ("FORWARD", "INPUT")  # a metadata service may be a program on the server
CHECK_EVERY = 240.0  # seconds between two checks while no network is made or removed
_INTERFACE = re.compile(r"^-A \S+ -i (\S+) ", re.MULTILINE)


def chain_of(server: str) -> str:
    """Return the name of this server's chain; the kernel allows 28 characters."""
    return f"PVDIFY_{hashlib.sha256(server.encode()).hexdigest()[:8].upper()}"


def jump(server: str, parent: str) -> Argv:
    """Return the rule of ``parent`` that sends packets to metadata services through this server's chain."""
    where = ("-p", "tcp", "-d", METADATA, "!", "--dport", NAME_SERVER_PORT)
    return (parent, *where, "-j", chain_of(server))


def list_rules(server: str) -> Argv:
    """Print the rules of this server's chain; fail if there is none."""
    return (*FILTER, "-S", chain_of(server))


def removal(server: str) -> tuple[Argv, ...]:
    """Return the commands that remove everything of this server."""
    jumps = tuple((*FILTER, "-D", *jump(server, parent)) for parent in PARENTS)
    return (*jumps, (*FILTER, "-F", chain_of(server)), (*FILTER, "-X", chain_of(server)))


class MetadataRules:
    """Keeps the rules of one server. ``run``: runs a program to its end; ``podman``: the podman command."""

    def __init__(self, run: Callable[[Argv], Awaitable[Completed]], podman: str, server: str) -> None:
        self._run, self._podman, self._server = run, podman, server
        self._is_current, self._due = False, 0.0
        self._is_kept_ahead = False
        self._is_reported = False
        self._checking = asyncio.Lock()

    def note_change(self) -> None:
        """Check before the next container starts, because there is a new network or one fewer."""
        self._is_current = False

    async def check(self) -> None:
        """Insert what is missing and delete the rules of removed networks.

        Does nothing if no network was made or removed and the last check was less than CHECK_EVERY seconds ago. Never
        raises; a failure is logged once, and the next call tries again.
        """
        async with self._checking:
            try:
                if not self._is_current or time.monotonic() >= self._due:
                    self._is_current, self._due = True, time.monotonic() + CHECK_EVERY
                    self._is_kept_ahead = await self._synchronize()
                elif not self._is_kept_ahead:
                    self._is_kept_ahead = await self._keep_ahead()
                self._is_reported = False
            except RuntimeUnavailable as error:
                self._is_current = False
                if not self._is_reported:
                    log.warning("networks.reach_metadata", why=error.why or error.what, next="install iptables")
                self._is_reported = True

    async def _synchronize(self) -> bool:
        """Return what ``_keep_ahead`` does."""
        listed = await self._must(commands.list_networks(self._podman, self._server))
        wanted = await read(listed.stdout, lambda text: parse.network_interfaces(text, self._server))
        rules = await self._run(list_rules(self._server))
        if not wanted and rules.exit_code != 0:
            return True
        if rules.exit_code != 0:
            await self._must((*FILTER, "-N", chain_of(self._server)))
        present = frozenset(_INTERFACE.findall(rules.stdout))
        for action, interfaces in (("-A", wanted - present), ("-D", present - wanted)):
            for interface in sorted(interfaces):
                refusal = ("-i", interface, "-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset")
                await self._must((*FILTER, action, chain_of(self._server), *refusal))
        for parent in PARENTS:
            rule = jump(self._server, parent)
            if (await self._run((*FILTER, "-C", *rule))).exit_code != 0:
                await self._must((*FILTER, "-I", *rule))
        return await self._keep_ahead()

    async def _keep_ahead(self) -> bool:
        """Insert the jump as the first rule unless it comes before netavark's.

        Return whether it stays there: if netavark's is missing, the first container may insert it before ours.
        """
        jumps = (await self._must(LIST_JUMPS)).stdout
        if not is_ahead(jumps, f"-j {chain_of(self._server)}"):
            rule = jump(self._server, "FORWARD")
            await self._run((*FILTER, "-D", *rule))
            await self._must((*FILTER, "-I", *rule))
        return accepts(jumps)

    async def _must(self, argv: Argv) -> Completed:
        done = await self._run(argv)
        if done.exit_code != 0:
            raise RuntimeUnavailable(f"`{' '.join(argv)}` failed", why=done.stderr.strip()[-400:])
        return done
