"""Everything that adapters write to files, each as one piece of work, for disks that fail."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.files.tunnel_token import TunnelTokenFile
from pvdify.adapters.files.whole_file import write_whole
from pvdify.adapters.kubernetes.image_files import ImageFiles, Known
from pvdify.adapters.kubernetes.images import ClusterImages
from pvdify.adapters.podman.calls import Calls
from pvdify.adapters.podman.images.registry_logins import AuthFile, PodmanRegistryLogins
from pvdify.adapters.podman.instances.containers import PodmanContainers
from pvdify.adapters.podman.instances.instances import PodmanInstances
from pvdify.adapters.podman.logs.instance_logs import PodmanKeptOutput
from pvdify.adapters.podman.logs.last_lines import LastLines
from pvdify.adapters.podman.logs.logs import LogFiles
from pvdify.adapters.sops.credentials import SopsCredentials
from pvdify.adapters.sops.key_files import KeyFiles
from pvdify.adapters.sops.secrets import SopsSecrets
from pvdify.adapters.sops.vault import Vault
from pvdify.adapters.subprocess.command_runner import SubprocessRunner
from pvdify.adapters.systemd.instance_logs import SystemdLogs
from pvdify.adapters.systemd.instances import SystemdInstances
from pvdify.adapters.systemd.journal import Journal
from pvdify.adapters.systemd.systemctl import Systemctl
from pvdify.adapters.systemd.units import Units
from pvdify.installation import archive, backing_up
from pvdify.model.config import ConfigVar
from pvdify.model.image import LocalImage
from pvdify.model.instance import InstanceSpec, Limits, Role, Secret
from pvdify.model.registry import RegistryLogin
from pvdify.plumbing.command_runner import Argv, Completed

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
Work = Callable[[], Awaitable[object]]
Writer = Callable[[Path], Work]


class NoPrograms:
    """Answers every command as one that has worked: what is tried here are files."""

    def __init__(self, journal: str = "") -> None:
        self._journal = journal
        self.asked: list[Argv] = []

    async def run(self, argv: Argv, **_: object) -> Completed:
        self.asked.append(argv)
        said = self._journal if argv[0] == "journalctl" else "systemd 252\n" if "--version" in argv else "[]"
        return Completed(argv=argv, exit_code=0, stdout=said, stderr="")


def spec(role: Role = Role.INSTANCE) -> InstanceSpec:
    return InstanceSpec(
        name="shop-web-v1-1", app="shop", process="web", slot=1, number=1, role=role, image_id="1",
        environment={"A": Secret("1")}, limits=Limits(memory=1), has_init=False,
    )  # fmt: skip


def calls(place: Path) -> Calls:
    return Calls(runner=NoPrograms(), server_id="s", launcher_dir=place / "logs", binary="podman")  # type: ignore[arg-type]


def vault_of(place: Path) -> Vault:
    directories = (place / "config", place / "credentials")
    vault = Vault(directories, KeyFiles(directory=place, write_whole=write_whole), SystemClock())
    vault.make_key_if_none_was_needed()
    return vault


def config(place: Path) -> Work:
    vault = vault_of(place)
    return lambda: SopsSecrets(place / "config", vault).write("shop", 1, {"A": ConfigVar(value=Secret("1"))})


def credentials(place: Path) -> Work:
    vault = vault_of(place)
    return lambda: SopsCredentials(place / "credentials", vault).write("edge", {"token": Secret("1")})


def tunnel(place: Path) -> Work:
    return lambda: TunnelTokenFile(place).ensure_running(Secret("token"))


def registry_logins(place: Path) -> Work:
    logins = PodmanRegistryLogins(runner=SubprocessRunner(), auth_file=AuthFile(place / "auth.json"), binary="podman")
    login = RegistryLogin(host="ghcr.io", username="me", password=Secret("x"), created_at=NOW, created_by="ci")
    return lambda: logins.use((login,))


def instance_directory(place: Path) -> Work:
    """Of an instance that podman alone runs."""
    logs = LogFiles(place / "logs", SystemClock(), instances=place / "instances")
    supervisor = PodmanInstances(calls=calls(place), run_dir=place, logs=logs, clock=SystemClock())
    return lambda: supervisor.create(spec())


def launcher(place: Path) -> Work:
    return calls(place).launcher


def prepared_instance(place: Path) -> Work:
    """Of an instance that a unit will run, and of what runs once."""
    containers = PodmanContainers(calls=calls(place), run_dir=place, clock=SystemClock())
    return lambda: containers.prepare(spec(Role.RUN), "name", "tag")


def systemd_instances(place: Path) -> SystemdInstances:
    systemctl = Systemctl(runner=NoPrograms())  # type: ignore[arg-type]
    journal = Journal(  # type: ignore[arg-type]
        runner=NoPrograms(), systemctl=systemctl, server_id="s", log_dir=place, ends=LastLines(run_dir=place),
        clock=SystemClock(),
    )  # fmt: skip
    containers = PodmanContainers(calls=calls(place.parent / "elsewhere"), run_dir=place, clock=SystemClock())
    logs = SystemdLogs(journal, PodmanKeptOutput(run_dir=place, clock=SystemClock()))
    return SystemdInstances(
        containers=containers, systemctl=systemctl, logs=logs, run_dir=place, server_id="s",
        units=Units(server_id="s", run_dir=place, directory=place / "units"),
    )  # fmt: skip


def unit(place: Path) -> Work:
    """The unit, its keeper, how long it may take to stop, and the instance's directory."""
    return lambda: systemd_instances(place).create(spec())


def known_image(place: Path) -> Work:
    """The pin of an image of a cluster."""
    files = ImageFiles(place, write_whole)
    files.write(Known(image=LocalImage(image_id="1", digest="sha256:1", size=1), parts={}))
    images = ClusterImages(cluster=None, scope=None, files=files, content=None)  # type: ignore[arg-type]
    return lambda: images.keep("1", "shop", 1)


def server_backup(place: Path) -> Work:
    about = archive.BackupDescription(format=1, version="1", schema=1, made_at="", has_keys=False, checksums={})

    async def write() -> None:
        backing_up.store(place / "backup", {archive.DATABASE: b"1" * 10_000}, about, place)

    return write


WRITERS = (
    config, credentials, tunnel, registry_logins, instance_directory, launcher, prepared_instance, unit,
    known_image, server_backup,
)  # fmt: skip
