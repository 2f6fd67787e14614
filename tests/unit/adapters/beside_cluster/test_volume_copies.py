from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from pvdify.adapters.beside_cluster.storage import VolumeCopiesBesideCluster
from tests.fakes.clock import FakeClock
from tests.fakes.supervisor import FakeSupervisor
from tests.fakes.volumes import FakeVolumes

INTO = Path("/nowhere")


class Copies:
    """Writes down what it was asked to do."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def copy_out(
        self, id: str, into: Path, *, while_frozen: AbstractAsyncContextManager[None] | None
    ) -> float:  # fmt: skip
        self.asked.append(f"out {id}")
        return 0.0

    async def copy_in(self, app: str, id: str, content: Path, *, runtime: str = "") -> None:
        self.asked.append(f"in {id} {runtime}")

    async def thaw(self) -> None:
        self.asked.append("thaw")


class Both:
    def __init__(self, *, is_used: bool) -> None:
        supervisor = FakeSupervisor(clock=FakeClock())
        supervisor.stored_volumes["here-data-1"] = "here"
        self.local, self.cluster = Copies(), Copies()

        async def uses() -> bool:
            return is_used

        self.copies = VolumeCopiesBesideCluster(
            local=self.local, cluster=self.cluster, local_volumes=FakeVolumes(supervisor), is_used=uses
        )


async def test_a_volume_is_copied_on_the_side_that_has_it():
    both = Both(is_used=True)

    await both.copies.copy_out("here-data-1", INTO, while_frozen=None)
    await both.copies.copy_out("there-data-1", INTO, while_frozen=None)
    await both.copies.thaw()

    assert both.local.asked == ["out here-data-1", "thaw"]
    assert both.cluster.asked == ["out there-data-1", "thaw"]


async def test_an_unused_cluster_is_not_asked():
    both = Both(is_used=False)

    await both.copies.copy_out("there-data-1", INTO, while_frozen=None)
    await both.copies.thaw()

    assert both.local.asked == ["out there-data-1", "thaw"]
    assert both.cluster.asked == []


@pytest.mark.parametrize(
    ("runtime", "is_there"), [("kubernetes", True), ("podman", False), ("systemd", False), ("", False)]
)
async def test_a_restored_volume_is_made_on_the_side_of_its_runtime(runtime: str, is_there: bool):
    both = Both(is_used=False)

    await both.copies.copy_in("app", "app-data-1", INTO, runtime=runtime)

    expected = [f"in app-data-1 {runtime}"]
    assert (both.cluster.asked, both.local.asked) == ((expected, []) if is_there else ([], expected))
