"""An instance's directory on tmpfs: its config vars, its process ids, and conmon's files."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import structlog

from pvdify.adapters.podman.instances import launch
from pvdify.adapters.podman.instances.watch import is_alive, parent_of
from pvdify.errors import RuntimeUnavailable, naming_cause
from pvdify.model.instance import Secret

log = structlog.get_logger()
GATE, OUTPUT = "only-pvdify-starts-this", "output.log"


def writing_files(name: str) -> AbstractContextManager[None]:
    """Return a context that turns an OSError into RuntimeUnavailable with the cause."""
    return naming_cause(
        RuntimeUnavailable,
        f"the files of {name} cannot be written",
        next="check /run on the server (`df /run`); running apps keep running",
    )


class InstanceDir:
    """The files of one instance that must not be on a disk or survive a boot. podman and conmon run in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cid_file = path / "cid"
        self.conmon_pid_file = path / "conmon.pid"
        # The path goes through the gate, a link that exists only while pvdify starts the container. If a person starts
        # it with podman, without config vars, the OCI runtime cannot write this file, undoes the start, and the error
        # names the gate.
        self.pid_file = path / GATE / "pid"
        self.environment_file = path / launch.ENVIRONMENT
        self.output_file = path / OUTPUT  # the unredacted output of a container that runs once
        self.last_line_file = path / launch.LAST_LINE  # the unredacted newest output of a container with a journal
        self.oom_mark = path / "oom"  # written by conmon in its working directory
        self._bundle = path / launch.BUNDLE
        self.restarts_file = path / "restarts"

    @property
    def of_one_start(self) -> tuple[Path, ...]:
        """The files that must be removed before a new start."""
        return (
            self.cid_file, self.path / "pid", self.conmon_pid_file, self.oom_mark, self.last_line_file, self._bundle,
        )  # fmt: skip

    @property
    def container_id(self) -> str | None:
        """The id of this instance's container; None if there is none or the host has booted since."""
        return _read(self.cid_file) or None

    @property
    def pid(self) -> int | None:
        """The pid of the container's first process."""
        return _number(self.path / "pid")

    @property
    def conmon_pid(self) -> int | None:
        """The pid of conmon, which watches the container and ends after it."""
        return _number(self.conmon_pid_file)

    @property
    def is_running(self) -> bool:
        """Whether the container's first process runs as a child of its conmon; the kernel may have reused the pid."""
        container, pid, conmon = self.container_id, self.pid, self.conmon_pid
        if container is None or pid is None or conmon is None:
            return False
        return parent_of(pid) == conmon and is_alive(conmon, container)

    @property
    def is_watched(self) -> bool:
        """Whether the container's conmon runs, which writes the container's output to its log."""
        container, conmon = self.container_id, self.conmon_pid
        return container is not None and conmon is not None and is_alive(conmon, container)

    @property
    def is_out_of_memory(self) -> bool:
        """Whether conmon saw the kernel kill a process of the container for its memory limit."""
        return self.oom_mark.exists()

    @property
    def restarts(self) -> int:
        """How often the instance was started again after its first start."""
        return _number(self.restarts_file) or 0

    @property
    def was_launched(self) -> bool:
        """Whether the container got its config vars at the last start."""
        return (self._bundle / launch.CONFIG).exists()

    @property
    def reaches_metadata(self) -> bool:
        """Whether the container can reach the metadata services of clouds, because its packet filter failed."""
        return (self._bundle / launch.OPEN_MARK).exists()

    def write(self, environment: Mapping[str, Secret]) -> None:
        """Make the directory and write the config vars. Raises OSError; then the earlier config vars are unchanged."""
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
        """Delete the files of the earlier container, so that a new one can be made."""
        for each in (self.cid_file, self.path / "pid", self.conmon_pid_file, self.restarts_file):
            each.unlink(missing_ok=True)

    @contextmanager
    def open_gate(self) -> Iterator[None]:
        """Open the gate while the context is active, after deleting the files of an earlier start."""
        self.unlock()
        try:
            yield
        finally:
            (self.path / GATE).unlink(missing_ok=True)

    def unlock(self) -> None:
        """Open the gate until the directory is removed, after deleting the files of an earlier start.

        Raises RuntimeUnavailable.
        """
        with writing_files(self.path.name):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.oom_mark.unlink(missing_ok=True)
            shutil.rmtree(self._bundle, ignore_errors=True)
            with suppress(FileExistsError):
                (self.path / GATE).symlink_to(".")

    def count_restart(self) -> None:
        """Add one to ``restarts``. Logs a warning if that cannot be written."""
        try:
            self.restarts_file.write_text(str(self.restarts + 1), encoding="ascii")
        except OSError as error:
            log.warning("instance.restart_not_counted", instance=self.path.name, why=error.strerror or str(error))

    def remove(self) -> None:
        """Delete the directory. Never raises."""
        shutil.rmtree(self.path, ignore_errors=True)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    text = _read(path)
    return int(text) if text.isdigit() else None
