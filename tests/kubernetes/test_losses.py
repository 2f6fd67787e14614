"""A worker and the API server are lost under load: the router keeps serving, and Kubernetes replaces lost pods."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from tests.kubernetes.trial import ClusterTrial
from tests.load import GET, Load
from tests.support.cluster import Cluster
from tests.support.waiting import wait_until
from tools.demo.stage import BASE_DOMAIN

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(900)]

HOST = f"hello.{BASE_DOMAIN}"
AWAY_SECONDS = 60  # nodes count as lost after 20 s
CLIENTS, PAUSE = 4, 0.05


@pytest.fixture(scope="module")
def images(shared_cluster: Cluster) -> dict[str, str]:
    return {version: shared_cluster.push_sample(version) for version in ("v1", "v2")}


@pytest.fixture(scope="module")
def trial(shared_cluster: Cluster, images: dict[str, str]) -> Iterator[ClusterTrial]:
    """A server with two instances of v1."""
    with shared_cluster.inside(), ClusterTrial(shared_cluster) as trial:
        trial.start()
        trial.pvdify("deploy", "hello", "--image", images["v1"])
        trial.pvdify("ps:scale", "hello", "web=2")
        yield trial


@pytest.fixture(autouse=True)
def _in_the_outside_network(cluster: Cluster) -> None:
    pass


async def test_losing_a_worker_fails_no_get_that_begins_later_and_both_instances_run_elsewhere(
    trial: ClusterTrial, cluster: Cluster
):
    victim, survivor = cluster.nodes
    assert ready_on(trial) == [victim, survivor]

    async with Load(trial.stage.router, HOST, clients=CLIENTS, pause=PAUSE, mix=[GET]) as load:
        await asyncio.sleep(2)
        await asyncio.to_thread(cluster.kill_node, victim)
        killed_at = time.monotonic()
        try:
            await asyncio.to_thread(wait_until, lambda: ready_on(trial) == [survivor, survivor])
            print(f"both instances run elsewhere after {time.monotonic() - killed_at:.0f} s")
            await asyncio.to_thread(wait_until, lambda: moves(trial) == [f"was moved from {victim} to {survivor}"])
            await asyncio.sleep(2)
            report = await load.stop()
        finally:
            await asyncio.to_thread(cluster.start_node, victim)

    print(report.summary())
    # What the worker had accepted before it died may have begun there, so the router does not send it again.
    late = [failure for failure in report.failures if failure.started > killed_at]
    assert late == [], f"{report.summary()}, killed at {killed_at}\n{refusals(trial)}"


async def test_without_the_api_server_no_request_fails_and_a_deploy_reports_it(
    trial: ClusterTrial, cluster: Cluster, images: dict[str, str]
):
    async with Load(trial.stage.router, HOST, clients=CLIENTS, pause=PAUSE) as load:
        await asyncio.to_thread(cluster.kill_api)
        try:
            refused, _ = await asyncio.gather(deploy(trial, images["v2"]), asyncio.sleep(AWAY_SECONDS))
        finally:
            await asyncio.to_thread(cluster.start_api)
        await asyncio.to_thread(wait_until, trial.is_idle)
        after = await deploy(trial, images["v2"])
        report = await load.stop()

    assert refused[0] != 0
    assert "the API server of the cluster does not answer" in refused[1]
    assert after[0] == 0, after[1]
    print(report.summary())
    assert report.failures == [], report.summary()


async def deploy(trial: ClusterTrial, image: str) -> tuple[int, str]:
    """The exit code, and what the command said on stderr."""
    done = await asyncio.to_thread(trial.pvdify, "deploy", "hello", "--image", image, check=False)
    return done.returncode, done.stderr


def refusals(trial: ClusterTrial) -> str:
    """What the router's log says of answers with 503, and what pvdifyd did meanwhile."""
    lines = trial.pvdify("logs", "--router", "-n", "10000").stdout.splitlines()
    return "\n".join([*(line for line in lines if " 503 " in line), trial.stage.log.read_text()[-6000:]])


def moves(trial: ClusterTrial) -> list[str]:
    """What the events say of the app's instances that were moved."""
    found = trial.ask("GET", "/events?app=hello")[1]["events"]
    return [each["text"].partition(" ")[2] for each in found if each["action"] == "instance.moved"]


def ready_on(trial: ClusterTrial) -> list[str]:
    """The workers of the app's ready pods, sorted; not of those that are being deleted."""
    pods = trial.cluster.kubectl(
        "get", "pods", "--namespace", f"{trial.prefix}hello", "--output",
        "jsonpath={range .items[*]}{.spec.nodeName} {.metadata.deletionTimestamp} "
        "{.status.conditions[?(@.type=='Ready')].status}{'\\n'}{end}",
    )  # fmt: skip
    return sorted(line.split()[0] for line in pods.splitlines() if line.split()[1:] == ["True"])
