"""pvdifyd is killed throughout a deploy on a real cluster, under load: no request fails, and the deploy recovers."""

import asyncio
import os
from collections.abc import Iterator

import pytest

from tests.e2e.kills import MOMENTS, deploy_and_kill, recover
from tests.kubernetes.trial import ClusterTrial
from tests.load import Load
from tests.support.cluster import Cluster
from tests.support.waiting import wait_until
from tools.demo.stage import BASE_DOMAIN

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(1800)]
TRIED = MOMENTS if os.environ.get("PVDIFY_TEST_EVERY_MOMENT") else MOMENTS[4::8]


@pytest.fixture(scope="module")
def images(shared_cluster: Cluster) -> list[str]:
    versions = ("v1", "v2")
    for version in versions:
        shared_cluster.push_sample(version, "killed", tag=version)
    return [f"{shared_cluster.registry}/killed:{version}" for version in versions]


@pytest.fixture(scope="module")
def trial(shared_cluster: Cluster, images: list[str]) -> Iterator[ClusterTrial]:
    """A server that has deployed the first image, and has stopped."""
    with shared_cluster.inside(), ClusterTrial(shared_cluster, "--standby", "2s") as trial:
        trial.start()
        trial.pvdify("deploy", "hello", "--image", images[0])
        trial.stop()
        yield trial


@pytest.fixture(autouse=True)
def _in_the_outside_network(cluster: Cluster) -> None:
    pass


async def test_kills_throughout_a_deploy_fail_no_request_and_the_deploy_recovers(
    trial: ClusterTrial, images: list[str]
):
    deaths = 0
    async with Load(trial.stage.router, f"hello.{BASE_DOMAIN}", clients=8, pause=0.04) as load:
        for number, moment in enumerate(TRIED):
            deaths += await asyncio.to_thread(deploy_and_kill, trial, images[(number + 1) % 2], moment)
            await asyncio.to_thread(recover, trial, moment)
        report = await load.stop()

    assert report.failures == [], report.summary()
    assert deaths == len(TRIED)


def test_after_the_kills_nothing_is_left_over(trial: ClusterTrial):
    trial.start()
    wait_until(lambda: len(trial.containers()) <= 1)

    trial.pvdify("apps:destroy", "hello", "--confirm", "hello")

    wait_until(lambda: trial.namespaces() == [])
    trial.stop()
