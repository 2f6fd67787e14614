"""Questions and orders to podman that more than one part needs."""

from pathlib import Path

from pvdify.adapters.podman import commands, init, parse, refusals
from pvdify.adapters.podman.launcher import find_conmon, write_launcher
from pvdify.adapters.podman.networks import Networks
from pvdify.model.instance import InstanceSpec
from pvdify.ports.command_runner import Argv, CommandRunner, Completed

START_SECONDS = 120.0


class Calls:
    """One server's use of podman.

    Args:
        runner: starts podman.
        server_id: tells this server's containers from others'.
        launcher_dir: where the stand-in for conmon is written; not on a file system mounted noexec.
        binary: the podman command.
    """

    def __init__(self, *, runner: CommandRunner, server_id: str, launcher_dir: Path, binary: str) -> None:
        self.server = server_id
        self.podman = binary
        self.networks = Networks(run=self.run, server_id=server_id, binary=binary)
        self._runner = runner
        self._launcher_dir = launcher_dir
        self._launcher: Path | None = None
        self._has_init = True
        self._is_own_init: dict[str, bool] = {}

    async def run(self, argv: Argv, directory: Path | None = None, timeout: float = START_SECONDS) -> Completed:
        """Run podman to its end. Raises RuntimeUnavailable when that cannot be."""
        return await self._runner.run(argv, directory=directory, timeout=timeout)

    async def list(self, *, app: str | None = None, name: str | None = None) -> tuple[parse.Listed, ...]:
        """This server's containers, of one app or one name if given."""
        done = await self.run(commands.list_containers(self.podman, self.server, app=app, name=name))
        if done.exit_code != 0:
            raise refusals.unavailable(done)
        return tuple(
            each
            for each in parse.listed(done.stdout)
            if each.identity.server == self.server
            and app in (None, each.identity.app)
            and name in (None, each.identity.name)
        )

    async def look_up(self, name: str) -> str | None:
        """The container's id by its labels."""
        found = await self.list(name=name)
        return found[0].id if found else None

    async def inspect(self, container: str) -> parse.Inspected | None:
        """What podman knows of a container; None if it is not there."""
        done = await self.run(commands.inspect_container(self.podman, container))
        if refusals.is_container_missing(done):
            return None
        if done.exit_code != 0:
            raise refusals.unavailable(done)
        return parse.inspected(done.stdout)

    async def remove(self, container: str) -> None:
        """The container is gone, running or not."""
        argv = commands.remove_container(self.podman, container)
        done = await self.run(argv)
        if done.exit_code != 0:
            # one that ended while nobody watched: the first call makes podman notice, the second one removes it
            done = await self.run(argv)
        if done.exit_code != 0 and not refusals.is_container_missing(done):
            raise refusals.unavailable(done)

    async def launcher(self) -> Path:
        """What podman takes for conmon; written once."""
        if self._launcher is None or not self._launcher.exists():
            self._launcher = write_launcher(self._launcher_dir, find_conmon() or await self._ask_for_conmon())
        return self._launcher

    async def needs_init(self, spec: InstanceSpec) -> bool:
        """Whether an init program is to be put in front of what runs."""
        return self._has_init and not await self._brings_init(spec)

    def do_without_init(self) -> None:
        """This host has no init program to put into containers."""
        self._has_init = False

    async def _brings_init(self, spec: InstanceSpec) -> bool:
        if commands.replaces_entrypoint(spec.command):
            return isinstance(spec.command, tuple) and init.is_init(spec.command)
        if spec.image_id not in self._is_own_init:
            # one more call for an image's first instance: images of some init systems do not start under another init
            done = await self.run(commands.inspect_image(self.podman, spec.image_id))
            image = parse.local_image(done.stdout) if done.exit_code == 0 else None
            program = image.entrypoint or image.command if image else ()
            self._is_own_init[spec.image_id] = init.is_init(program)
        return self._is_own_init[spec.image_id]

    async def _ask_for_conmon(self) -> str:
        done = await self.run(commands.read_conmon_path(self.podman))
        if done.exit_code != 0:
            raise refusals.unavailable(done)
        return done.stdout.strip()
