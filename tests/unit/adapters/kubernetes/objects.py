"""Kubernetes objects as the API server writes them, for tests of their readers."""

from typing import Any

from pvdify.adapters.kubernetes import manifests
from pvdify.adapters.kubernetes.names import Scope
from pvdify.model.endpoint import NO_ROUTE, Endpoint, Exposed
from pvdify.model.instance import InstanceSpec, Limits, Secret

SCOPE = Scope(server="0123456789", prefix="pvd-")
IMAGE = f"reg.example.com/org/shop@sha256:{'a' * 64}"


def spec(**parts: Any) -> InstanceSpec:
    usual = {
        "name": "pvdify-shop-web-v1-1", "app": "shop", "process": "web", "slot": 1, "number": 1, "image_id": IMAGE,
        "command": "exec serve", "environment": {"PORT": Secret("8080"), "KEY": Secret("swordfish")},
        "exposed": Exposed(port=8080, at=Endpoint("10.1.2.3", 80)), "limits": Limits(memory=64 * 1024**2),
    }  # fmt: skip
    return InstanceSpec(**(usual | parts))


def once(**parts: Any) -> InstanceSpec:
    from pvdify.model.instance import Role

    usual = {"name": "pvdify-shop-pre_deploy-v1-1", "process": "pre_deploy", "role": Role.HOOK, "exposed": NO_ROUTE}
    return spec(**(usual | parts))


def pod(
    of: InstanceSpec | None = None, *, uid: str = "u1", state: dict | None = None, last: dict | None = None,
    restarts: int = 0, phase: str = "Running", ready: str = "True", made: str = "2026-01-01T00:00:00Z",
    is_ending: bool = False, conditions: tuple[dict, ...] = (), message: str = "", annotations: dict | None = None,
) -> dict[str, Any]:  # fmt: skip
    metadata = manifests.pod(SCOPE, of or spec())["metadata"]
    metadata |= {"uid": uid, "creationTimestamp": made} | ({"deletionTimestamp": made} if is_ending else {})
    metadata["annotations"] = metadata["annotations"] | (annotations or {})
    container = {"state": state or {}, "restartCount": restarts} | ({"lastState": last} if last else {})
    return {
        "metadata": metadata,
        "spec": {"nodeName": "n1"},
        "status": {
            "phase": phase, "message": message, "containerStatuses": [container],
            "conditions": [{"type": "Ready", "status": ready}, *conditions],
        },
    }  # fmt: skip


RUNNING = {"running": {"startedAt": "2026-01-01T00:00:01Z"}}


def ended(code: int, reason: str = "Error", message: str = "") -> dict[str, Any]:
    return {"terminated": {
        "exitCode": code, "reason": reason, "message": message, "finishedAt": "2026-01-01T00:00:09Z",
    }}  # fmt: skip
