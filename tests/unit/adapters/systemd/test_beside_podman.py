"""Detached containers and units side by side on one podman."""

from dataclasses import replace
from pathlib import Path

import pytest

from pvdify.adapters.systemd.beside_podman import InstancesBesidePodman
from pvdify.adapters.systemd.units import Units
from pvdify.model.instance import FoundInstance, InstanceSpec, InstanceState, Limits, Role

WEB = InstanceSpec(name="pvdify-shop-web-v1-1", app="shop", process="web", slot=1, number=1, image_id="f00d",
                   limits=Limits(memory=2**26))  # fmt: skip
MARK = """\
[X-Pvdify]
Server={server}
Name={name}
App=shop
Process=web
Slot=1
Number=1
Role=instance
Operation=
Host=
Port=
"""


class Half:
    """One of the two runtimes; it records its calls."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, object]] = []
        self.running: set[str] = set()

    async def find(self, app: str | None = None) -> tuple[FoundInstance, ...]:
        self.asked.append(("find", app))
        facts = {"app": "shop", "process": "web", "slot": 1, "role": Role.INSTANCE, "operation": ""}
        return tuple(
            FoundInstance(name=name, number=number, state=InstanceState.RUNNING, **facts)  # type: ignore[arg-type]
            for number, name in enumerate((WEB.name, "pvdify-shop-web-v1-2"), start=1)
        )

    async def is_running(self, name: str) -> bool:
        return name in self.running

    def __getattr__(self, verb: str):
        async def ask(what: object, *_: object) -> str:
            self.asked.append((verb, getattr(what, "name", what)))
            return verb

        return ask


@pytest.fixture
def units(tmp_path: Path) -> Units:
    return Units(server_id="abc", run_dir=tmp_path, directory=tmp_path)


@pytest.fixture
def halves() -> tuple[Half, Half]:
    return Half(), Half()


@pytest.fixture
def both(halves: tuple[Half, Half], units: Units) -> InstancesBesidePodman:
    podman, systemd = halves
    return InstancesBesidePodman(podman=podman, systemd=systemd, units=units, default="podman")


def give_unit(directory: Path, *, server: str = "abc") -> None:
    (directory / f"{WEB.name}.service").write_text(MARK.format(server=server, name=WEB.name))


@pytest.mark.parametrize(("runtime", "starts"), [("", 0), ("podman", 0), ("systemd", 1)])
async def test_the_spec_says_where_an_instance_starts(
    both: InstancesBesidePodman, halves: tuple[Half, Half], runtime: str, starts: int
):
    await both.start(replace(WEB, runtime=runtime))
    await both.create(replace(WEB, runtime=runtime))

    assert halves[starts].asked == [("start", WEB.name), ("create", WEB.name)]
    assert halves[1 - starts].asked == []


async def test_an_instance_that_runs_is_not_started_again_on_the_other_runtime(
    both: InstancesBesidePodman, halves: tuple[Half, Half]
):
    halves[0].running.add(WEB.name)

    await both.start(replace(WEB, runtime="systemd"))

    assert halves[1].asked == []


async def test_an_instance_with_a_unit_is_stopped_and_removed_with_it(
    both: InstancesBesidePodman, halves: tuple[Half, Half], tmp_path: Path
):
    give_unit(tmp_path)

    await both.stop(WEB.name, 10.0)
    await both.refresh(WEB)
    await both.remove(WEB.name)
    await both.stop("pvdify-shop-web-v1-2", 10.0)
    await both.remove("pvdify-shop-web-v1-2")

    assert halves[1].asked == [("stop", WEB.name), ("refresh", WEB.name), ("remove", WEB.name)]
    assert halves[0].asked == [("stop", "pvdify-shop-web-v1-2"), ("remove", "pvdify-shop-web-v1-2")]


async def test_a_service_that_is_down_loses_its_unit_when_it_starts_on_podman(
    both: InstancesBesidePodman, halves: tuple[Half, Half], tmp_path: Path
):
    give_unit(tmp_path)

    await both.start(replace(WEB, runtime="podman"))

    assert halves[1].asked == [("remove", WEB.name)]
    assert halves[0].asked == [("start", WEB.name)]


async def test_units_of_another_server_are_ignored(
    both: InstancesBesidePodman, halves: tuple[Half, Half], tmp_path: Path
):
    give_unit(tmp_path, server="other")

    await both.remove(WEB.name)

    assert (halves[0].asked, halves[1].asked) == ([("remove", WEB.name)], [])


async def test_each_instance_is_found_once_with_its_runtime_and_systemd_is_asked_only_if_there_are_units(
    both: InstancesBesidePodman, halves: tuple[Half, Half], tmp_path: Path
):
    before = await both.find("shop")
    give_unit(tmp_path)
    after = await both.find("shop")

    assert [each.runtime for each in before] == ["podman", "podman"]
    assert [each.runtime for each in after] == ["systemd", "podman"]
    assert (halves[0].asked, halves[1].asked) == ([("find", "shop")], [("find", "shop")])
