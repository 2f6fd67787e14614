"""User namespaces of containers, on a real podman: who they are on the host, and who owns the files of volumes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pvdify.adapters.podman.attached.inside import PodmanInside
from pvdify.adapters.podman.attached.one_offs import PodmanOneOffs
from pvdify.adapters.podman.calls import Calls
from pvdify.adapters.podman.commands import ask_for_mountpoint
from pvdify.adapters.podman.labels import volume_of
from pvdify.adapters.podman.volumes.volume_copies import PodmanVolumeCopies
from pvdify.adapters.subprocess.attached import attach
from pvdify.model.instance import Exit, InstanceSpec, Limits, Role
from pvdify.model.volume import Mount
from pvdify.ports.attached import Attached
from tests.support.images import build_image, image_id, missing_for_podman
from tests.support.podman import USER_IDS, PodmanServer, missing_for_user_namespaces, podman, podman_server

pytestmark = [pytest.mark.podman, pytest.mark.skipif(bool(missing_for_podman()), reason=str(missing_for_podman()))]
FIRST, SECOND = USER_IDS[0], USER_IDS[1]
WWW = Mount(path="/www", volume="shop-www-1")  # a directory of the image, with two files
STAYS = "exec sleep 1000"
IS_OURS = 'test "$(busybox stat -c %u:%g /www /www/index.html | busybox sort -u)" = 0:0'
WRITES = "echo more >> /www/index.html && echo new > /www/new"


@pytest.fixture(scope="module")
def image() -> str:
    if missing := missing_for_user_namespaces():
        pytest.skip(missing)
    return image_id(build_image(content="hello"))


@pytest.fixture
def server(image: str, tmp_path: Path) -> Iterator[PodmanServer]:
    with podman_server(tmp_path) as server:
        yield server


def make_spec(image: str, command: str, app: str = "shop", slot: int = 1, **parts) -> InstanceSpec:
    usual = {
        "name": f"pvdify-{app}-web-v{slot}-1", "app": app, "process": "web", "slot": slot, "number": 1,
        "image_id": image, "command": command, "limits": Limits(memory=32 * 1024**2),
    }  # fmt: skip
    return InstanceSpec(**(usual | parts))


async def end_of(server: PodmanServer, calls: Calls, spec: InstanceSpec) -> Exit:
    instances = server.supervisor_on(calls).instances
    await instances.start(spec)
    ended = await instances.wait(spec.name)
    await instances.remove(spec.name)
    return ended


def directory_of(server: PodmanServer, id: str) -> Path:
    return Path(podman(*ask_for_mountpoint("podman", volume_of(server.server_id, id))[1:]))


def users_of(pid: int | None) -> tuple[int, int]:
    """The user of a process on the host, and the user that root of its container is."""
    status = Path(f"/proc/{pid}/status").read_text()
    user = next(line.split()[1] for line in status.splitlines() if line.startswith("Uid:"))
    return int(user), int(Path(f"/proc/{pid}/uid_map").read_text().split()[1])


async def said_by(process: Attached) -> str:
    said = b""
    while (piece := await process.read()) is not None:
        said += piece.data
    assert await process.wait() == 0
    return said.decode()


async def test_root_of_each_app_is_another_ordinary_user_of_the_host(server, image):
    calls = server.calls(has_user_namespaces=True)
    instances = server.supervisor_on(calls).instances

    for app in ("shop", "blog"):
        await instances.start(make_spec(image, STAYS, app))

    pids = {found.app: found.pid for found in await instances.find()}
    assert users_of(pids["shop"]) == (FIRST, FIRST)
    assert users_of(pids["blog"]) == (SECOND, SECOND)


async def test_commands_have_the_users_of_their_app(server, image):
    calls = server.calls(has_user_namespaces=True)
    spec = make_spec(image, STAYS)
    await server.supervisor_on(calls).instances.start(spec)
    inside = PodmanInside(calls=calls, attach=attach, run_dir=server.run_dir)
    one_offs = PodmanOneOffs(calls=calls, attach=attach, run_dir=server.run_dir)
    asks = "head -n 1 /proc/self/uid_map"
    run = make_spec(image, asks, name="pvdify-shop-run-v1-1", process="run", role=Role.RUN)

    entered = await said_by(await inside.enter(spec.name, 1, asks, None))
    ran = await said_by(await one_offs.start(run, None))

    assert entered.split() == ran.split() == ["0", str(FIRST), "65536"]


async def test_a_new_volume_has_the_files_and_owners_of_the_image(server, image):
    calls = server.calls(has_user_namespaces=True)

    assert (await end_of(server, calls, make_spec(image, f"{IS_OURS} && {WRITES}", mounts=(WWW,)))).code == 0

    files = list(directory_of(server, "shop-www-1").iterdir())
    assert {file.name for file in files} >= {"index.html", "health", "new"}
    assert {file.stat().st_uid for file in files} == {0}
    assert "filler" not in podman("ps", "--all", "--format", "{{.Names}}")


async def test_a_volume_is_written_with_each_setting_after_any_other_container_wrote_it(server, image):
    on, off = server.calls(has_user_namespaces=True), server.calls(has_user_namespaces=False)

    for slot, calls in enumerate((off, on, off, on), start=1):
        spec = make_spec(image, f"{IS_OURS} && {WRITES}", slot=slot, mounts=(WWW,))
        assert (await end_of(server, calls, spec)).code == 0, f"container {slot}"
    other_users = make_spec(image, f"{IS_OURS} && {WRITES}", "blog", mounts=(WWW,))

    assert (await end_of(server, on, other_users)).code == 0
    assert (directory_of(server, "shop-www-1") / "index.html").read_text().count("more") == 5


async def test_a_restored_volume_keeps_its_owners_and_is_written(server, image, tmp_path):
    content, calls = tmp_path / "content", server.calls(has_user_namespaces=True)
    content.mkdir(mode=0o755)
    (content / "index.html").write_text("restored")
    copies = PodmanVolumeCopies(run=calls.run, server_id=server.server_id, binary="podman", mark=tmp_path / "mark")
    await copies.copy_in("shop", "shop-www-1", content)

    ended = await end_of(server, calls, make_spec(image, f"{IS_OURS} && {WRITES}", mounts=(WWW,)))

    assert ended.code == 0
    assert (directory_of(server, "shop-www-1") / "index.html").read_text() == "restoredmore\n"


async def test_a_copy_of_a_volume_keeps_its_owners_and_is_written(server, image):
    calls, copy = server.calls(has_user_namespaces=True), Mount(path="/www", volume="shop-www-2")
    assert (await end_of(server, calls, make_spec(image, WRITES, mounts=(WWW,)))).code == 0

    await calls.volumes.copy("shop-www-1", "shop-www-2", "blog")

    ended = await end_of(server, calls, make_spec(image, f"{IS_OURS} && {WRITES}", "blog", mounts=(copy,)))
    assert ended.code == 0


async def test_a_directory_without_a_volume_is_written_and_removed(server, image):
    calls, before = server.calls(has_user_namespaces=True), podman("volume", "ls", "--quiet")

    ended = await end_of(server, calls, make_spec(image, f"{IS_OURS} && {WRITES}", mounts=(Mount(path="/www"),)))

    assert ended.code == 0
    assert podman("volume", "ls", "--quiet") == before
