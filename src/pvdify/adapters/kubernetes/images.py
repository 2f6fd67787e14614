"""The ``images`` port on a cluster: nodes pull images themselves, by digest, and pvdify knows what is in them.

An image's id is ``host/path@digest``, which is what a pod's spec names.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pvdify.adapters.kubernetes.cluster import Cluster
from pvdify.adapters.kubernetes.image_files import ImageFiles, Known
from pvdify.adapters.kubernetes.names import Scope
from pvdify.errors import ImageNotFound, NotAnImage, PullFailed, RuntimeUnavailable, WrongPlatform, naming_cause
from pvdify.model.foreign_json import parse_json
from pvdify.model.image import ImagesOnDisk, LocalImage
from pvdify.model.image_reference import ImageReference
from pvdify.model.tenant import Tenant
from pvdify.model.volume import mountable_paths
from pvdify.plumbing.registries import RegistryContent

ResultT = TypeVar("ResultT")
MOST_PORTS, MOST_VOLUMES = 1000, 100  # of one image


class ClusterImages:
    """Images that the nodes of a cluster pull.

    Args:
        cluster: the API server.
        scope: this server's share of the cluster.
        files: what is known of images.
        content: reads registries.
    """

    def __init__(self, *, cluster: Cluster, scope: Scope, files: ImageFiles, content: RegistryContent) -> None:
        self._cluster, self._scope, self._files, self._content = cluster, scope, files, content
        self._pinning = asyncio.Lock()

    def on(self, runtime: str) -> "ClusterImages":
        del runtime
        return self

    async def resolve(self, reference: ImageReference, tenant: Tenant | None = None) -> str:
        _must_be_remote(reference)
        if reference.digest and await self._is_own(reference.pinned(reference.digest), tenant):
            return reference.digest
        content = await self._content.manifest(reference, tenant)
        return reference.digest or _digest(content)

    async def find(self, reference: ImageReference, digest: str) -> LocalImage | None:
        return await self.get(str(reference.pinned(digest)))

    async def download_size(self, reference: ImageReference, digest: str, tenant: Tenant | None = None) -> int | None:
        """See the port. Each node that lacks the image downloads it."""
        try:
            known = await self._ask(reference.pinned(digest), tenant)
        except (NotAnImage, ImageNotFound, WrongPlatform, PullFailed):
            return None
        return known.image.size

    async def pull(self, reference: ImageReference, digest: str, tenant: Tenant | None = None) -> LocalImage:
        """See the port. Only reads what is in the image: the nodes that start it pull its layers."""
        _must_be_remote(reference)
        pinned = reference.pinned(digest)
        if (here := await self.get(str(pinned))) is not None:
            return here
        known = await self._ask(pinned, tenant)
        await self._on_disk(lambda: self._files.write(known))
        return known.image

    async def get(self, image_id: str) -> LocalImage | None:
        known = await self._on_disk(lambda: self._files.read(image_id))
        return None if known is None else known.image

    async def keep(self, image_id: str, app: str, release: int) -> None:
        async with self._pinning:
            if await self.get(image_id) is None:
                raise RuntimeUnavailable(
                    f"the image of {app} v{release} is not known here", why=f"nothing is recorded of {image_id}",
                    next="deploy again with the image's name",
                )  # fmt: skip
            await self._on_disk(lambda: self._files.pin(image_id, app, release))

    async def kept(self, app: str) -> frozenset[int]:
        pins = await self._on_disk(lambda: list(self._files.pins()))
        return frozenset(release for of_app, release, _ in pins if of_app == app)

    async def disk(self) -> Mapping[str, ImagesOnDisk]:
        return await self._on_disk(self._files.disk)

    async def release(self, app: str, release: int) -> None:
        async with self._pinning:
            image_id = await self._on_disk(lambda: self._files.unpin(app, release))
            if image_id is None:
                return
            pins = await self._on_disk(lambda: list(self._files.pins()))
            if all(each != image_id for _, _, each in pins) and image_id not in await self._used():
                await self._on_disk(lambda: self._files.forget(image_id))

    async def _used(self) -> set[str]:
        """Return the images that Deployments and pods of this server name."""
        selector, used = self._scope.selector(), set()
        for document in await self._cluster.objects(self._scope.everywhere("deployments"), selector):
            used |= _images(document["spec"]["template"]["spec"])
        for document in await self._cluster.objects(self._scope.everywhere("pods"), selector):
            used |= _images(document["spec"])
        return used

    async def _ask(self, pinned: ImageReference, tenant: Tenant | None) -> Known:
        """Read manifest and configuration for a platform of the cluster. Raises as ``pull``."""
        machines = await self._machines()
        document = _json(pinned, _checked(pinned, await self._content.manifest(pinned, tenant)))
        if isinstance(document.get("manifests"), list):
            digest = _of_platform(pinned, document["manifests"], machines)
            one = pinned.pinned(digest)
            document = _json(one, _checked(one, await self._content.manifest(one, tenant)))
        try:
            config_digest = str(document["config"]["digest"])
            parts = {str(part["digest"]): int(part["size"]) for part in (document["config"], *document["layers"])}
        except (KeyError, TypeError, ValueError) as error:
            raise _no_image(pinned, f"its manifest has no {error}") from error
        config = _json(pinned, await self._content.blob(pinned, config_digest, tenant))
        return Known(image=image_of(pinned, config, sum(parts.values()), machines), parts=parts)

    async def _machines(self) -> tuple[str, ...]:
        nodes = await self._cluster.objects("/api/v1/nodes")
        found = ((each.get("status") or {}).get("nodeInfo", {}).get("architecture") for each in nodes)
        return tuple(dict.fromkeys(str(each) for each in found if each))

    async def _is_own(self, pinned: ImageReference, tenant: Tenant | None) -> bool:
        """Return whether the image is known, and one of the tenant's own apps has it."""
        if await self.get(str(pinned)) is None:
            return False
        pins = await self._on_disk(lambda: list(self._files.pins()))
        return tenant is None or any(app in tenant.apps and each == str(pinned) for app, _, each in pins)

    async def _on_disk(self, work: Callable[[], ResultT]) -> ResultT:
        with naming_cause(
            RuntimeUnavailable, "what is known of images cannot be read or written",
            next="check the disk of the server's data directory; running apps keep running",
        ):  # fmt: skip
            return await asyncio.to_thread(work)


def image_of(pinned: ImageReference, document: dict[str, Any], size: int, machines: tuple[str, ...]) -> LocalImage:
    """Return what an image's configuration says. Its author chose the ports and volumes. Raises NotAnImage."""
    config = document.get("config") or {}
    try:
        ports, volumes = _ports(config.get("ExposedPorts") or {}), mountable_paths(config.get("Volumes") or {})
        architecture, user = str(document.get("architecture") or ""), str(config.get("User") or "")
        entrypoint, command = _words(config.get("Entrypoint")), _words(config.get("Cmd"))
    except (TypeError, ValueError, AttributeError) as error:
        raise _no_image(pinned, f"its configuration cannot be read: {error}") from error
    if len(volumes) > MOST_VOLUMES or len(ports) > MOST_PORTS:
        raise _no_image(pinned, f"it declares {len(volumes)} volumes and {len(ports)} ports")
    return LocalImage(
        image_id=str(pinned), digest=str(pinned.digest), size=size, exposed_ports=ports, entrypoint=entrypoint,
        command=command, volumes=volumes, architecture=architecture, user=user,
        runs_here=not architecture or not machines or architecture in machines, machine=" or ".join(machines),
    )  # fmt: skip


def _of_platform(pinned: ImageReference, entries: list[Any], machines: tuple[str, ...]) -> str:
    """Return the digest of the image for one of the cluster's platforms. Raises WrongPlatform."""
    platforms: dict[str, str] = {}
    for entry in entries:
        platform = entry.get("platform") if isinstance(entry, dict) else None
        if isinstance(platform, dict) and platform.get("os") == "linux":
            platforms.setdefault(str(platform.get("architecture")), str(entry.get("digest")))
    for machine in machines or tuple(platforms):
        if machine in platforms:
            return platforms[machine]
    raise WrongPlatform(
        f"{pinned} cannot run on this cluster",
        why=f"it is built for {' and '.join(platforms) or 'nothing'}; the nodes are {' and '.join(machines)}",
        next=f"build it for linux/{machines[0] if machines else 'amd64'}, too, then deploy again",
    )


def _ports(names: Mapping[str, Any]) -> tuple[int, ...]:
    found = set()
    for name in names:
        port, _, protocol = str(name).partition("/")
        first, _, last = port.partition("-")
        if protocol.lower() in ("", "tcp") and first.isdecimal() and (last or first).isdecimal():
            begin, end = max(1, int(first)), min(65535, int(last or first))
            found |= set(range(begin, min(end, begin + MOST_PORTS) + 1))
    return tuple(sorted(found))


def _words(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(str(word) for word in value or ())


def _images(spec: dict[str, Any]) -> set[str]:
    return {str(each.get("image")) for each in spec.get("containers") or ()}


def _must_be_remote(reference: ImageReference) -> None:
    if reference.is_local:
        raise ImageNotFound(
            f"{reference} is not in a registry",
            why="references that start with localhost/ name images on one machine, which nodes cannot pull",
            next="push it to a registry that the nodes reach, and deploy that name",
        )


def _checked(pinned: ImageReference, content: bytes) -> bytes:
    """Return the content if it has the digest that was asked for. Raises PullFailed."""
    if _digest(content) != pinned.digest:
        raise PullFailed(
            f"{pinned} could not be read", why=f"{pinned.host} sent other bytes than the digest names",
            next="check the registry or the proxy in front of it, then deploy again",
        )  # fmt: skip
    return content


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _json(reference: ImageReference, content: bytes) -> dict[str, Any]:
    try:
        document = parse_json(content)
    except ValueError as error:
        raise _no_image(reference, str(error)) from error
    return document if isinstance(document, dict) else {}


def _no_image(reference: ImageReference, why: str) -> NotAnImage:
    return NotAnImage(
        f"{reference} is not an image that can run", why=why, next="name the app's image, then deploy again"
    )
