"""A server on one machine that also has a cluster, so that apps can move between the two."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from pvdify.adapters.beside_cluster import instances as beside
from pvdify.adapters.beside_cluster import storage
from pvdify.adapters.beside_cluster.sides import Sides
from pvdify.adapters.beside_cluster.transfers import TransfersBesideCluster
from pvdify.adapters.files.whole_file import write_whole
from pvdify.adapters.httpx2.web import HttpxWeb
from pvdify.adapters.kubernetes.cluster import Cluster
from pvdify.adapters.kubernetes.image_files import ImageFiles
from pvdify.daemon.cluster_runtime import ClusterParts, build_cluster_copies, build_on_cluster
from pvdify.ports.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pvdify.adapters.beside_cluster.transfers import LocalFiles
    from pvdify.daemon.runtime_inputs import RuntimeInputs
    from pvdify.ports.backups import VolumeCopies
    from pvdify.ports.volume_transfers import VolumeTransfers
    from pvdify.ports.volumes import Volumes

ASK_SECONDS = 5.0  # the longest that a question whether the cluster answers may take


def build_beside_cluster(inputs: RuntimeInputs, local: Runtime) -> Runtime:
    """Return both sides as one runtime. The cluster is asked nothing until an app is there.

    Logs are in the same files on both sides; services, their networks and the tunnel stay on this machine.
    """
    cluster = build_on_cluster(inputs, inputs.web or HttpxWeb())
    sides = Sides(cluster.instances, is_used=_has_pins(inputs))
    changes = local.container_changes and cluster.container_changes and beside.ChangesBesideCluster(
        local=local.container_changes, cluster=cluster.container_changes, sides=sides
    )  # fmt: skip
    volumes = storage.VolumesBesideCluster(local=local.volumes, cluster=cluster.volumes, sides=sides)
    return replace(
        local,
        instances=beside.InstancesBesideCluster(
            local=local.instances, cluster=cluster.instances, volumes=volumes, sides=sides
        ),
        inspector=beside.InspectorBesideCluster(local=local.inspector, cluster=cluster.inspector, sides=sides),
        one_offs=beside.OneOffsBesideCluster(local=local.one_offs, cluster=cluster.one_offs, sides=sides),
        inside=beside.InsideBesideCluster(local=local.inside, cluster=cluster.inside, sides=sides),
        images=storage.ImagesBesideCluster(local=local.images, cluster=cluster.images),
        volumes=volumes,
        networks=storage.NetworksBesideCluster(local=local.networks, cluster=cluster.networks, sides=sides),
        places=storage.PlacesBesideCluster(local=local.places, cluster=cluster.places),
        disk_meter=storage.DiskMeterBesideCluster(local=local.disk_meter, cluster=cluster.disk_meter, sides=sides),
        registry_logins=storage.LoginsBesideCluster(local=local.registry_logins, cluster=cluster.registry_logins),
        container_changes=changes,
    )


def build_copies_beside_cluster(inputs: RuntimeInputs, local: VolumeCopies, volumes: Volumes) -> VolumeCopies:
    """Return the copiers of both sides as one. ``volumes``: those of this machine."""
    cluster = build_cluster_copies(inputs, ClusterParts(inputs))
    return storage.VolumeCopiesBesideCluster(
        local=local, cluster=cluster, local_volumes=volumes, is_used=_is_used(inputs)
    )  # fmt: skip


def build_transfers_beside_cluster(inputs: RuntimeInputs, files: LocalFiles, volumes: Volumes) -> VolumeTransfers:
    """Return the copier between the two sides. ``files``, ``volumes``: those of this machine."""
    parts = ClusterParts(inputs)
    return TransfersBesideCluster(
        files=files, copies=build_cluster_copies(inputs, parts), local=volumes, cluster=parts.volumes,
        is_used=_is_used(inputs),
    )  # fmt: skip


def _is_used(inputs: RuntimeInputs) -> Callable[[], Awaitable[bool]]:
    has_pins = _has_pins(inputs)

    async def is_used() -> bool:
        return await asyncio.to_thread(has_pins)

    return is_used


def _has_pins(inputs: RuntimeInputs) -> Callable[[], bool]:
    """Return whether an image is pinned for the cluster, as it is before anything of this server runs there."""
    files = ImageFiles(inputs.settings.data_dir / "cluster", write_whole)
    return lambda: next(files.pins(), None) is not None


def question(inputs: RuntimeInputs) -> Callable[[], Awaitable[object]]:
    """Return a question to the cluster that pvdifyd's account may ask, and that its instances depend on."""
    cluster = Cluster(kubeconfig=inputs.settings.kubeconfig, clock=inputs.clock, deadline=ASK_SECONDS)

    async def ask() -> object:
        return await cluster.objects("/api/v1/namespaces", limit="1")

    return ask
