"""Copies of a cluster's volumes, with an API server in memory, and helpers whose commands run on a directory."""

import errno
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from pvdify.adapters.kubernetes.archive import MOUNT
from pvdify.adapters.kubernetes.causes import incomplete
from pvdify.adapters.kubernetes.cluster import Cluster
from pvdify.adapters.kubernetes.helper_pods import HelperPods, helper_pod
from pvdify.adapters.kubernetes.kubectl import Kubectl
from pvdify.adapters.kubernetes.manifests import Storage, is_incomplete
from pvdify.adapters.kubernetes.names import HELPER, Scope
from pvdify.adapters.kubernetes.volume_copies import ClusterVolumeCopies
from pvdify.adapters.kubernetes.volumes import ClusterVolumes
from pvdify.adapters.subprocess.command_runner import SubprocessRunner
from pvdify.errors import BackupFailed, RuntimeUnavailable, VolumeExists, VolumeInUse
from pvdify.model.instance import InstanceSpec, Limits
from pvdify.plumbing.command_runner import Argv, Piped
from tests.fakes.clock import FakeClock

SCOPE = Scope(server="s1", prefix="pvd-")
ID, APP = "shop-data-1", "shop"
CLAIM = f"/api/v1/namespaces/pvd-{APP}/persistentvolumeclaims/{ID}"


class Api:
    """Objects by path. A pod runs as soon as it is made, on the node n1."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.pods: list[dict[str, Any]] = []  # each one that was made
        self.is_away = False

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        if self.is_away:
            raise httpx2.ConnectError("connection refused", request=request)
        if request.method == "POST":
            made = json.loads(request.content)
            if made["kind"] == "Pod":
                made["spec"]["nodeName"] = "n1"
                made["status"] = {"phase": "Running", "containerStatuses": [{"state": {"running": {}}}]}
                self.pods.append(made)
            self.objects[f"{path}/{made['metadata']['name']}"] = made
            return httpx2.Response(201, json=made)
        if request.method == "GET" and path not in self.objects and path.endswith("s"):
            return httpx2.Response(200, json={"items": self._listed(path, request.url.params["labelSelector"])})
        if path not in self.objects:
            return httpx2.Response(404, json={"reason": "NotFound", "message": "no"})
        if request.method == "DELETE":
            return httpx2.Response(200, json=self.objects.pop(path))
        if request.method == "PATCH":
            for name, value in json.loads(request.content)["metadata"]["annotations"].items():
                there = self.objects[path]["metadata"].setdefault("annotations", {})
                there.pop(name, None) if value is None else there.update({name: value})
        return httpx2.Response(200, json=self.objects[path])

    def claim(self) -> dict[str, Any]:
        return self.objects[CLAIM]

    def left(self) -> list[str]:
        return [path for path in self.objects if "/pods/" in path]

    def _listed(self, path: str, selector: str) -> list[dict[str, Any]]:
        kind = path.rpartition("/")[2]
        parts = selector.split(",")
        wanted = [each.partition("=") for each in parts if "!=" not in each]
        unwanted = [each.split("!=") for each in parts if "!=" in each]
        found = [it for at, it in self.objects.items() if at.rpartition("/")[0].endswith(f"/{kind}")]
        if "/namespaces/" in path:
            found = [it for it in found if it["metadata"]["namespace"] == path.split("/")[-2]]
        return [
            it for it in found
            if all(key in it["metadata"].get("labels", {}) for key, _, _ in wanted)
            and all(it["metadata"]["labels"][key] == value for key, sign, value in wanted if sign)
            and all(it["metadata"]["labels"].get(key) != value for key, value in unwanted)
        ]  # fmt: skip


class Runner(SubprocessRunner):
    """Runs kubectl's commands on a directory in place of the volume. ``cuts``: bytes after which its streams end."""

    def __init__(self, volume: Path) -> None:
        self.volume, self.cuts = volume, None

    @asynccontextmanager
    async def pipe(self, argv: Argv, **_: object) -> AsyncIterator[Piped]:
        is_inside = argv[0] == "kubectl"
        if is_inside:
            script = argv[-1].replace(MOUNT, str(self.volume)).replace(" && sync", "")
            argv = ("/bin/sh", "-c", script if self.cuts is None else f"{{ {script}\n}} | head -c {self.cuts}")
        async with super().pipe(argv) as piped:
            yield piped


class Namespaces:
    async def ensure(self, app: str) -> None: ...

    def forget(self, app: str) -> None: ...


class Bench:
    def __init__(self, directory: Path) -> None:
        self.api, self.clock, self.runner = Api(), FakeClock(), Runner(directory / "volume")
        self.runner.volume.mkdir()
        cluster = Cluster(kubeconfig="", clock=self.clock, connect=self._connect)
        storage = Storage(storage_class="", size=1024**2)
        volumes = ClusterVolumes(
            cluster=cluster, scope=SCOPE, clock=self.clock, namespaces=Namespaces(), storage=storage,  # type: ignore[arg-type]
            helper_image="helper",
        )  # fmt: skip
        self.helpers = HelperPods(cluster=cluster, scope=SCOPE, clock=self.clock, image="helper")
        self.copies = ClusterVolumeCopies(
            cluster=cluster, scope=SCOPE, namespaces=Namespaces(), volumes=volumes, storage=storage,  # type: ignore[arg-type]
            helpers=self.helpers,
            kubectl=Kubectl(binary="kubectl", kubeconfig="", attach=None), runner=self.runner,  # type: ignore[arg-type]
        )  # fmt: skip

    def make_claim(self) -> None:
        document = claim_document()
        self.api.objects[CLAIM] = document

    def mount(self) -> None:
        """Let an instance have the volume."""
        self.api.objects[f"/api/v1/namespaces/pvd-{APP}/pods/web"] = {
            "metadata": {"name": "web", "namespace": f"pvd-{APP}", "labels": {"pvdify.win/server": "s1"}},
            "spec": {"nodeName": "n2", "volumes": [{"persistentVolumeClaim": {"claimName": ID}}]},
            "status": {"phase": "Running"},
        }

    def _connect(self, _: str) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self.api.answer), base_url="https://api.example.com")


def claim_document() -> dict[str, Any]:
    from pvdify.adapters.kubernetes.manifests import claim

    return claim(SCOPE, APP, ID, Storage(storage_class="", size=1024**2))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@asynccontextmanager
async def lock() -> AsyncIterator[None]:
    yield


async def test_a_volume_is_copied_out_on_the_node_that_has_it(bench: Bench, tmp_path: Path):
    bench.make_claim()
    bench.mount()
    (bench.runner.volume / "file").write_text("content")

    assert await bench.copies.copy_out(ID, tmp_path / "out", while_frozen=None) == 0.0

    assert (tmp_path / "out" / "file").read_text() == "content"
    (helper,) = bench.api.pods
    assert "n2" in json.dumps(helper["spec"]["affinity"])
    assert helper["metadata"]["labels"][HELPER] == ID
    assert [path.rpartition("/")[2] for path in bench.api.left()] == ["web"]


async def test_a_helper_that_could_not_be_removed_is_removed_later(bench: Bench):
    """Until then it holds the volume, so that no instance on another node could start with it."""
    async with bench.helpers.open(APP, ID, ""):
        bench.api.is_away = True
    assert len(bench.api.left()) == 1

    bench.api.is_away = False
    await bench.clock.sleep(600)

    assert bench.api.left() == []


async def test_a_volume_in_use_is_refused_without_commands_of_the_app(bench: Bench, tmp_path: Path):
    bench.make_claim()
    bench.mount()

    with pytest.raises(BackupFailed, match="was not copied as it is at one moment") as refused:
        await bench.copies.copy_out(ID, tmp_path / "out", while_frozen=lock())

    assert "backup: {before: CMD}" in refused.value.next
    assert bench.api.pods == []


async def test_a_volume_that_nothing_uses_is_copied(bench: Bench, tmp_path: Path):
    bench.make_claim()
    (bench.runner.volume / "file").write_text("content")

    await bench.copies.copy_out(ID, tmp_path / "out", while_frozen=lock())

    assert (tmp_path / "out" / "file").read_text() == "content"


async def test_a_cut_stream_is_a_failed_copy(bench: Bench, tmp_path: Path):
    bench.make_claim()
    (bench.runner.volume / "file").write_bytes(os.urandom(50_000))

    for cuts in (0, 512, 30_000, 61_000):
        bench.runner.cuts = cuts
        with pytest.raises(BackupFailed, match="the files of the volume shop-data-1 were not copied"):
            await bench.copies.copy_out(ID, tmp_path / f"out-{cuts}", while_frozen=None)
    assert bench.api.left() == []


async def test_a_full_disk_of_this_machine_is_named(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(self: Path, **_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    bench.make_claim()
    (bench.runner.volume / "file").write_text("content")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", fail)
        with pytest.raises(RuntimeUnavailable, match="was not copied") as full:
            await bench.copies.copy_out(ID, tmp_path / "out", while_frozen=None)
    assert "no space is left" in full.value.why

    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "file").mkdir()  # tar cannot write there, as on a full disk
    (tmp_path / "out" / "file" / "in the way").touch()
    with pytest.raises(BackupFailed) as failed:
        await bench.copies.copy_out(ID, tmp_path / "out", while_frozen=None)
    assert "tar on this machine" in failed.value.why


async def test_a_restored_claim_has_room_for_its_files_and_no_mark(bench: Bench, tmp_path: Path):
    (content := tmp_path / "content").mkdir()
    (content / "file").write_bytes(b"x" * 4_000_000)

    await bench.copies.copy_in(APP, ID, content)

    assert (bench.runner.volume / "file").read_bytes() == b"x" * 4_000_000
    assert sorted(path.name for path in bench.runner.volume.iterdir()) == ["file"]
    assert not is_incomplete(bench.api.claim())
    assert int(bench.api.claim()["spec"]["resources"]["requests"]["storage"]) > 5_000_000


async def test_an_interrupted_restore_keeps_its_mark_until_it_is_repeated(bench: Bench, tmp_path: Path):
    (content := tmp_path / "content").mkdir()
    (content / "file").write_text("content")
    (obstacle := bench.runner.volume / ".pvdify-complete" / "file").parent.mkdir()
    obstacle.write_text("the last step fails")
    with pytest.raises(BackupFailed):
        await bench.copies.copy_in(APP, ID, content)
    assert is_incomplete(bench.api.claim())
    first = bench.api.claim()

    obstacle.unlink()
    await bench.copies.copy_in(APP, ID, content)

    assert bench.api.claim() is not first  # it was made anew, and is empty
    assert not is_incomplete(bench.api.claim())


async def test_a_volume_with_content_is_never_written_over(bench: Bench, tmp_path: Path):
    bench.make_claim()
    (content := tmp_path / "content").mkdir()
    (bench.runner.volume / "file").write_text("precious")

    with pytest.raises(VolumeExists):
        await bench.copies.copy_in(APP, ID, content)

    assert (bench.runner.volume / "file").read_text() == "precious"
    assert not is_incomplete(bench.api.claim())


async def test_helpers_of_a_killed_server_are_removed_and_an_absent_api_server_hinders_nothing(bench: Bench):
    bench.make_claim()
    helper = {"name": "files-1", "namespace": f"pvd-{APP}", "labels": {"pvdify.win/server": "s1", HELPER: ID}}
    path = f"/api/v1/namespaces/pvd-{APP}/pods/files-1"
    bench.api.objects[path] = {"metadata": helper, "spec": {}, "status": {"phase": "Running"}}
    own = helper_pod(SCOPE, APP, "files-2", ID, image="helper", node="")  # of a copy that is under way
    bench.api.objects[path.replace("files-1", "files-2")] = own
    bench.mount()

    await bench.copies.thaw()
    assert [path.rpartition("/")[2] for path in bench.api.left()] == ["files-2", "web"]

    bench.api.is_away = True
    await bench.copies.thaw()
    with pytest.raises(RuntimeUnavailable):
        await bench.copies.copy_out(ID, Path("/nowhere"), while_frozen=None)


async def test_an_incomplete_copy_is_discarded_with_its_helper(bench: Bench, tmp_path: Path):
    (content := tmp_path / "content").mkdir()
    (bench.runner.volume / ".pvdify-complete" / "file").parent.mkdir()
    (bench.runner.volume / ".pvdify-complete" / "file").write_text("the last step fails")
    with pytest.raises(BackupFailed):
        await bench.copies.copy_in(APP, ID, content)
    helper = {"name": "files-1", "namespace": f"pvd-{APP}", "labels": {"pvdify.win/server": "s1", HELPER: ID}}
    claimed = [{"name": "volume", "persistentVolumeClaim": {"claimName": ID}}]
    path = f"/api/v1/namespaces/pvd-{APP}/pods/files-1"
    bench.api.objects[path] = {"metadata": helper, "spec": {"volumes": claimed}, "status": {"phase": "Running"}}

    await bench.copies.discard(ID)
    await bench.copies.discard(ID)  # absent is fine

    assert CLAIM not in bench.api.objects
    assert bench.api.left() == []


async def test_a_used_copy_is_not_discarded(bench: Bench):
    bench.make_claim()
    bench.mount()

    with pytest.raises(VolumeInUse):
        await bench.copies.discard(ID)

    assert CLAIM in bench.api.objects


def test_the_error_of_an_instance_names_the_volume_and_the_way():
    spec = InstanceSpec(
        name="pvdify-shop-web-v2-1", app=APP, process="web", slot=2, number=1, image_id="image",
        limits=Limits(memory=64 * 1024**2),
    )  # fmt: skip
    error = incomplete(spec, ID)

    assert ID in error.why
    assert "pvdify backups:restore shop" in error.next
