"""A server id of its own for each test with a real podman, whose containers are removed afterwards.

``PVDIFY_TEST_USER_NAMESPACES=on`` gives all these containers user namespaces, where podman can.
"""

import asyncio
import os
import platform
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.files.whole_file import write_whole
from pvdify.adapters.podman.calls import Calls
from pvdify.adapters.podman.images.images import PodmanImages
from pvdify.adapters.podman.instances.containers import PodmanContainers
from pvdify.adapters.podman.instances.inspector import PodmanInspector
from pvdify.adapters.podman.instances.instances import PodmanInstances
from pvdify.adapters.podman.logs.instance_logs import PodmanKeptOutput, PodmanLogs
from pvdify.adapters.podman.logs.last_lines import LastLines
from pvdify.adapters.podman.logs.logs import LogFiles
from pvdify.adapters.podman.networks import metadata
from pvdify.adapters.podman.users.ranges import UserBlocks
from pvdify.adapters.podman.users.support import find_obstacle
from pvdify.adapters.subprocess.command_runner import SubprocessRunner
from pvdify.adapters.systemd import units as systemd_units
from pvdify.adapters.systemd.instance_logs import SystemdLogs
from pvdify.adapters.systemd.instances import SystemdInstances
from pvdify.adapters.systemd.journal import Journal
from pvdify.adapters.systemd.systemctl import Systemctl
from pvdify.adapters.systemd.units import Units
from pvdify.plumbing.command_runner import Argv, Completed
from pvdify.ports.inspector import Inspector
from pvdify.ports.instance_logs import InstanceLogs
from pvdify.ports.instances import Instances
from pvdify.ports.networks import Networks
from pvdify.settings import SYSTEMD_IS_HERE, load

RUN = Path("/run/pvdify-test")
USER_IDS = load({}, {}, Path("/nonexistent")).user_ids
IN_USER_NAMESPACES = os.environ.get("PVDIFY_TEST_USER_NAMESPACES") == "on"


class NotingRunner(SubprocessRunner):
    """A real runner that records what it ran."""

    def __init__(self) -> None:
        self.calls: list[Argv] = []

    async def run(self, argv: Argv, **options) -> Completed:
        self.calls.append(argv)
        return await super().run(argv, **options)


@dataclass(frozen=True, kw_only=True)
class Supervisor:
    """The parts of a runtime that the tests of instances use."""

    instances: Instances
    logs: InstanceLogs
    networks: Networks
    inspector: Inspector


@dataclass
class PodmanServer:
    """One server's share of podman."""

    server_id: str
    run_dir: Path
    log_dir: Path
    runner: NotingRunner

    def supervisor(self, *, allows_metadata: bool = False) -> Supervisor:
        """A new one each time, as after a restart of the daemon."""
        calls = self.calls(allows_metadata=allows_metadata)
        return self.supervisor_on(calls)

    def supervisor_on(self, calls: Calls) -> Supervisor:
        """Instances on podman alone."""
        clock = SystemClock()
        files = LogFiles(self.log_dir, clock, instances=self.run_dir / "instances")
        return Supervisor(
            instances=PodmanInstances(calls=calls, run_dir=self.run_dir, logs=files, clock=clock),
            logs=PodmanLogs(files, PodmanKeptOutput(run_dir=self.run_dir, clock=clock)),
            networks=calls.networks,
            inspector=PodmanInspector(calls=calls, run_dir=self.run_dir),
        )

    def calls(
        self, *, allows_metadata: bool = False, has_user_namespaces: bool = IN_USER_NAMESPACES, storage: Argv = ()
    ) -> Calls:
        blocks = UserBlocks(file=self.log_dir.parent / "user-ids.json", blocks=USER_IDS, write_whole=write_whole)
        return Calls(
            runner=self.runner, server_id=self.server_id, launcher_dir=self.log_dir, binary="podman",
            allows_metadata=allows_metadata, users=blocks if has_user_namespaces else None, storage=storage,
        )  # fmt: skip

    def systemd_supervisor(self) -> Supervisor:
        """A new one each time, on units of this server."""
        clock, systemctl, calls = SystemClock(), Systemctl(runner=self.runner), self.calls()
        journal = Journal(
            runner=self.runner, systemctl=systemctl, server_id=self.server_id, log_dir=self.log_dir,
            ends=LastLines(run_dir=self.run_dir), clock=clock,
        )  # fmt: skip
        logs = SystemdLogs(journal, PodmanKeptOutput(run_dir=self.run_dir, clock=clock))
        instances = SystemdInstances(
            containers=PodmanContainers(calls=calls, run_dir=self.run_dir, clock=clock),
            systemctl=systemctl,
            units=self.units(),
            logs=logs,
            run_dir=self.run_dir,
            server_id=self.server_id,
        )
        return Supervisor(
            instances=instances,
            logs=logs,
            networks=calls.networks,
            inspector=PodmanInspector(calls=calls, run_dir=self.run_dir),
        )

    def units(self) -> Units:
        return Units(server_id=self.server_id, run_dir=self.run_dir)

    def images(self) -> PodmanImages:
        return PodmanImages(runner=self.runner, server_id=self.server_id)


@contextmanager
def podman_server(directory: Path) -> Iterator[PodmanServer]:
    """A server whose containers and pins are gone afterwards; its logs are in ``directory``."""
    server_id = f"test{uuid.uuid4().hex[:6]}"
    server = PodmanServer(server_id, RUN / server_id, directory / "logs", NotingRunner())
    try:
        yield server
    finally:
        if missing_for_systemd() is None:
            with ThreadPoolExecutor(1) as pool:  # the test's own thread may have a loop that runs
                units = pool.submit(asyncio.run, server.units().marks()).result()
            for unit in units:
                subprocess.run(("systemctl", "stop", unit), check=False, capture_output=True)
                (systemd_units.DIRECTORY / unit).unlink(missing_ok=True)
                subprocess.run(("systemctl", "reset-failed", unit), check=False, capture_output=True)
        if containers := podman("ps", "--all", "--quiet", f"--filter=label=io.pvdify.server={server_id}").split():
            podman("rm", "--force", "--time", "0", "--volumes", *containers)
        if networks := podman("network", "ls", "--quiet", f"--filter=label=io.pvdify.server={server_id}").split():
            podman("network", "rm", *networks)
        if volumes := podman("volume", "ls", "--quiet", f"--filter=label=io.pvdify.server={server_id}").split():
            podman("volume", "rm", *volumes)
        pattern = f"--filter=reference=localhost/pvdify/{server_id}/*:*"
        if pins := podman("images", "--format", "{{.Repository}}:{{.Tag}}", pattern).split():
            podman("rmi", *pins)
        _remove_rules(server_id)
        shutil.rmtree(server.run_dir, ignore_errors=True)


def _remove_rules(server_id: str) -> None:
    """Remove the rules of the packet filter, which may refuse while another program changes its rules."""
    for _ in range(20):
        for argv in metadata.removal(server_id):
            subprocess.run(argv, check=False, capture_output=True)
        if subprocess.run(metadata.list_rules(server_id), check=False, capture_output=True).returncode == 1:
            return


def missing_for_systemd() -> str | None:
    """Why units cannot be tested here; None if they can."""
    return None if SYSTEMD_IS_HERE.is_dir() else "systemd is not process 1 here"


def missing_for_user_namespaces() -> str | None:
    """Why containers can have no user namespaces here; None if they can."""

    async def run(argv: Argv, seconds: float) -> Completed:
        return await SubprocessRunner().run(argv, timeout=seconds)

    with ThreadPoolExecutor(1) as pool:  # the test's own thread may have a loop that runs
        finding = find_obstacle(run, "podman", platform.release(), USER_IDS[0])
        found = pool.submit(asyncio.run, finding).result()
    return f"no user namespaces here: {found.why}" if found else None


def podman(*arguments: str) -> str:
    """Run podman and return what it prints."""
    done = subprocess.run(("podman", *arguments), check=True, capture_output=True, text=True)
    return done.stdout.strip()
