"""What tests with a real podman share: a server id of their own, and nothing left behind."""

import asyncio
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.podman.calls import Calls
from pvdify.adapters.podman.containers import PodmanContainers
from pvdify.adapters.podman.images import PodmanImages
from pvdify.adapters.podman.supervisor import PodmanSupervisor
from pvdify.adapters.subprocess.command_runner import SubprocessRunner
from pvdify.adapters.systemd import units as systemd_units
from pvdify.adapters.systemd.journal import Journal
from pvdify.adapters.systemd.supervisor import SystemdSupervisor
from pvdify.adapters.systemd.systemctl import Systemctl
from pvdify.adapters.systemd.units import Units
from pvdify.ports.command_runner import Argv, Completed
from pvdify.settings import SYSTEMD_IS_HERE

RUN = Path("/run/pvdify-test")


class NotingRunner(SubprocessRunner):
    """A real runner that remembers what it ran."""

    def __init__(self) -> None:
        self.calls: list[Argv] = []

    async def run(self, argv: Argv, **options) -> Completed:
        self.calls.append(argv)
        return await super().run(argv, **options)


@dataclass
class PodmanServer:
    """One server's share of podman."""

    server_id: str
    run_dir: Path
    log_dir: Path
    runner: NotingRunner

    def supervisor(self) -> PodmanSupervisor:
        """A new one each time, as after a restart of the daemon."""
        return PodmanSupervisor(calls=self.calls(), run_dir=self.run_dir, log_dir=self.log_dir, clock=SystemClock())

    def calls(self) -> Calls:
        return Calls(runner=self.runner, server_id=self.server_id, launcher_dir=self.log_dir, binary="podman")

    def systemd_supervisor(self) -> SystemdSupervisor:
        """A new one each time, on units of this server."""
        clock, systemctl = SystemClock(), Systemctl(runner=self.runner)
        return SystemdSupervisor(
            containers=PodmanContainers(calls=self.calls(), run_dir=self.run_dir, clock=clock),
            systemctl=systemctl,
            units=self.units(),
            journal=Journal(
                runner=self.runner, systemctl=systemctl, server_id=self.server_id, log_dir=self.log_dir, clock=clock
            ),
            run_dir=self.run_dir,
            server_id=self.server_id,
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
            for unit in asyncio.run(server.units().marks()):
                subprocess.run(("systemctl", "stop", unit), check=False, capture_output=True)
                (systemd_units.DIRECTORY / unit).unlink(missing_ok=True)
                subprocess.run(("systemctl", "reset-failed", unit), check=False, capture_output=True)
        if containers := podman("ps", "--all", "--quiet", f"--filter=label=io.pvdify.server={server_id}").split():
            podman("rm", "--force", "--time", "0", "--volumes", *containers)
        if networks := podman("network", "ls", "--quiet", f"--filter=label=io.pvdify.server={server_id}").split():
            podman("network", "rm", *networks)
        pattern = f"--filter=reference=localhost/pvdify/{server_id}/*:*"
        if pins := podman("images", "--format", "{{.Repository}}:{{.Tag}}", pattern).split():
            podman("rmi", *pins)
        shutil.rmtree(server.run_dir, ignore_errors=True)


def missing_for_systemd() -> str | None:
    """Why units cannot be tested here; None if they can."""
    return None if SYSTEMD_IS_HERE.is_dir() else "systemd is not process 1 here"


def podman(*arguments: str) -> str:
    """Run podman and return what it prints."""
    done = subprocess.run(("podman", *arguments), check=True, capture_output=True, text=True)
    return done.stdout.strip()
