"""One machine and a cluster as one runtime: who is asked, and what happens while the cluster does not answer."""

from dataclasses import replace
from typing import Any

import pytest

from pvdify.adapters.beside_cluster.instances import ChangesBesideCluster, InstancesBesideCluster
from pvdify.adapters.beside_cluster.sides import Sides
from pvdify.adapters.beside_cluster.storage import ImagesBesideCluster, VolumesBesideCluster
from pvdify.errors import RuntimeHangs, StartFailed
from pvdify.model.instance import FoundInstance, InstanceSpec, InstanceState, Limits, Role
from pvdify.model.volume import Mount

HERE, THERE = "pvdify-blog-web-v1-1", "pvdify-shop-web-v2-1"
SPEC = InstanceSpec(name=HERE, app="blog", process="web", slot=1, number=1, image_id="f00d",
                    limits=Limits(memory=2**26))  # fmt: skip
AWAY = RuntimeHangs("the API server does not answer", why="refused", next="wait")


class Half:
    """Any port of one side, which notes what it is asked for."""

    def __init__(self, *names: str, answers: dict[str, Any] | None = None) -> None:
        self.names, self.answers = names, answers or {}
        self.asked: list[tuple[str, object]] = []
        self.is_away = False

    async def find(self, app: str | None = None) -> Any:
        self._note("find", app)
        if "find" in self.answers:
            return self.answers["find"]
        return tuple(
            FoundInstance(name=name, app=name.split("-")[1], process="web", slot=1, number=1, role=Role.INSTANCE,
                          operation="", state=InstanceState.RUNNING)
            for name in self.names
        )  # fmt: skip

    def __getattr__(self, verb: str) -> Any:
        async def ask(what: object = None, *_: object) -> Any:
            self._note(verb, getattr(what, "name", what))
            return self.answers.get(verb)

        return ask

    def _note(self, verb: str, what: object) -> None:
        self.asked.append((verb, what))
        if self.is_away:
            raise AWAY


class Both:
    def __init__(self, *, is_used: bool = True) -> None:
        self.local, self.cluster, self.is_used = Half(HERE), Half(THERE), is_used
        self.sides = Sides(self.cluster, lambda: self.is_used)
        self.stored_here, self.stored_there = Half(answers={"find": {}}), Half(answers={"find": {}})
        volumes = VolumesBesideCluster(local=self.stored_here, cluster=self.stored_there, sides=self.sides)
        self.instances = InstancesBesideCluster(
            local=self.local, cluster=self.cluster, volumes=volumes, sides=self.sides
        )


async def test_instances_of_both_sides_are_found_with_their_runtime():
    both = Both()
    both.local.answers["find"] = (replace((await Half(HERE).find())[0], runtime="systemd"),)

    found = await both.instances.find()

    assert [(each.name, each.runtime) for each in found] == [(HERE, "systemd"), (THERE, "kubernetes")]


async def test_a_cluster_that_no_app_uses_is_not_asked():
    both = Both(is_used=False)
    both.cluster.is_away = True

    found = await both.instances.find()
    await both.instances.stop(HERE, 1.0)
    await both.instances.remove("pvdify-gone-web-v1-1")

    assert [each.name for each in found] == [HERE]
    assert both.cluster.asked == []


async def test_the_spec_says_where_an_instance_starts_and_calls_by_name_follow_it():
    both = Both(is_used=False)
    new = replace(SPEC, name="pvdify-shop-web-v3-1", runtime="kubernetes")

    await both.instances.start(SPEC)
    await both.instances.start(new)
    await both.instances.stop(new.name, 1.0)
    await both.instances.stop(SPEC.name, 1.0)

    assert both.local.asked == [("start", HERE), ("stop", HERE)]
    assert both.cluster.asked == [("start", new.name), ("stop", new.name)]


@pytest.mark.parametrize(
    ("runtime", "here", "there", "starts"),
    [
        ("podman", {"v1": "blog"}, {}, True), ("podman", {}, {}, True), ("podman", {}, {"v1": "blog"}, False),
        ("kubernetes", {}, {"v1": "blog"}, True), ("kubernetes", {}, {}, True),
        ("kubernetes", {"v1": "blog"}, {}, False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("verb", ["start", "create"])
async def test_no_instance_starts_with_an_empty_volume_while_the_other_side_has_its_files(
    runtime: str, here: dict[str, str], there: dict[str, str], starts: bool, verb: str
):
    both = Both()
    both.stored_here.answers["find"], both.stored_there.answers["find"] = here, there
    spec = replace(SPEC, runtime=runtime, mounts=(Mount(path="/data", volume="v1"), Mount(path="/tmp/x")))

    if starts:
        await getattr(both.instances, verb)(spec)
    else:
        with pytest.raises(StartFailed, match="was not started"):
            await getattr(both.instances, verb)(spec)

    assert ((verb, HERE) in both.local.asked + both.cluster.asked) is starts


async def test_after_a_restart_of_pvdifyd_the_cluster_is_asked_for_a_name_that_is_not_known():
    both = Both()

    await both.instances.stop(THERE, 1.0)

    assert both.cluster.asked == [("find", None), ("stop", THERE)]
    assert both.local.asked == []


async def test_while_the_cluster_is_away_its_last_answer_counts_so_that_this_machine_is_repaired():
    both = Both()
    both.local.answers["restarts"] = ()
    before = await both.instances.find()
    both.cluster.is_away = True

    assert await both.instances.find() == before
    assert await both.instances.restarts() == ()


async def test_without_any_answer_of_the_cluster_nothing_is_said_of_its_instances():
    both = Both()
    both.cluster.is_away = True

    with pytest.raises(RuntimeHangs):
        await both.instances.find()
    with pytest.raises(RuntimeHangs):
        await both.instances.stop(THERE, 1.0)


async def test_an_images_id_says_on_which_side_it_is():
    local, cluster = Half(answers={"kept": frozenset({1})}), Half(answers={"kept": frozenset({2})})
    images = ImagesBesideCluster(local=local, cluster=cluster)

    await images.keep("ab12", "shop", 1)
    await images.keep("reg.example.com/shop@sha256:ab", "shop", 2)

    assert await images.kept("shop") == {1, 2}
    assert (local.asked[0], cluster.asked[0]) == (("keep", "ab12"), ("keep", "reg.example.com/shop@sha256:ab"))
    assert images.on("kubernetes") is cluster
    assert images.on("systemd") is images.on("") is local


@pytest.mark.parametrize(("id", "asked"), [("here", ("local",)), ("there", ("cluster",)), ("nowhere", ("local",))])
async def test_a_volume_is_removed_where_it_is(id: str, asked: tuple[str, ...]):
    local, cluster = Half(answers={"find": {"here": "blog"}}), Half(answers={"find": {"there": "shop"}})
    volumes = VolumesBesideCluster(local=local, cluster=cluster, sides=Sides(cluster, lambda: True))

    await volumes.remove(id)

    halves = {"local": local, "cluster": cluster}
    assert tuple(name for name, half in halves.items() if ("remove", id) in half.asked) == asked


@pytest.mark.parametrize(("id", "expected"), [("here", True), ("there", False)])
async def test_a_volume_survives_a_rename_where_it_is_on_this_machine(id: str, expected: bool):
    local = Half(answers={"find": {"here": "blog"}, "survives_rename": True})
    cluster = Half(answers={"find": {"there": "shop"}, "survives_rename": False})
    volumes = VolumesBesideCluster(local=local, cluster=cluster, sides=Sides(cluster, lambda: True))

    assert await volumes.survives_rename(id) is expected


async def test_changes_of_an_unused_cluster_are_not_waited_for():
    local, cluster = Half(), Half()
    changes = ChangesBesideCluster(local=local, cluster=cluster, sides=Sides(cluster, lambda: False))

    await changes.wait()

    assert cluster.asked == []
