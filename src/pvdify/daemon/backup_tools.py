"""Build the adapters that only backups need, for a running and for a restored server."""

from collections.abc import Iterator
from pathlib import Path

from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.files.backup_files import BackupFilesOnDisk
from pvdify.adapters.files.server_data import WORK
from pvdify.adapters.files.whole_file import write_whole
from pvdify.adapters.podman.volumes.volume_copies import PodmanVolumeCopies
from pvdify.adapters.podman.volumes.volumes import PodmanVolumes
from pvdify.adapters.restic.targets import ResticTargets
from pvdify.adapters.sops.config_vars import vars_of
from pvdify.adapters.sops.key_files import KeyFiles
from pvdify.adapters.sops.refusal import SopsRefused
from pvdify.adapters.sops.vault import ENDING, Vault
from pvdify.adapters.sqlite.copy import copy_database
from pvdify.adapters.subprocess.command_runner import SubprocessRunner
from pvdify.daemon.runtime_inputs import RuntimeInputs
from pvdify.engine.state.backups.tools import BackupTools
from pvdify.errors import BackupDamaged, PvdifyError
from pvdify.model.config import ConfigVar
from pvdify.model.runtime_choice import CLUSTER
from pvdify.plumbing.command_runner import Argv, Completed
from pvdify.ports.backups import VolumeCopies
from pvdify.ports.volume_transfers import VolumeTransfers
from pvdify.settings import DEFAULT_FILE

PODMAN_SECONDS = 120.0


def build_backup_tools(inputs: RuntimeInputs) -> BackupTools:
    """Return the adapters that this server's backups use."""
    settings, runner = inputs.settings, SubprocessRunner()
    work = settings.data_dir / WORK
    return BackupTools(
        targets=ResticTargets(runner=runner, cache=work / "cache", run_dir=settings.run_dir),
        files=BackupFilesOnDisk(
            data_dir=settings.data_dir,
            settings_file=DEFAULT_FILE,
            copy_database=copy_database,
            locked=locked_files,
            config=config_in,
        ),
        copies=build_copies(inputs),
    )


def build_copies(inputs: RuntimeInputs) -> VolumeCopies:
    """Return the copier of volumes: of this machine, of the cluster, or of both."""
    settings = inputs.settings
    if settings.runtime == CLUSTER:
        from pvdify.daemon.cluster_runtime import ClusterParts, build_cluster_copies

        return build_cluster_copies(inputs, ClusterParts(inputs))

    local, volumes = _on_this_machine(inputs)
    if not settings.kubeconfig:
        return local
    from pvdify.daemon.beside_cluster import build_copies_beside_cluster

    return build_copies_beside_cluster(inputs, local, volumes)


def build_transfers(inputs: RuntimeInputs) -> VolumeTransfers | None:
    """Return the copier of volumes between this machine and the cluster; None if the server has only one of them."""
    if inputs.settings.runtime == CLUSTER or not inputs.settings.kubeconfig:
        return None
    from pvdify.daemon.beside_cluster import build_transfers_beside_cluster

    return build_transfers_beside_cluster(inputs, *_on_this_machine(inputs))


def _on_this_machine(inputs: RuntimeInputs) -> tuple[PodmanVolumeCopies, PodmanVolumes]:
    settings, paused = inputs.settings, inputs.settings.data_dir / WORK / "paused"

    async def run(argv: Argv, *, timeout: float = PODMAN_SECONDS) -> Completed:
        return await inputs.runner.run(argv, timeout=timeout)

    server, podman = settings.server_id, settings.podman_binary
    copies = PodmanVolumeCopies(run=run, server_id=server, binary=podman, mark=paused)
    return copies, PodmanVolumes(run=run, server_id=server, binary=podman)


def locked_files(data_dir: Path) -> tuple[str, ...]:
    """Return a problem for each encrypted file that the data directory's own key cannot decrypt."""
    return tuple(_locked(data_dir))


def config_in(data_dir: Path, app: str) -> dict[str, ConfigVar]:
    """Return the newest config of an app in a data directory; {} without any. Raises BackupDamaged."""
    versions = {file.name.removeprefix("v").removesuffix(ENDING): file
                for file in (data_dir / "config" / app).glob(f"v*{ENDING}")}  # fmt: skip
    if not versions:
        return {}
    newest = versions[max(versions, key=int)]
    try:
        return vars_of(_vault_of(data_dir).texts(newest))
    except (OSError, ValueError, SopsRefused, PvdifyError) as error:
        raise BackupDamaged(
            f"the config of {app} cannot be read from the backup", why=str(error),
            next="`pvdify backups` shows older backups; `--backup ID` chooses one",
        ) from error  # fmt: skip


def _vault_of(data_dir: Path) -> Vault:
    directories = (data_dir / "config", data_dir / "credentials")
    return Vault(directories, KeyFiles(directory=data_dir, write_whole=write_whole), SystemClock())


def _locked(data_dir: Path) -> Iterator[str]:
    directories, vault = (data_dir / "config", data_dir / "credentials"), _vault_of(data_dir)
    files = sorted(file for directory in directories for file in directory.glob(f"**/*{ENDING}"))
    if files and not vault.keys.key.exists():
        yield "the key of its secrets (age.key) is missing"
        return
    for file in files:
        try:
            vault.texts(file)
        except (OSError, SopsRefused, PvdifyError) as error:
            yield f"{file.relative_to(data_dir)} cannot be opened with the key in it: {error}"
