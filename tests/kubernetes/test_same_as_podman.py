"""One story of an app on a cluster and on podman: the same exit codes, the same words, and no failed request."""

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.kubernetes.story import APP, Crowd, Story
from tests.kubernetes.trial import ClusterTrial
from tests.support.cluster import Cluster
from tests.support.images import missing_for_podman
from tests.support.own_podman import own_podman
from tests.support.waiting import wait_until
from tools.demo import stage as stages

pytestmark = [
    pytest.mark.kubernetes, pytest.mark.podman, pytest.mark.timeout(1800),
    pytest.mark.skipif(missing_for_podman() is not None, reason=str(missing_for_podman())),
]  # fmt: skip
FEW, MANY = Crowd(requests=3_000, clients=8, pause=0.04), Crowd(requests=50_000, clients=24, pause=0.005)
CROWDS = {"kubernetes": MANY if os.environ.get("PVDIFY_TEST_CROWD") else FEW, "podman": FEW}
RUNTIMES = tuple(CROWDS)
STANDBY = "10m"  # longer than the story: how long a step takes must not decide whether a rollback is warm
STEPS = {
    "first deploy": 0, "swap 1": 0, "swap 2": 0, "swap 3": 0, "rollback": 0, "rollback to a version": 0,
    "plan of a rollback": 0, "release with errors": 7, "preview": 0, "preview closed": 0,
    "previews": 0, "failing hook": 8, "config": 0, "never ready": 7, "config back": 0, "no such image": 1,
    "deploy after failures": 0, "destroy": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def images(shared_cluster: Cluster) -> dict[str, str]:
    variables = {"v1": {}, "v2": {}, "broken": {"ERROR_EVERY": "5"}}
    return {name: shared_cluster.push_sample(name, "story", tag=name, **variables[name]) for name in variables}


@pytest.fixture(scope="module")
def stories(
    shared_cluster: Cluster, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Story]:
    """The story as each runtime tells it, both at once: most of it is waiting."""

    def told(runtime: str) -> Story:
        with server(shared_cluster, runtime) as trial:
            story = Story(trial, images, tmp_path_factory.mktemp(runtime), CROWDS[runtime])
            asyncio.run(story.tell())
            wait_until(lambda: trial.left_of(APP) == [], f"{runtime}: {trial.left_of(APP)}")
        print(f"{runtime}: {story.sent} requests over {story.deploys} deploys, {len(story.failures)} failed; "
              f"{story.errors_of_the_broken_release} answers of the release with errors were 500")  # fmt: skip
        return story

    with own_podman(), ThreadPoolExecutor(len(RUNTIMES)) as threads:
        return dict(zip(RUNTIMES, threads.map(told, RUNTIMES), strict=True))


@contextmanager
def server(cluster: Cluster, runtime: str) -> Iterator[ClusterTrial]:
    """A started server, in the thread that asks for it."""
    with cluster.inside(), ClusterTrial(cluster, "--standby", STANDBY, runtime=runtime) as trial:
        trial.start()
        try:
            yield trial
        finally:
            trial.stop()
            stages.clean_up(trial.stage)


@pytest.mark.parametrize("step", STEPS)
def test_a_command_says_the_same(stories: dict[str, Story], step: str):
    on_cluster, on_podman = (stories[runtime].said[step] for runtime in RUNTIMES)

    assert on_cluster == on_podman
    assert on_cluster.exit_code == STEPS[step]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_no_visitor_gets_an_error_but_those_of_the_release_with_errors(stories: dict[str, Story], runtime: str):
    story = stories[runtime]

    assert story.failures == []
    assert story.other_failures_beside_it == []
    assert story.errors_of_the_broken_release > 0
    assert story.sent >= CROWDS[runtime].requests
    assert story.serving == {"last": story.serving["last"], "preview": "v1"}
