"""New volumes of containers with user namespaces are filled from the image by a container without one."""

from dataclasses import replace

import pytest

from pvdify.adapters.podman.volumes.volumes import PodmanVolumes
from pvdify.errors import RuntimeUnavailable
from pvdify.model.instance import InstanceSpec
from pvdify.model.volume import Mount
from pvdify.plumbing.command_runner import Argv, Completed
from tests.support.writers import spec

DATA, CACHE = Mount(path="/data", volume="d1"), Mount(path="/cache", volume="c1")
FILLER = "pvdify-abc.filler"


class Podman:
    """A podman with volumes; ``refusal``: what it says instead of initializing a container."""

    def __init__(self, *untouched: str, refusal: str = "", fills: bool = True) -> None:
        self.untouched = {f"pvdify-abc-{id}" for id in untouched}
        self._refusal, self._fills = refusal, fills
        self.verbs: list[tuple[str, ...]] = []
        self._mounted: set[str] = set()

    async def run(self, argv: Argv, timeout: float = 0) -> Completed:
        words = [word for word in argv[1:] if word not in ("--events-backend", "none")]
        self.verbs.append((words[0], words[-1]))
        stdout, stderr = "", ""
        if words[:2] == ["volume", "inspect"]:
            stdout = "true\n" if words[-1] in self.untouched else "false\n"
        if words[0] == "create":
            self._mounted = {word.split("=")[1].split(":")[0] for word in argv if word.startswith("--volume=")}
        if words[0] == "init":
            stderr = self._refusal
            self.untouched -= self._mounted if self._fills else set()
        return Completed(argv=argv, exit_code=1 if stderr else 0, stdout=stdout, stderr=stderr)

    def verbs_of_containers(self) -> list[tuple[str, ...]]:
        return [each for each in self.verbs if each[0] != "volume"]


def wanted(*mounts: Mount) -> InstanceSpec:
    return replace(spec(), mounts=mounts)


def volumes(podman: Podman, *, has_user_namespaces: bool = True) -> PodmanVolumes:
    return PodmanVolumes(
        run=podman.run, server_id="abc", binary="podman", has_user_namespaces=has_user_namespaces
    )  # fmt: skip


async def test_a_new_volume_is_filled_once_and_nothing_else_is_mounted():
    podman = Podman("d1")
    known = volumes(podman)

    await known.ensure(wanted(CACHE, DATA))
    await known.ensure(wanted(CACHE, DATA))

    assert podman.verbs_of_containers() == [
        ("rm", FILLER), ("create", wanted().image_id), ("init", FILLER), ("rm", FILLER),
    ]  # fmt: skip
    assert podman.untouched == set()


async def test_a_volume_that_a_container_has_mounted_is_left_alone():
    podman = Podman()

    await volumes(podman).ensure(wanted(DATA))

    assert podman.verbs_of_containers() == []


async def test_without_user_namespaces_podman_fills_volumes_itself():
    podman = Podman("d1")

    await volumes(podman, has_user_namespaces=False).ensure(wanted(DATA))

    assert podman.verbs == [("volume", "pvdify-abc-d1")]


async def test_a_volume_counts_as_filled_although_the_image_has_no_such_program():
    podman = Podman("d1", refusal="Error: crun: executable file `worker` not found")

    await volumes(podman).ensure(wanted(DATA))

    assert podman.verbs_of_containers()[-1] == ("rm", FILLER)


async def test_a_volume_that_was_not_filled_keeps_the_container_from_starting():
    podman = Podman("d1", refusal="Error: no space left on device", fills=False)
    known = volumes(podman)

    with pytest.raises(RuntimeUnavailable):
        await known.ensure(wanted(DATA))

    assert podman.verbs_of_containers()[-1] == ("rm", FILLER)
    with pytest.raises(RuntimeUnavailable):
        await known.ensure(wanted(DATA))


class Interrupted(Podman):
    """A podman whose volume `d1` is in use until its filler is removed, which an earlier pvdifyd has left."""

    async def run(self, argv: Argv, timeout: float = 0) -> Completed:
        done = await super().run(argv, timeout)
        is_left = ("rm", FILLER) not in self.verbs
        if argv[1:3] == ("volume", "rm") and is_left:
            return replace(done, exit_code=2, stderr="Error: volume is being used by the following container(s)")
        return done


async def test_a_filler_that_was_left_does_not_keep_a_volume_from_being_removed():
    podman = Interrupted()

    await volumes(podman, has_user_namespaces=False).remove("d1")

    assert podman.verbs == [("volume", "pvdify-abc-d1"), ("rm", FILLER), ("volume", "pvdify-abc-d1")]
