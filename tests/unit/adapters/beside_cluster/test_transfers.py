"""Copies of volumes from one side to the other: which side is asked, and what is refused."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from pvdify.adapters.beside_cluster.transfers import TransfersBesideCluster
from pvdify.errors import VolumeInUse
from tests.fakes.clock import FakeClock
from tests.fakes.supervisor import FakeSupervisor
from tests.fakes.volumes import FakeVolumes

HERE, THERE, COPY = "blog-data-1", "shop-data-1", "shop-data-2"


class Files:
    """The directories of this machine's volumes."""

    def __init__(self) -> None:
        self.used, self.made, self.flushed = set[str](), set[str](), set[str]()

    async def is_used(self, id: str) -> bool:
        return id in self.used

    async def directory(self, id: str) -> Path:
        return Path("/volumes") / id

    async def flush(self, id: str) -> None:
        assert id in self.made
        self.flushed.add(id)

    async def new_directory(self, app: str, id: str) -> Path:
        self.made.add(id)
        return Path("/volumes") / id


class Copies:
    """The cluster's copier, which writes down what it was asked to do."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []

    async def copy_out(
        self, id: str, into: Path, *, while_frozen: AbstractAsyncContextManager[None] | None
    ) -> float:  # fmt: skip
        assert while_frozen is not None, "a volume in use must be refused"
        self.asked.append(("out", id, str(into)))
        return 0.0

    async def copy_in(self, app: str, id: str, content: Path, *, runtime: str = "") -> None:
        self.asked.append(("in", id, str(content)))

    async def thaw(self) -> None:
        raise AssertionError("helpers of backups may be under way")

    async def discard(self, id: str) -> None:
        self.asked.append(("discard", id))


class Both:
    def __init__(self, *, is_used: bool = True) -> None:
        here, there = (FakeSupervisor(clock=FakeClock()) for _ in range(2))
        here.stored_volumes[HERE], there.stored_volumes[THERE] = "blog", "shop"
        self.stored_here = here.stored_volumes
        self.files, self.copies = Files(), Copies()

        async def uses() -> bool:
            return is_used

        self.transfers = TransfersBesideCluster(
            files=self.files, copies=self.copies, local=FakeVolumes(here), cluster=FakeVolumes(there), is_used=uses
        )  # fmt: skip


async def test_files_go_straight_from_one_volume_into_the_other():
    both = Both()

    await both.transfers.copy("blog", HERE, COPY, "kubernetes")
    await both.transfers.copy("shop", THERE, COPY, "podman")

    assert both.copies.asked == [("in", COPY, f"/volumes/{HERE}"), ("out", THERE, f"/volumes/{COPY}")]
    assert both.files.made == both.files.flushed == {COPY}


@pytest.mark.parametrize(("source", "runtime"), [(THERE, "kubernetes"), (HERE, "podman"), ("never-used", "podman")])
async def test_a_volume_that_is_not_stored_on_the_other_side_makes_no_copy(source: str, runtime: str):
    both = Both()

    await both.transfers.copy("shop", source, COPY, runtime)

    assert (both.copies.asked, both.files.made) == ([], set())


async def test_a_volume_of_this_machine_that_a_container_uses_is_not_copied():
    both = Both()
    both.files.used.add(HERE)

    with pytest.raises(VolumeInUse):
        await both.transfers.copy("blog", HERE, COPY, "kubernetes")

    assert both.copies.asked == []


async def test_a_copy_is_discarded_on_its_side():
    both = Both()

    await both.transfers.discard(COPY, "kubernetes")
    await both.transfers.discard(HERE, "systemd")

    assert both.copies.asked == [("discard", COPY)]
    assert both.stored_here == {}


@pytest.mark.parametrize(
    ("id", "runtime", "is_across"),
    [(HERE, "kubernetes", True), (HERE, "podman", False), (THERE, "podman", True), (THERE, "kubernetes", False),
     ("none", "podman", False), ("none", "kubernetes", False)],
)  # fmt: skip
async def test_a_volume_is_across_if_only_the_other_side_has_it(id: str, runtime: str, is_across: bool):
    assert await Both().transfers.is_across(id, runtime) is is_across


async def test_a_cluster_without_apps_of_this_server_is_not_asked():
    assert not await Both(is_used=False).transfers.is_across(THERE, "podman")
