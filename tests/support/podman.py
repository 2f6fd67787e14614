"""What tests with a real podman share: a server id of their own, and nothing left behind."""

import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.podman.images import PodmanImages
from pvdify.adapters.podman.supervisor import PodmanSupervisor
from pvdify.adapters.subprocess.command_runner import SubprocessRunner
from pvdify.ports.command_runner import Argv, Completed

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
        return PodmanSupervisor(
            runner=self.runner,
            server_id=self.server_id,
            run_dir=self.run_dir,
            log_dir=self.log_dir,
            clock=SystemClock(),
        )

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
        if containers := podman("ps", "--all", "--quiet", f"--filter=label=io.pvdify.server={server_id}").split():
            podman("rm", "--force", "--time", "0", "--volumes", *containers)
        pattern = f"--filter=reference=localhost/pvdify/{server_id}/*:*"
        if pins := podman("images", "--format", "{{.Repository}}:{{.Tag}}", pattern).split():
            podman("rmi", *pins)
        shutil.rmtree(server.run_dir, ignore_errors=True)


def podman(*arguments: str) -> str:
    """Run podman and return what it prints."""
    done = subprocess.run(("podman", *arguments), check=True, capture_output=True, text=True)
    return done.stdout.strip()
