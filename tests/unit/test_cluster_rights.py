"""The rights in ``packaging/kubernetes`` are exactly those that the adapter needs."""

from pathlib import Path

import yaml

from pvdify.adapters.kubernetes.names import Scope

RIGHTS = Path(__file__).parents[2] / "packaging" / "kubernetes" / "rbac.yaml"


def rules() -> dict[str, set[str]]:
    """The verbs of each resource, as GROUP/RESOURCE."""
    (role,) = [each for each in yaml.safe_load_all(RIGHTS.read_text()) if each["kind"] == "ClusterRole"]
    return {
        f"{group}/{resource}": set(rule["verbs"])
        for rule in role["rules"] for group in rule["apiGroups"] for resource in rule["resources"]
    }  # fmt: skip


def test_every_kind_of_object_is_covered() -> None:
    scope, found = Scope(server="s", prefix="pvd-"), rules()
    for kind in (
        "pods", "services", "secrets", "configmaps", "events", "persistentvolumeclaims", "resourcequotas",
        "limitranges", "nodes", "serviceaccounts", "deployments", "networkpolicies",
    ):  # fmt: skip
        group = scope.everywhere(kind).removeprefix("/api/v1").removeprefix("/apis/").split("/")[0]
        assert found[f"{group}/{kind}"] >= {"list"}, kind


def test_no_further_rights_are_granted() -> None:
    found = rules()

    assert not any("*" in key or "*" in verbs for key, verbs in found.items())
    assert not any(key.split("/")[1] in ("clusterroles", "clusterrolebindings", "roles") for key in found)
    assert found["/nodes"] == {"list"}
