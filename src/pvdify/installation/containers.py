"""Actions that remove what a server has made on its machine: units, containers, networks and images of apps."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pvdify.adapters.podman import commands, parse
from pvdify.adapters.podman.images.images import PodmanImages
from pvdify.adapters.podman.labels import DOCTOR, SERVER, network_of
from pvdify.adapters.podman.networks import isolation, metadata
from pvdify.adapters.systemd import unit
from pvdify.adapters.systemd.units import DIRECTORY
from pvdify.errors import InstallationFailed, RuntimeUnavailable
from pvdify.installation.actions import Action
from pvdify.installation.machine import Machine
from pvdify.plumbing.command_runner import Argv


@dataclass(frozen=True, kw_only=True)
class RemoveContainers(Action):
    """Stop and remove the instances of this server. ``unit_dir``: the directory of their units."""

    server: str
    podman: str = "podman"
    unit_dir: Path = DIRECTORY

    def describe(self) -> str:
        """See Action."""
        return "stop every app and remove its containers"

    def is_done(self, machine: Machine) -> bool:
        """See Action."""
        return not self._units() and not self._containers(machine)

    def apply(self, machine: Machine) -> None:
        """See Action."""
        for file in self._units():
            machine.must(("systemctl", "stop", file.name))
            file.unlink(missing_ok=True)
        for container in self._containers(machine):
            machine.must(commands.remove_container(self.podman, container))

    def _units(self) -> tuple[Path, ...]:
        marks = {file: unit.read_mark(_text(file)) for file in sorted(self.unit_dir.glob("pvdify-*.service"))}
        return tuple(file for file, mark in marks.items() if mark is not None and mark.server == self.server)

    def _containers(self, machine: Machine) -> tuple[str, ...]:
        return _listed(machine, list_container_ids(self.podman, self.server))


@dataclass(frozen=True, kw_only=True)
class RemoveNetworks(Action):
    """Remove the networks of this server's apps and services, and those of links between them."""

    server: str
    podman: str = "podman"

    def describe(self) -> str:
        """See Action."""
        return "remove the networks of apps and services"

    def is_done(self, machine: Machine) -> bool:
        """See Action."""
        return not self._found(machine)

    def apply(self, machine: Machine) -> None:
        """See Action. Has to follow RemoveContainers: podman does not remove a network that a container uses."""
        for name in sorted(self._found(machine)):
            machine.must(commands.remove_network(self.podman, network_of(self.server, name)))

    def _found(self, machine: Machine) -> frozenset[str]:
        """Return the apps and links with a network; each network is named after it."""
        try:
            listed = machine.must(commands.list_networks(self.podman, self.server))
            return parse.apps_with_network(listed, self.server) | parse.private_networks(listed, self.server)
        except RuntimeUnavailable:  # without podman, there are no networks of pvdify
            return frozenset()


@dataclass(frozen=True, kw_only=True)
class RemoveIsolation(Action):
    """Remove this server's rules of the packet filter; shared ones stay if another server here has networks."""

    server: str
    podman: str = "podman"

    def describe(self) -> str:
        """See Action."""
        return "remove the packet filter's rules that isolate the networks of apps"

    def is_done(self, machine: Machine) -> bool:
        """See Action."""
        try:
            return not self._own(machine) and not self._shared(machine)
        except RuntimeUnavailable:  # without iptables, there are no rules of pvdify
            return True

    def apply(self, machine: Machine) -> None:
        """See Action. Has to follow RemoveContainers.

        Raises InstallationFailed if the packet filter refuses: another program may be changing its rules.
        """
        for argv in (*self._own(machine), *self._shared(machine)):
            while machine.ask(argv).exit_code == 0 and "-D" in argv:  # two servers may have inserted a rule at once
                pass
        while left := (*self._own(machine), *self._shared(machine)):  # as the packet filter refused
            for argv in left:
                machine.must(argv)

    def _own(self, machine: Machine) -> tuple[Argv, ...]:
        has_chain = _is_found(machine, metadata.list_rules(self.server))
        return metadata.removal(self.server) if has_chain else ()

    def _shared(self, machine: Machine) -> tuple[Argv, ...]:
        if self._is_shared(machine):
            return ()
        rules = ((isolation.IS_THERE, isolation.DELETE), (isolation.IS_LOOPBACK_CLOSED, isolation.OPEN_LOOPBACK))
        return tuple(removal for question, removal in rules if _is_found(machine, question))

    def _is_shared(self, machine: Machine) -> bool:
        none_of_others = (network_of(self.server, ""), network_of(DOCTOR, ""))
        return any(not name.startswith(none_of_others) for name in _listed(machine, list_network_names(self.podman)))


@dataclass(frozen=True, kw_only=True)
class RemoveImages(Action):
    """Remove the images that this server has pinned for its releases."""

    server: str
    podman: str = "podman"

    def describe(self) -> str:
        """See Action."""
        return "remove the images of every release"

    def is_done(self, machine: Machine) -> bool:
        """See Action."""
        return not self._pins(machine)

    def apply(self, machine: Machine) -> None:
        """See Action. Keeps images that have another name or that a container uses."""
        asyncio.run(self._release(machine, self._pins(machine)))

    async def _release(self, machine: Machine, pins: Iterable[tuple[str, int]]) -> None:
        images = PodmanImages(runner=machine.runner, server_id=self.server, binary=self.podman)
        for app, release in pins:
            await images.release(app, release)

    def _pins(self, machine: Machine) -> tuple[tuple[str, int], ...]:
        return parse_pins(_listed(machine, list_pins(self.podman, self.server)), self.server)


def parse_pins(names: Iterable[str], server: str) -> tuple[tuple[str, int], ...]:
    """Return the app and release of each name of an image that is a pin of this server."""
    stem = f"localhost/pvdify/{server}/"
    parted = (name.removeprefix(stem).partition(":v") for name in names if name.startswith(stem))
    return tuple((app, int(release)) for app, _, release in parted if release.isdigit())


def list_container_ids(podman: str, server: str) -> Argv:
    """Return the command that prints the ids of this server's containers, one per line."""
    return (podman, "ps", "--all", "--quiet", f"--filter=label={SERVER}={server}")


def list_network_names(podman: str) -> Argv:
    """Return the command that prints the names of the networks of all servers on this machine, one per line."""
    return (podman, "network", "ls", "--format", "{{.Name}}", f"--filter=label={SERVER}")


def list_pins(podman: str, server: str) -> Argv:
    """Return the command that prints the names of the images that this server has pinned, one per line."""
    wanted = f"--filter=reference=localhost/pvdify/{server}/*"
    return (podman, "images", "--format", "{{.Repository}}:{{.Tag}}", wanted)


def _is_found(machine: Machine, question: Argv) -> bool:
    """Return whether the packet filter has such a rule or chain. Raises InstallationFailed if it does not say."""
    done = machine.ask(question)
    if done.exit_code == isolation.CANNOT_ASK:
        raise InstallationFailed(
            f"`{' '.join(question)}` did not succeed",
            why=done.stderr.strip()[-400:] or f"it ended with {done.exit_code}",
            next="run the same command again; it continues from here",
        )
    return done.exit_code == 0


def _listed(machine: Machine, argv: Argv) -> tuple[str, ...]:
    """Return the words of a podman command's output; none if podman is missing, since then nothing is pvdify's."""
    try:
        return tuple(machine.must(argv).split())
    except RuntimeUnavailable:
        return ()


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
