"""Gives claims their volumes: folders of this machine, which every worker has at /opt/volumes.

Runs as a process of the cluster: ``python -m tools.cluster.storage KUBECONFIG FOLDER``. Two storage classes:

``standard``    the default; a claim is bound at once, and its pod may run on any worker.
``local-path``  like the class of that name in k3s: a claim is bound when a pod wants it, and stays on the pod's worker.

A volume of a deleted claim is removed with its files. Volumes are of the type ``local``, so that ``fsGroup`` works.
"""

import json
import os
import shutil
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PROVISIONER = "pvdify.test/volumes"
EVERY_WORKER, ONE_WORKER = "standard", "local-path"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
INSIDE = "/opt/volumes"
SECONDS_BETWEEN_LOOKS = 0.3
Object = Mapping[str, Any]


def classes() -> Iterator[Object]:
    """The storage classes."""
    for name, mode in ((EVERY_WORKER, "Immediate"), (ONE_WORKER, "WaitForFirstConsumer")):
        default = {"storageclass.kubernetes.io/is-default-class": str(name == EVERY_WORKER).lower()}
        yield {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": name, "annotations": default},
            "provisioner": PROVISIONER,
            "reclaimPolicy": "Delete",
            "volumeBindingMode": mode,
        }


def waits_for_volume(claim: Object) -> bool:
    """Is it for this provisioner to act? A claim of ``local-path`` waits until its pod has a worker."""
    spec, metadata = claim["spec"], claim["metadata"]
    if spec.get("volumeName") or metadata.get("deletionTimestamp"):
        return False
    chosen = spec.get("storageClassName")
    return chosen == EVERY_WORKER or (chosen == ONE_WORKER and SELECTED_NODE in (metadata.get("annotations") or {}))


def volume_for(claim: Object, workers: list[str]) -> Object:
    """The volume that this claim and no other gets."""
    metadata, spec = claim["metadata"], claim["spec"]
    name = f"pvc-{metadata['uid']}"
    places = workers if spec["storageClassName"] == EVERY_WORKER else [metadata["annotations"][SELECTED_NODE]]
    on_them = {"key": "kubernetes.io/hostname", "operator": "In", "values": places}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER}},
        "spec": {
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "accessModes": spec["accessModes"],
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": spec["storageClassName"],
            "local": {"path": f"{INSIDE}/{name}"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [on_them]}]}},
        },
    }


def is_left(volume: Object) -> bool:
    """Was its claim deleted?"""
    made_here = (volume["metadata"].get("annotations") or {}).get("pv.kubernetes.io/provisioned-by") == PROVISIONER
    return made_here and volume.get("status", {}).get("phase") in ("Released", "Failed")


class Provisioner:
    """Compares claims and volumes, and makes or removes volumes."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        config = json.loads(kubeconfig.read_text(encoding="utf-8"))
        cluster = config["clusters"][0]["cluster"]
        self._server, self._folder = cluster["server"], folder
        self._token = config["users"][0]["user"]["token"]
        self._tls = ssl.create_default_context(cafile=kubeconfig.parent / "credentials" / "ca.crt")

    def provide(self) -> None:
        """Make what is missing and remove what is left. Raises OSError when the API does not answer."""
        claims = self._list("/api/v1/persistentvolumeclaims")
        for claim in filter(waits_for_volume, claims):
            workers = [each["metadata"]["name"] for each in self._list("/api/v1/nodes")]
            self._make(volume_for(claim, workers))
        for volume in filter(is_left, self._list("/api/v1/persistentvolumes")):
            self._remove(volume["metadata"]["name"])

    def _make(self, volume: Object) -> None:
        name = volume["metadata"]["name"]
        (self._folder / name).mkdir(mode=0o755, exist_ok=True)
        try:
            self._ask("POST", "/api/v1/persistentvolumes", volume)
        except urllib.error.HTTPError as error:
            if error.code != 409:  # made, and not bound yet
                raise

    def _remove(self, name: str) -> None:
        shutil.rmtree(self._folder / name, ignore_errors=True)
        try:
            self._ask("DELETE", f"/api/v1/persistentvolumes/{name}")
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise

    def _list(self, path: str) -> list[Object]:
        return list(self._ask("GET", path)["items"])

    def _ask(self, method: str, path: str, body: Object | None = None) -> Object:
        request = urllib.request.Request(
            self._server + path, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=10, context=self._tls) as answer:
            answered: Object = json.loads(answer.read())
            return answered


def main() -> None:
    kubeconfig, folder = Path(sys.argv[1]), Path(sys.argv[2])
    os.umask(0)
    provisioner = Provisioner(kubeconfig, folder)
    while True:
        try:
            provisioner.provide()
        except (OSError, ValueError) as error:
            print(error, file=sys.stderr, flush=True)
        time.sleep(SECONDS_BETWEEN_LOOKS)


if __name__ == "__main__":
    main()
