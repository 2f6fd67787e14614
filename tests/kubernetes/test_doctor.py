"""``pvdify doctor`` on a real cluster, with the account of the package."""

from pathlib import Path

import pytest

from pvdify.adapters.subprocess.command_runner import SubprocessRunner
from pvdify.installation.doctor import cluster as doctor
from pvdify.installation.machine import Machine
from pvdify.settings import Settings, load
from pvdify.wire.answers import Check
from tests.kubernetes.trial import RIGHTS, kubeconfig
from tests.support.cluster import Cluster

pytestmark = pytest.mark.kubernetes


def checks(settings: Settings) -> dict[str, Check]:
    return {check.name: check for check in doctor.checks(settings, Machine(runner=SubprocessRunner()))}


def settings_of(cluster: Cluster, directory: Path) -> Settings:
    wanted = {"runtime": "kubernetes", "kubeconfig": str(kubeconfig(cluster, directory))}
    return load(wanted, {}, directory / "none.toml")


def test_the_account_of_the_package_may_do_all_that_is_needed(cluster: Cluster, tmp_path: Path) -> None:
    found = checks(settings_of(cluster, tmp_path))

    assert [check for check in found.values() if check.state == "broken"] == []
    assert found["rights"].state == "ok"
    assert found["cluster"].text.startswith("Kubernetes v")
    assert found["nodes"].text.startswith("2 of 2 ready")
    assert found["services"].state == "ok"
    assert found["cluster clock"].state == "ok"


def test_a_permission_that_is_missing_in_the_cluster_is_named(cluster: Cluster, tmp_path: Path) -> None:
    settings = settings_of(cluster, tmp_path)
    without = RIGHTS.read_text("utf-8").replace("[nodes, events]", "[events]")
    file = tmp_path / "rbac.yaml"
    file.write_text(without, "utf-8")
    cluster.kubectl("apply", f"--filename={file}")
    try:
        found = checks(settings)
    finally:
        cluster.kubectl("apply", f"--filename={RIGHTS}")

    assert (found["rights"].state, found["rights"].text) == ("broken", "missing: list nodes")
    assert found["nodes"].text.startswith("not checked")
