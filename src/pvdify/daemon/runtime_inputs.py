"""The inputs that every container runtime is built from."""

from dataclasses import dataclass, field
from pathlib import Path

from pvdify.adapters.podman.layers.bounds import Layers
from pvdify.model.database import UNNAMED, DatabaseIdentity
from pvdify.model.former_name import FormerNames
from pvdify.plumbing.command_runner import CommandRunner
from pvdify.plumbing.web import Web
from pvdify.ports.clock import Clock
from pvdify.settings import Settings


@dataclass(frozen=True, kw_only=True)
class RuntimeInputs:
    """The inputs to build a runtime. Without ``web``, registries are not asked why a pull failed."""

    settings: Settings
    runner: CommandRunner
    clock: Clock
    web: Web | None = None
    database: DatabaseIdentity = UNNAMED
    layers: Layers = field(default_factory=Layers)
    former_names: FormerNames = field(default_factory=FormerNames)

    @property
    def log_dir(self) -> Path:
        """The directory of logs, on disk."""
        return self.settings.data_dir / "logs"

    @property
    def run_dir(self) -> Path:
        """The directory of instance files; separate after --new-database, since instance names may repeat."""
        run_dir, database = self.settings.run_dir, self.database
        return run_dir / database.id if database.is_apart else run_dir
