"""An instance's own directory on tmpfs: its config vars, its process ids, and conmon's marks."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from pvdify.adapters.podman import launch
from pvdify.adapters.podman.watch import is_alive, parent_of
from pvdify.errors import RuntimeUnavailable, naming_cause
from pvdify.model.instance import Secret

GATE, OUTPUT = "only-pvdify-starts-this", "output.log"


def writing_files(name: str) -> AbstractContextManager[None]:
    """Raise RuntimeUnavailable with the cause where an instance's files cannot be written."""
    return naming_cause(
        RuntimeUnavailable,
        f"the files of {name} cannot be written",
        next="check /run on the server (`df /run`); what runs goes on running",
    )


class InstanceDir:
    """Everything about one instance that must not touch a disk or outlive a boot; podman and conmon run in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cid_file = path / "cid"
        self.conmon_pid_file = path / "conmon.pid"
        # Through the gate, a link that exists only while we start it: by hand, podman would start the container
        # without its config vars. The OCI runtime cannot write this file then, undoes the start, and names the gate.
        self.pid_file = path / GATE / "pid"
        self.environment_file = path / launch.ENVIRONMENT
        self.output_file = path / OUTPUT  # of a container that runs once: what it wrote touches no disk as it is
        self.oom_mark = path / "oom"  # conmon's, in its working directory
        self._bundle = path / launch.BUNDLE
        self.restarts_file = path / "restarts"

    @property
    def of_one_start(self) -> tuple[Path, ...]:
        """What must not be left from an earlier start."""
        return (self.cid_file, self.path / "pid", self.conmon_pid_file, self.oom_mark, self._bundle)

    @property
    def container_id(self) -> str | None:
        """The container made for this instance, if the host did not boot since."""
        return _read(self.cid_file) or None

    @property
    def pid(self) -> int | None:
        """The container's first process."""
        return _number(self.path / "pid")

    @property
    def conmon_pid(self) -> int | None:
        """The process that watches the container and ends after it."""
        return _number(self.conmon_pid_file)

    @property
    def is_running(self) -> bool:
        """Whether the container's first process lives, as a child of its own conmon (pids are used again)."""
        container, pid, conmon = self.container_id, self.pid, self.conmon_pid
        if container is None or pid is None or conmon is None:
            return False
        return parent_of(pid) == conmon and is_alive(conmon, container)

    @property
    def is_out_of_memory(self) -> bool:
        """Whether conmon saw the kernel kill something in the container for its memory limit."""
        return self.oom_mark.exists()

    @property
    def restarts(self) -> int:
        """How often the same container was started again."""
        return _number(self.restarts_file) or 0

    @property
    def was_launched(self) -> bool:
        """Whether the last start gave the container its config vars."""
        return (self._bundle / launch.CONFIG).exists()

    @property
    def reaches_metadata(self) -> bool:
        """Whether the container could not be kept from the metadata services of clouds."""
        return (self._bundle / launch.OPEN_MARK).exists()

    def write(self, environment: Mapping[str, Secret]) -> None:
        """Make the directory and put the config vars there."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = self.path / ".environment"
        try:
            opened = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(opened, "w", encoding="utf-8") as file:
                json.dump(dict(environment), file)
            temporary.replace(self.environment_file)
        except OSError:
            with suppress(OSError):
                temporary.unlink()
            raise

    def forget_container(self) -> None:
        """Make room for a new container's files."""
        for each in (self.cid_file, self.path / "pid", self.conmon_pid_file, self.restarts_file):
            each.unlink(missing_ok=True)

    @contextmanager
    def open_gate(self) -> Iterator[None]:
        """Let podman start the container, from nothing that an earlier start left."""
        self.unlock()
        try:
            yield
        finally:
            (self.path / GATE).unlink(missing_ok=True)

    def unlock(self) -> None:
        """Let podman start the container for as long as this directory is there."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.oom_mark.unlink(missing_ok=True)
        shutil.rmtree(self._bundle, ignore_errors=True)
        with suppress(FileExistsError):
            (self.path / GATE).symlink_to(".")

    def count_restart(self) -> None:
        """Note that the same container was started again."""
        self.restarts_file.write_text(str(self.restarts + 1), encoding="ascii")

    def remove(self) -> None:
        """Forget it all."""
        shutil.rmtree(self.path, ignore_errors=True)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    text = _read(path)
    return int(text) if text.isdigit() else None
