"""A real Kubernetes cluster for tests: made by tools/cluster, with images made here without podman.

``PVDIFY_TEST_CLUSTER=name`` uses a cluster that is up already, and leaves it up: bring-up takes 20 s and more.
"""

import ctypes
import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support import images as small_images
from tests.support.sample_layers import sample_config, sample_layers
from tools.cluster import images
from tools.cluster.build import build
from tools.cluster.cluster import Cluster as RealCluster
from tools.cluster.cluster import InUse
from tools.cluster.layout import Layout, name_of_checkout
from tools.cluster.missing import missing_for_cluster
from tools.cluster.network import NAMESPACES
from tools.cluster.registry import ADDRESS, PASSWORD, PRIVATE_ADDRESS, USER

__all__ = ["Cluster", "missing_for_cluster"]

CLONE_NEWNET = 0x40000000
RUN_SECONDS = 120
SMALL_REPOSITORY = "pvdify-test"


class Cluster:
    """A cluster with two workers. Use as a context manager; at the end, nothing of it is left.

    Its network is connected to nothing. ``inside`` moves the calling thread, and what it starts, to the outside
    network of the cluster; ``run`` and ``command`` do so for a program.
    """

    registry = ADDRESS
    private_registry = PRIVATE_ADDRESS
    private_login = (USER, PASSWORD)

    def __init__(self) -> None:
        borrowed, worker = os.environ.get("PVDIFY_TEST_CLUSTER"), os.environ.get("PYTEST_XDIST_WORKER", "")
        assert not (borrowed and worker), "PVDIFY_TEST_CLUSTER: several processes cannot share a cluster"
        self._is_borrowed = bool(borrowed)
        name = borrowed or f"{name_of_checkout()}t{worker}"  # each process of a parallel run has a cluster of its own
        self._cluster = RealCluster(Layout(name=name), build())

    def __enter__(self) -> Self:
        if not self._is_borrowed:
            self._bring_up()
        assert self._cluster.is_up(), f"PVDIFY_TEST_CLUSTER: no cluster {self.name} is up"
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        if not self._is_borrowed:
            self._cluster.down()

    def _bring_up(self) -> None:
        try:
            self._cluster.up(owner=os.getpid())
        except InUse:
            raise
        except BaseException:
            self._cluster.down()
            raise

    @property
    def name(self) -> str:
        return self._cluster.layout.name

    @property
    def kubeconfig(self) -> Path:
        """Of the administrator; its server is reached from the outside network only."""
        return self._cluster.layout.kubeconfig

    @property
    def volumes(self) -> Path:
        """The folder on this machine that has the files of all claims, by the name of the volume."""
        return self._cluster.layout.folder / "volumes"

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of the workers."""
        return tuple(node.name for node in self._cluster.layout.workers)

    def kill_node(self, name: str) -> None:
        """Cut the power of a worker; the API notices after 20 s."""
        self._cluster.kill_node(name)

    def start_node(self, name: str) -> None:
        """Switch it on again, and wait until it is Ready."""
        self._cluster.start_node(name)
        self._cluster.wait_for_nodes(name)

    def ready_nodes(self) -> set[str]:
        return self._cluster.ready_nodes()

    def kill_api(self) -> None:
        self._cluster.kill_api()

    def start_api(self) -> None:
        """Start the API server again, and wait until it answers."""
        self._cluster.start_api()

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Run kubectl as the administrator."""
        return self._cluster.kubectl(*arguments, stdin=stdin)

    def apply(self, *objects: Mapping[str, object]) -> None:
        listed = {"apiVersion": "v1", "kind": "List", "items": objects}
        self.kubectl("apply", "--filename=-", stdin=json.dumps(listed))

    def command(self, *argv: str) -> tuple[str, ...]:
        """The command that runs ``argv`` in the outside network."""
        return self._cluster.command(*argv)

    @property
    def environment(self) -> dict[str, str]:
        """Of a program that uses the cluster."""
        return self._cluster.environment()

    def run(self, *argv: str, stdin: str = "", check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run a program in the outside network."""
        done = subprocess.run(
            self.command(*argv), check=False, input=stdin, capture_output=True, text=True, env=self.environment,
            timeout=RUN_SECONDS,
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{' '.join(argv)}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Move this thread to the outside network. Threads and processes that it starts meanwhile are there, too."""
        with Path(f"/proc/self/task/{threading.get_native_id()}/ns/net").open("rb") as here:
            with (NAMESPACES / self._cluster.layout.namespace("outside")).open("rb") as there:
                _enter(there.fileno())
            try:
                yield
            finally:
                _enter(here.fileno())

    def push_image(
        self,
        name: str = SMALL_REPOSITORY,
        *,
        content: str = "",
        entrypoint: tuple[str, ...] = (),
        command: tuple[str, ...] = ("/bin/sleep", "1000"),
        environment: tuple[str, ...] = ("PATH=/bin", "GREETING=from the image"),
        port: int | None = 8080,
        private: bool = False,
    ) -> str:
        """Push the image of busybox that tests.support.images describes; return its reference with a digest."""
        config: dict[str, object] = {"Cmd": list(command), "Env": list(environment)}
        if entrypoint:
            config["Entrypoint"] = list(entrypoint)
        if port:
            config["ExposedPorts"] = {f"{port}/tcp": {}}
        return self.push_layers(name, [small_images.file_system(content)], config, private=private)

    def push_sample(self, version: str, name: str = "hello", *, tag: str = "latest", **environment: str) -> str:
        """Push examples/hello; return its reference with a digest. ``environment``: variables of app.py."""
        return self.push_layers(name, sample_layers(), sample_config(version, **environment), tag=tag)

    def push_layers(
        self,
        name: str,
        layers: list[bytes],
        config: Mapping[str, object],
        *,
        tag: str = "latest",
        private: bool = False,
    ) -> str:
        """Push an image of these tar files; return its reference with a digest."""
        address = self.private_registry if private else self.registry
        with tempfile.TemporaryDirectory() as folder:
            archive, digest = Path(folder, "image.tar"), Path(folder, "digest")
            images.write_archive(archive, f"{name}:{tag}", layers, config)
            login = ("--dest-creds", ":".join(self.private_login)) if private else ()
            self.run(
                "skopeo", "copy", "--quiet", "--insecure-policy", "--dest-tls-verify=false", *login,
                "--digestfile", str(digest), f"docker-archive:{archive}", f"docker://{address}/{name}:{tag}",
            )  # fmt: skip
            return f"{address}/{name}@{digest.read_text().strip()}"


def _enter(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
