"""The server, registry and ports of the demonstration, and their complete removal."""

import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pvdify import settings
from pvdify.adapters.subprocess.command_runner import SubprocessRunner
from pvdify.installation.containers import RemoveIsolation
from pvdify.installation.machine import Machine
from tools.loopback_registry import LoopbackRegistry

CHECKOUT = Path(__file__).parents[2]
PROGRAMS = CHECKOUT / ".venv" / "bin"
BASE_DOMAIN = "demo.localhost"
BASE_IMAGE = "localhost/pvdify-sample-base:2"
INSTANCE_PORTS = 100
SERVER_STARTS_WITHIN_SECONDS = 30
PROCESS_STOPS_WITHIN_SECONDS = 15
PODMAN_ATTEMPTS = 10
OURS = ("pvdifyd", "haproxy", "docker-registry")  # in the order in which they are stopped


class StageError(Exception):
    """Something around the demonstration does not work; the text says what."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Where everything is: one directory, and ports that were free."""

    directory: str
    registry_port: int
    api_port: int
    router_port: int
    first_instance_port: int
    base_was_there: bool

    @property
    def registry(self) -> str:
        return f"127.0.0.1:{self.registry_port}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def router(self) -> str:
        return f"127.0.0.1:{self.router_port}"

    @property
    def data_dir(self) -> Path:
        return Path(self.directory) / "server"

    @property
    def log(self) -> Path:
        return Path(self.directory) / "pvdifyd.log"

    @property
    def token(self) -> str:
        return (self.data_dir / "admin.token").read_text(encoding="utf-8").strip()

    def image(self, version: str) -> str:
        return f"{self.registry}/hello:{version}"

    def environment(self) -> dict[str, str]:
        """Ours without anything that pvdify would read, so that only what the demonstration says counts."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("PVDIFY_")}
        return own | {"XDG_CONFIG_HOME": self.directory, "HOME": self.directory}

    def server_arguments(self) -> tuple[str, ...]:
        ports = f"{self.first_instance_port}-{self.first_instance_port + INSTANCE_PORTS - 1}"
        return (
            *("--settings", f"{self.directory}/no-such-file"),
            *("--data-dir", str(self.data_dir)),
            *("--listen", f"127.0.0.1:{self.api_port}"),
            *("--router-listen", self.router),
            *("--runtime", "podman"),
            *("--ports", ports),
            *("--base-domain", BASE_DOMAIN),
            *("--allow-registries", self.registry),
        )


def prepare() -> Stage:
    """Choose a directory and ports, and record them for the cleanup."""
    first = _free_range(INSTANCE_PORTS + 3)
    stage = Stage(
        directory=tempfile.mkdtemp(prefix="pvdify-demo-", dir="/var/tmp"),
        registry_port=first,
        api_port=first + 1,
        router_port=first + 2,
        first_instance_port=first + 3,
        base_was_there=_podman("image", "exists", BASE_IMAGE).returncode == 0,
    )
    _state_file(stage.directory).write_text(json.dumps(asdict(stage)), encoding="utf-8")
    return stage


def load(directory: str) -> Stage:
    """The stage that a demonstration left there."""
    try:
        return Stage(**json.loads(_state_file(directory).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise StageError(f"no demonstration in {directory}: {error}") from error


def start_registry(stage: Stage) -> None:
    """In the background; clean_up finds it by its directory."""
    LoopbackRegistry(Path(stage.directory) / "registry", stage.registry_port).start()


def build_and_push(stage: Stage, version: str, *variables: str) -> None:
    """Make an image of the sample app and leave it in the registry alone."""
    _checked((str(CHECKOUT / "tools" / "build-sample"), version, stage.image(version), *variables))
    _checked(("podman", "push", "--quiet", "--tls-verify=false", stage.image(version)))
    _checked(("podman", "rmi", stage.image(version)))


def start_server(stage: Stage) -> None:
    """Start pvdifyd and wait until it answers."""
    with stage.log.open("wb") as log:
        process = subprocess.Popen(
            (str(PROGRAMS / "pvdifyd"), *stage.server_arguments()),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=stage.environment(),
            start_new_session=True,  # Ctrl-C must not stop it before we have cleaned up
        )
    deadline = time.monotonic() + SERVER_STARTS_WITHIN_SECONDS
    while not _is_healthy(stage):
        if process.poll() is not None or time.monotonic() > deadline:
            raise StageError("pvdifyd did not start")
        time.sleep(0.05)


def ask(stage: Stage, path: str) -> Any:
    """GET from the API."""
    headers = {"Authorization": f"Bearer {stage.token}"}
    request = urllib.request.Request(f"{stage.url}/api/v1{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def last_words(stage: Stage) -> str:
    """The end of the server's log."""
    if not stage.log.exists():
        return ""
    return "\n".join(stage.log.read_text(errors="replace").splitlines()[-20:])


def clean_up(stage: Stage) -> None:
    """Stop and remove everything the demonstration made. May be called at any point, and again."""
    for program in OURS:
        _stop(stage.directory, program)
    server = server_id(stage)
    for _ in range(PODMAN_ATTEMPTS):  # what a killed server had begun may still be coming into being
        containers, networks, images = list(_containers(server)), list(_networks(server)), _images(stage, server)
        if containers:
            _podman("rm", "--force", "--time", "1", *containers)
        if networks:
            _podman("network", "rm", *networks)
        if volumes := list(_volumes(server)):
            _podman("volume", "rm", "--force", *volumes)
        if images:
            _podman("rmi", *images)  # --force would also remove containers of other servers with the same image
        if not containers and not networks and not volumes and not images:
            break
    _remove_rules(server)
    if not stage.base_was_there:
        _podman("rmi", BASE_IMAGE)
    shutil.rmtree(Path("/run/pvdify") / server, ignore_errors=True)
    shutil.rmtree(stage.directory, ignore_errors=True)


def _remove_rules(server: str) -> None:
    """Remove the server's rules of the packet filter, and the shared ones with the last server of this machine."""
    action, machine = RemoveIsolation(server=server), Machine(runner=SubprocessRunner())
    with ThreadPoolExecutor(1) as pool:  # the caller's thread may have an event loop that runs
        if not pool.submit(action.is_done, machine).result():
            pool.submit(action.apply, machine).result()


def _state_file(directory: str) -> Path:
    return Path(directory) / "demo.json"


def server_id(stage: Stage) -> str:
    """What labels of the server's containers say."""
    flags = {"data_dir": str(stage.data_dir)}
    return settings.load(flags, {}, Path(stage.directory) / "no-such-file").server_id


def _free_range(count: int) -> int:
    """Return the first of ``count`` consecutive free ports below the kernel's ephemeral range.

    Chosen at random: another demonstration or test may be choosing at this moment.
    """
    busy = {int(line.split()[1].rpartition(":")[2], 16) for line in _sockets()}
    for first in random.sample(range(20000, 32000 - count), k=100):
        if busy.isdisjoint(range(first, first + count)):
            return first
    raise StageError(f"no {count} free ports side by side found between 20000 and 32000")


def _sockets() -> Iterator[str]:
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        with suppress(FileNotFoundError):
            yield from table.read_text().splitlines()[1:]


def _is_healthy(stage: Stage) -> bool:
    try:
        with urllib.request.urlopen(f"{stage.url}/api/v1/health", timeout=2) as answer:
            return answer.status == 200 and (stage.data_dir / "admin.token").exists()
    except OSError:
        return False


def _stop(directory: str, program: str) -> None:
    """End this program's processes that work in this directory: first kindly."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in processes(directory, program):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + PROCESS_STOPS_WITHIN_SECONDS
        while processes(directory, program) and time.monotonic() < deadline:
            time.sleep(0.05)


def processes(directory: str, program: str) -> list[int]:
    """Recognised by their arguments: a recorded number may belong to another process by now."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            arguments = (path / "cmdline").read_bytes().decode(errors="replace").split("\0")
            is_ours = any(argument.startswith(directory + "/") for argument in arguments)
            if is_ours and _is_program(arguments, program):
                found.append(int(path.name))
    return found


def _is_program(arguments: Sequence[str], program: str) -> bool:
    """A server is one however it was started: by its script, or by a Python that imports it."""
    is_server = program == "pvdifyd" and "--data-dir" in arguments
    return is_server or any(Path(argument).name == program for argument in arguments[:2])


def _containers(server_id: str) -> Iterator[str]:
    """Whatever a label ties to this server."""
    for container in _podman_list("ps", "--all"):
        if server_id in (container.get("Labels") or {}).values():
            yield container["Id"]


def _networks(server_id: str) -> Iterator[str]:
    for network in _podman_list("network", "ls"):
        if server_id in (network.get("labels") or {}).values():
            yield network["name"]


def _volumes(server_id: str) -> Iterator[str]:
    for volume in _podman_list("volume", "ls"):
        if server_id in (volume.get("labels") or {}).values():
            yield volume["name"]


def _images(stage: Stage, server_id: str) -> list[str]:
    """Names that only this registry or this server can have given.

    podman lists an image with all its names once for each tag. Each name is returned once: ``podman rmi`` with a name
    twice deletes the image as a whole if another server's name is the only one left.
    """
    names = {name for image in _podman_list("images") for name in image.get("Names") or ()}
    return sorted(name for name in names if name.startswith(f"{stage.registry}/") or server_id in name)


def _podman_list(*arguments: str) -> list[dict[str, Any]]:
    """A list fails when another program removes one of its entries at that moment, so it is asked for again."""
    for _ in range(PODMAN_ATTEMPTS):
        answer = _podman(*arguments, "--format", "json")
        if answer.returncode == 0:
            found: list[dict[str, Any]] = json.loads(answer.stdout or "[]")
            return found
        time.sleep(0.2)
    raise StageError(f"podman {arguments[0]} failed: {answer.stderr.strip()}")


def _podman(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(("podman", *arguments), check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def _checked(argv: Sequence[str]) -> None:
    done = subprocess.run(
        argv, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, start_new_session=True
    )
    if done.returncode:
        raise StageError(f"{' '.join(argv)} failed:\n{done.stderr.strip()[-2000:]}")
