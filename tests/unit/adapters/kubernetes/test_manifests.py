import json

import pytest

from pvdify.adapters.kubernetes import manifests
from pvdify.adapters.kubernetes.names import Identity, object_name
from pvdify.model.endpoint import NO_ROUTE
from pvdify.model.instance import Limits, Role
from pvdify.model.private_network import PrivateNetwork
from pvdify.model.volume import Mount
from tests.unit.adapters.kubernetes.objects import IMAGE, SCOPE, once, spec

LINK = PrivateNetwork(id="db.20260101", subnet="10.9.8.7/32", hostname="db")


def container_of(document: dict) -> dict:
    (container,) = document["spec"]["template"]["spec"]["containers"]
    return container


def test_no_config_var_is_in_anything_but_the_secret():
    made = (manifests.deployment(SCOPE, spec(), starts=1), manifests.pod(SCOPE, once()), manifests.marker(
        SCOPE, once(), is_started=True
    ))  # fmt: skip

    assert "swordfish" not in json.dumps(made)
    assert manifests.secret(SCOPE, spec())["data"]["KEY"] == "c3dvcmRmaXNo"


def test_the_config_of_a_release_is_immutable_and_that_of_a_service_is_not():
    assert manifests.secret(SCOPE, spec())["immutable"]
    assert not manifests.secret(SCOPE, spec(role=Role.SERVICE))["immutable"]


def test_the_image_is_named_by_its_digest_and_the_pod_has_no_token():
    document = manifests.deployment(SCOPE, spec(), starts=1)

    assert container_of(document)["image"] == IMAGE
    assert document["spec"]["template"]["spec"]["automountServiceAccountToken"] is False


def test_a_created_deployment_has_zero_replicas_until_it_is_started():
    assert manifests.deployment(SCOPE, spec(), starts=0)["spec"]["replicas"] == 0
    assert manifests.deployment(SCOPE, spec(), starts=2)["spec"]["replicas"] == 1


def test_the_instances_of_a_slot_are_spread_and_leave_a_lost_node_after_30_s():
    pod = manifests.deployment(SCOPE, spec(), starts=1)["spec"]["template"]["spec"]

    (spread,) = pod["topologySpreadConstraints"]
    slot = {"pvdify.win/app": "shop", "pvdify.win/process": "web", "pvdify.win/slot": "1"}
    assert slot.items() <= spread["labelSelector"]["matchLabels"].items()
    assert "pvdify.win/instance" not in spread["labelSelector"]["matchLabels"]
    assert {each["tolerationSeconds"] for each in pod["tolerations"]} == {30}


@pytest.mark.parametrize(("given", "wanted"), [
    ("echo $(HOME)", {"command": ["/bin/sh", "-c", "echo $$(HOME)"]}),
    (("/app/server", "-v"), {"command": ["/app/server", "-v"]}),
    (("worker", "-v"), {"args": ["worker", "-v"]}),
    (None, {}),
])  # fmt: skip
def test_a_command_replaces_the_entrypoint_as_on_one_machine(given: object, wanted: dict):
    assert manifests.command(given) == wanted


def test_the_service_reaches_the_port_that_the_pod_names():
    service = manifests.service(SCOPE, Identity.of(spec()))
    (port,) = container_of(manifests.deployment(SCOPE, spec(), starts=1))["ports"]

    assert service["spec"]["ports"][0]["targetPort"] == port["name"]
    assert port["containerPort"] == 8080
    assert service["spec"]["selector"].items() <= manifests.deployment(SCOPE, spec(), starts=1)["spec"]["template"][
        "metadata"]["labels"].items()  # fmt: skip


def test_limits_are_the_specs_and_memory_is_reserved_whole():
    resources = container_of(manifests.deployment(SCOPE, spec(limits=Limits(memory=1024, cpu=0.5)), starts=1))[
        "resources"
    ]

    assert resources == {"limits": {"memory": "1024", "cpu": "500m"}, "requests": {"memory": "1024", "cpu": "50m"}}


def test_a_volume_is_a_claim_and_a_path_without_one_goes_with_the_pod():
    mounts = (Mount(path="/data", volume="shop-data-1"), Mount(path="/cache"))
    pod = manifests.pod_spec(spec(mounts=mounts))

    assert [each.get("persistentVolumeClaim", each.get("emptyDir")) for each in pod["volumes"]] == [
        {"claimName": "shop-data-1"}, {},
    ]  # fmt: skip
    assert [each["mountPath"] for each in pod["containers"][0]["volumeMounts"]] == ["/data", "/cache"]


@pytest.mark.parametrize(
    ("user", "group"),
    [
        ("", None), ("root", None), ("0", None), ("0:1000", None), ("10001", 10001), ("10001:20002", 20002),
        ("10001:0", 0), ("node", 1000), ("node:node", 1000), ("10001:staff", 10001), ("99999999999", 1000),
    ],
)  # fmt: skip
def test_the_files_of_volumes_belong_to_the_group_of_a_user_who_is_not_root(user: str, group: int | None):
    assert manifests.group_of(user) == group


def test_the_group_of_the_files_is_that_of_the_pod_and_none_is_not_written():
    shared = {"seccompProfile": {"type": "RuntimeDefault"}}

    assert manifests.pod(SCOPE, once())["spec"]["securityContext"] == shared
    for made in (
        manifests.pod(SCOPE, once(), group=7)["spec"],
        manifests.deployment(SCOPE, spec(), starts=1, group=7)["spec"]["template"]["spec"],
    ):
        assert made["securityContext"] == shared | {"fsGroup": 7, "fsGroupChangePolicy": "OnRootMismatch"}


def test_an_app_finds_its_service_by_name_and_is_marked_as_allowed():
    document = manifests.deployment(SCOPE, spec(networks=(LINK,)), starts=1)["spec"]["template"]

    assert document["spec"]["hostAliases"] == [{"ip": "10.9.8.7", "hostnames": ["db"]}]
    assert any(label.startswith("pvdify.win/link-") for label in document["metadata"]["labels"])


def test_a_service_opens_its_ports():
    document = manifests.deployment(SCOPE, spec(role=Role.SERVICE, exposed=NO_ROUTE, ports=(5432,)), starts=1)

    assert manifests.ports_of(document) == (5432,)
    assert "hostAliases" not in document["spec"]["template"]["spec"]


def test_an_identity_survives_its_annotation():
    metadata = manifests.deployment(SCOPE, spec(operation="op1"), starts=1)["metadata"]

    assert Identity.read(metadata) == Identity.of(spec(operation="op1"))
    assert Identity.read({"annotations": {"pvdify.win/identity": "{}"}}) is None
    assert Identity.read({}) is None


def test_names_invalid_in_kubernetes_are_mapped_to_distinct_names():
    assert object_name("pvdify-shop-web-v1-1") == "pvdify-shop-web-v1-1"
    one, other = object_name("pvdify-shop-pre_deploy-v1-1"), object_name("pvdify-shop-pre-deploy-v1-1")
    assert one != other
    assert len(object_name("a" * 80)) <= 52


def test_a_budget_covers_the_slot_and_no_other():
    labels = manifests.disruption_budget(SCOPE, spec(), "v1")["spec"]["selector"]["matchLabels"]

    other = manifests.disruption_budget(SCOPE, spec(slot=2), "v1")["spec"]["selector"]["matchLabels"]
    assert labels != other
    assert "pvdify.win/instance" not in labels
