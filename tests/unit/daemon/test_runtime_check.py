"""pvdifyd does not start where it cannot reach the instances that it knows."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pvdify.daemon.runtime_check import check_runtime
from pvdify.errors import InvalidError
from pvdify.model.runtime_choice import MoveState, RuntimeChoice
from pvdify.settings import load

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Placed:
    app: str
    runtime: str


@dataclass
class Kept:
    name: str
    image_id: str


class Known:
    """The part of a store that the check reads."""

    def __init__(self, *placed: Placed, chosen: str = "", service: str = "") -> None:
        self._placed, self._chosen, self._service = placed, chosen, service

    async def services(self) -> tuple[Kept, ...]:
        return (Kept("db", self._service),) if self._service else ()

    async def slots(self) -> tuple[Placed, ...]:
        return self._placed

    async def runtime_choice(self) -> RuntimeChoice | None:
        if not self._chosen:
            return None
        return RuntimeChoice(name=self._chosen, before="", state=MoveState.SETTLED, chosen_at=NOW, chosen_by="admin")


def check(runtime: str, known: Known, tmp_path: Path, **more: str):
    return check_runtime(known, load({"runtime": runtime, **more}, {}, tmp_path / "none"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("runtime", "known", "words"),
    [
        ("kubernetes", Known(Placed("shop", "podman")), "shop runs on podman"),
        ("kubernetes", Known(Placed("shop", "systemd"), Placed("blog", "kubernetes")), "shop runs on systemd"),
        ("kubernetes", Known(Placed("shop", "")), "shop runs on podman"),
        ("podman", Known(Placed("shop", "kubernetes"), Placed("blog", "kubernetes")), "blog, shop run on kubernetes"),
        ("kubernetes", Known(chosen="systemd"), "systemd was chosen"),
        ("kubernetes", Known(service="ab12"), "the service db runs on podman"),
        ("podman", Known(service="reg.example.com/postgres@sha256:ab"), "the service db runs on kubernetes"),
    ],
)
async def test_unreachable_instances_are_named_and_not_changed(runtime: str, known: Known, words: str, tmp_path: Path):
    with pytest.raises(InvalidError, match=r"did not start.*keep running") as refused:
        await check(runtime, known, tmp_path)

    assert words in refused.value.why
    assert "set runtime = " in refused.value.next


@pytest.mark.parametrize(
    ("runtime", "known"),
    [
        ("kubernetes", Known()),
        ("kubernetes", Known(Placed("shop", "kubernetes"))),
        ("podman", Known(Placed("shop", "systemd"), Placed("blog", "podman"), Placed("old", ""))),
        ("systemd", Known(Placed("shop", "podman"), chosen="podman", service="ab12")),
    ],
)
async def test_a_server_with_reachable_instances_starts(runtime: str, known: Known, tmp_path: Path):
    await check(runtime, known, tmp_path)


async def test_with_a_kubeconfig_one_machine_reaches_the_cluster_too(tmp_path: Path):
    known = Known(Placed("shop", "kubernetes"), Placed("blog", "podman"), chosen="kubernetes", service="ab12")

    await check("podman", known, tmp_path, kubeconfig="/etc/pvdify/kubeconfig")
