"""Calls of podman that several modules share."""

from contextlib import suppress
from pathlib import Path

from pvdify.adapters.podman import commands, parse, refusals
from pvdify.adapters.podman.images.images import image_in
from pvdify.adapters.podman.instances import init
from pvdify.adapters.podman.instances.instance_dir import InstanceDir
from pvdify.adapters.podman.instances.launcher import find_conmon, write_launcher
from pvdify.adapters.podman.networks.networks import Networks
from pvdify.adapters.podman.reading import read
from pvdify.adapters.podman.users.ranges import UserBlocks, UserRanges
from pvdify.adapters.podman.volumes.volumes import PodmanVolumes
from pvdify.errors import NotAnImage, RuntimeUnavailable, naming_cause
from pvdify.model.database import UNNAMED, DatabaseIdentity
from pvdify.model.instance import InstanceSpec
from pvdify.plumbing.command_runner import Argv, CommandRunner, Completed

START_SECONDS = 120.0
STOP_SECONDS = 60.0  # after the grace, to kill the processes that still run


class Calls:
    """One server's use of podman.

    Args:
        runner: starts podman.
        server_id: in the labels of this server's containers.
        launcher_dir: directory for the script that podman starts instead of conmon; not on a noexec file system.
        binary: the podman command.
        database: the present database; containers made with another database are ignored.
        allows_metadata: containers may connect to the metadata services of clouds.
        is_in_unit: pvdifyd is a systemd unit. When the unit stops, systemd kills every process in it, so detached
            containers start in a scope of their own.
        users: which users of this host containers are; None if they have no user namespaces.
        storage: podman's options, before its command, that limit what a new container writes into itself.
    """

    def __init__(  # noqa: PLR0913 - what all modules of this adapter share
        self, *, runner: CommandRunner, server_id: str, launcher_dir: Path, binary: str,
        database: DatabaseIdentity = UNNAMED, allows_metadata: bool = False, is_in_unit: bool = False,
        users: UserBlocks | None = None, storage: Argv = (),
    ) -> None:  # fmt: skip
        self.server = server_id
        self.database = database
        self.podman = binary
        self.storage = storage
        self.networks = Networks(
            run=self.run, server_id=server_id, binary=binary, blocks_metadata=not allows_metadata
        )  # fmt: skip
        self.volumes = PodmanVolumes(
            run=self.run, server_id=server_id, binary=binary, has_user_namespaces=users is not None
        )
        self._ranges = None if users is None else UserRanges(users, apps_with_containers=self._apps_with_containers)
        self._runner = runner
        self._launcher_dir = launcher_dir
        self._allows_metadata = allows_metadata
        self._apart = commands.IN_OWN_SCOPE if is_in_unit else ()
        self._launcher: Path | None = None
        self._has_init = True
        self._is_own_init: dict[str, bool] = {}

    @property
    def own_suffix(self) -> str:
        """The suffix of a container's name if its plain name is taken; unique to this server and database."""
        return self.database.id if self.database.is_apart else self.server

    async def run(self, argv: Argv, directory: Path | None = None, timeout: float = START_SECONDS) -> Completed:
        """Run podman to its end. Raises RuntimeUnavailable if it cannot be started or does not end in time."""
        return await self._runner.run(argv, directory=directory, timeout=timeout)

    async def run_apart(self, argv: Argv, directory: Path) -> Completed:
        """Run podman so that the conmon that it starts outlives pvdifyd's unit. Raises as ``run``."""
        return await self.run((*self._apart, *argv), directory)

    async def list(self, *, app: str | None = None, name: str | None = None) -> tuple[parse.Listed, ...]:
        """Return this server's containers, of one app or one name if given. Raises RuntimeUnavailable."""
        done = await self.run(commands.list_containers(self.podman, self.server, app=app, name=name))
        if done.exit_code != 0:
            raise refusals.unavailable(done)
        return tuple(
            each
            for each in await read(done.stdout, parse.listed)
            if each.identity.server == self.server
            and self.database.owns(each.identity.database)
            and app in (None, each.identity.app)
            and name in (None, each.identity.name)
        )

    async def look_up(self, name: str) -> str | None:
        """Return the id of the container with this name in its labels; None if there is none."""
        found = await self.list(name=name)
        return found[0].id if found else None

    async def inspect(self, container: str) -> parse.Inspected | None:
        """Return podman's facts about a container; None if there is no such container."""
        done = await self.run(commands.inspect_container(self.podman, container))
        if refusals.is_container_missing(done):
            return None
        if done.exit_code != 0:
            raise refusals.unavailable(done)
        return parse.inspected(done.stdout)

    async def end_processes(self, files: InstanceDir, grace: float) -> float:
        """Send the stop signal to every process of a running container, and wait ``grace`` seconds for their end.

        Return the seconds of grace for the ``podman stop`` that follows: ``grace`` if the processes cannot be listed
        or the container does not run, else 0.
        """
        if grace <= 0 or not files.is_running:
            return grace
        argv = (*commands.end_processes(files.path), f"{grace:g}")
        done = await self.run(argv, timeout=grace + STOP_SECONDS)
        return grace if done.exit_code != 0 else 0.0

    async def remove(self, container: str) -> None:
        """Remove the container, running or not; ignore a missing one. Raises RuntimeUnavailable."""
        argv = commands.remove_container(self.podman, container)
        done = await self.run(argv)
        if done.exit_code != 0:
            # podman missed the container's end: the first call makes podman notice, the second one removes it
            done = await self.run(argv)
        if done.exit_code != 0 and not refusals.is_container_missing(done):
            raise refusals.unavailable(done)

    async def launcher(self) -> Path:
        """Return the script that podman starts instead of conmon; write it at the first call.

        Raises RuntimeUnavailable.
        """
        if self._launcher is None or not self._launcher.exists():
            conmon = find_conmon() or await self._ask_for_conmon()
            with naming_cause(
                RuntimeUnavailable,
                f"what starts containers cannot be written to {self._launcher_dir}",
                next="check the disk of the server's data directory; running apps keep running",
            ):
                self._launcher = write_launcher(self._launcher_dir, conmon, allows_metadata=self._allows_metadata)
        return self._launcher

    async def needs_init(self, spec: InstanceSpec) -> bool:
        """Return whether the container needs podman's init program as process 1."""
        return spec.has_init and self._has_init and not await self._brings_init(spec)

    async def first_user_of(self, app: str) -> int | None:
        """Return the user that root is in the app's containers; None if they have no user namespaces.

        Raises RuntimeUnavailable.
        """
        return None if self._ranges is None else await self._ranges.first_of(app)

    def do_without_init(self) -> None:
        """Make containers without podman's init program from now on, because this host has none."""
        self._has_init = False

    async def _apps_with_containers(self) -> frozenset[str]:
        return frozenset(each.identity.app for each in await self.list())

    async def _brings_init(self, spec: InstanceSpec) -> bool:
        if commands.replaces_entrypoint(spec.command):
            return isinstance(spec.command, tuple) and init.is_init(spec.command)
        if spec.image_id not in self._is_own_init:
            # costs one call for each image: some images bring an init that only starts as process 1
            done = await self.run(commands.inspect_image(self.podman, spec.image_id))
            program: tuple[str, ...] = ()
            with suppress(NotAnImage):  # from before there was a bound; it has run
                image = await image_in(spec.image_id, done.stdout) if done.exit_code == 0 else None
                program = image.entrypoint or image.command if image else ()
            self._is_own_init[spec.image_id] = init.is_init(program)
        return self._is_own_init[spec.image_id]

    async def _ask_for_conmon(self) -> str:
        done = await self.run(commands.read_conmon_path(self.podman))
        if done.exit_code != 0:
            raise refusals.unavailable(done)
        return done.stdout.strip()
