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


class Known:
    """The part of a store that the check reads."""

    def __init__(self, *placed: Placed, chosen: str = "") -> None:
        self._placed, self._chosen = placed, chosen

    async def slots(self) -> tuple[Placed, ...]:
        return self._placed

    async def runtime_choice(self) -> RuntimeChoice | None:
        if not self._chosen:
            return None
        return RuntimeChoice(name=self._chosen, before="", state=MoveState.SETTLED, chosen_at=NOW, chosen_by="admin")


def check(runtime: str, known: Known, tmp_path: Path):
    return check_runtime(known, load({"runtime": runtime}, {}, tmp_path / "none"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("runtime", "known", "words"),
    [
        ("kubernetes", Known(Placed("shop", "podman")), "shop runs on podman"),
        ("kubernetes", Known(Placed("shop", "systemd"), Placed("blog", "kubernetes")), "shop runs on systemd"),
        ("kubernetes", Known(Placed("shop", "")), "shop runs on podman"),
        ("podman", Known(Placed("shop", "kubernetes"), Placed("blog", "kubernetes")), "blog, shop run on kubernetes"),
        ("kubernetes", Known(chosen="systemd"), "systemd was chosen"),
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
        ("systemd", Known(Placed("shop", "podman"), chosen="podman")),
    ],
)
async def test_a_server_with_reachable_instances_starts(runtime: str, known: Known, tmp_path: Path):
    await check(runtime, known, tmp_path)
