"""Images, volumes, networks, addresses and logins of both sides."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from pvdify.adapters.beside_cluster.sides import Sides, is_across
from pvdify.model.disk_use import DiskUse
from pvdify.model.endpoint import Endpoint
from pvdify.model.image import ImagesOnDisk, LocalImage, is_in_cluster
from pvdify.model.image_reference import ImageReference
from pvdify.model.registry import RegistryLogin
from pvdify.model.runtime_choice import CLUSTER
from pvdify.model.tenant import Tenant
from pvdify.ports.backups import VolumeCopies
from pvdify.ports.disk_meter import DiskMeter
from pvdify.ports.images import Images
from pvdify.ports.networks import Networks
from pvdify.ports.places import Places
from pvdify.ports.registry_logins import RegistryLogins
from pvdify.ports.volumes import Volumes


class ImagesBesideCluster:
    """The images of both sides. Without ``on``, references are those of this machine, where services run."""

    def __init__(self, *, local: Images, cluster: Images) -> None:
        self._local, self._cluster = local, cluster

    def on(self, runtime: str) -> Images:
        return self._cluster if runtime == CLUSTER else self._local

    async def resolve(self, reference: ImageReference, tenant: Tenant | None = None) -> str:
        return await self._local.resolve(reference, tenant)

    async def find(self, reference: ImageReference, digest: str) -> LocalImage | None:
        return await self._local.find(reference, digest)

    async def download_size(self, reference: ImageReference, digest: str, tenant: Tenant | None = None) -> int | None:
        return await self._local.download_size(reference, digest, tenant)

    async def pull(self, reference: ImageReference, digest: str, tenant: Tenant | None = None) -> LocalImage:
        return await self._local.pull(reference, digest, tenant)

    async def get(self, image_id: str) -> LocalImage | None:
        return await self._owner(image_id).get(image_id)

    async def keep(self, image_id: str, app: str, release: int) -> None:
        await self._owner(image_id).keep(image_id, app, release)

    async def kept(self, app: str) -> frozenset[int]:
        return await self._local.kept(app) | await self._cluster.kept(app)

    async def disk(self) -> Mapping[str, ImagesOnDisk]:
        """See the port. Images in the cluster take no disk of this machine."""
        return await self._local.disk()

    async def release(self, app: str, release: int) -> None:
        await self._local.release(app, release)
        if release in await self._cluster.kept(app):
            await self._cluster.release(app, release)

    def _owner(self, image_id: str) -> Images:
        return self._cluster if is_in_cluster(image_id) else self._local


class VolumesBesideCluster:
    """The volumes of both sides. A volume stays on the side where its first container was."""

    def __init__(self, *, local: Volumes, cluster: Volumes, sides: Sides) -> None:
        self._local, self._cluster, self._sides = local, cluster, sides

    async def survives_rename(self, id: str) -> bool:
        return await (await self._owner(id)).survives_rename(id)

    async def find(self) -> Mapping[str, str]:
        here = await self._local.find()
        return {**(await self._cluster.find()), **here} if await self._sides.is_used() else here

    async def size(self, id: str) -> int | None:
        found = await self._local.size(id)
        return await self._cluster.size(id) if found is None and await self._sides.is_used() else found

    async def is_across(self, id: str, runtime: str) -> bool:
        """Return whether the volume is on the other side than this runtime's. Raises RuntimeUnavailable."""
        return await is_across(id, runtime, local=self._local, cluster=self._cluster, is_used=self._sides.is_used)

    async def copy(self, source: str, target: str, app: str) -> None:
        await (await self._owner(source)).copy(source, target, app)

    async def remove(self, id: str) -> None:
        await (await self._owner(id)).remove(id)

    async def _owner(self, id: str) -> Volumes:
        if id in await self._local.find() or not await self._sides.is_used():
            return self._local
        return self._cluster if id in await self._cluster.find() else self._local


class VolumeCopiesBesideCluster:
    """Copies of the volumes of both sides. A restored volume is made on the side of its runtime."""

    def __init__(
        self, *, local: VolumeCopies, cluster: VolumeCopies, local_volumes: Volumes,
        is_used: Callable[[], Awaitable[bool]],
    ) -> None:  # fmt: skip
        self._local, self._cluster, self._local_volumes, self._is_used = local, cluster, local_volumes, is_used

    async def copy_out(
        self, id: str, into: Path, *, while_frozen: AbstractAsyncContextManager[None] | None
    ) -> float:  # fmt: skip
        is_here = id in await self._local_volumes.find() or not await self._is_used()
        owner = self._local if is_here else self._cluster
        return await owner.copy_out(id, into, while_frozen=while_frozen)

    async def copy_in(self, app: str, id: str, content: Path, *, runtime: str = "") -> None:
        owner = self._cluster if runtime == CLUSTER else self._local
        await owner.copy_in(app, id, content, runtime=runtime)

    async def thaw(self) -> None:
        await self._local.thaw()
        if await self._is_used():
            await self._cluster.thaw()


class NetworksBesideCluster:
    """The networks of apps on both sides."""

    def __init__(self, *, local: Networks, cluster: Networks, sides: Sides) -> None:
        self._local, self._cluster, self._sides = local, cluster, sides

    async def apps(self) -> frozenset[str]:
        here = await self._local.apps()
        return here | await self._cluster.apps() if await self._sides.is_used() else here

    async def keep_apart(self) -> None:
        await self._local.keep_apart()

    async def remove(self, app: str) -> None:
        await self._local.remove(app)
        if await self._sides.is_used():
            await self._cluster.remove(app)


class PlacesBesideCluster:
    """Loopback ports for this machine, addresses of the cluster for instances in it."""

    def __init__(self, *, local: Places, cluster: Places) -> None:
        self._local, self._cluster = local, cluster

    async def reserve(
        self, asker: str, names: Sequence[str], taken: Sequence[Endpoint], runtime: str = ""
    ) -> tuple[Endpoint, ...]:  # fmt: skip
        return await (self._cluster if runtime == CLUSTER else self._local).reserve(asker, names, taken, runtime)


class DiskMeterBesideCluster:
    """This machine's measurement, and what the cluster reserves for volumes."""

    def __init__(self, *, local: DiskMeter, cluster: DiskMeter, sides: Sides) -> None:
        self._local, self._cluster, self._sides = local, cluster, sides

    async def measure(self) -> Mapping[str, DiskUse]:
        """See the port. Both sides keep logs in the same files, which count once."""
        here = await self._local.measure()
        there = await self._cluster.measure() if await self._sides.is_used() else {}
        return {app: _together(here.get(app), there.get(app)) for app in sorted({*here, *there})}


class LoginsBesideCluster:
    """The logins of both sides."""

    def __init__(self, *, local: RegistryLogins, cluster: RegistryLogins) -> None:
        self._local, self._cluster = local, cluster

    async def check(self, login: RegistryLogin) -> None:
        await self._local.check(login)

    async def use(self, logins: Sequence[RegistryLogin]) -> None:
        await self._local.use(logins)
        await self._cluster.use(logins)


def _together(here: DiskUse | None, there: DiskUse | None) -> DiskUse:
    here, there = here or DiskUse(), there or DiskUse()
    return DiskUse(
        layers=here.layers + there.layers, volumes=here.volumes + there.volumes, logs=max(here.logs, there.logs)
    )
