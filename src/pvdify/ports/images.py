"""Container images: resolve tags, pull images, pin them for releases, and remove them."""

from collections.abc import Mapping
from typing import Protocol

from pvdify.model.image import ImagesOnDisk, LocalImage
from pvdify.model.image_reference import ImageReference
from pvdify.model.tenant import Tenant


class Images(Protocol):
    """This host's image storage, and the registries that it can reach."""

    def on(self, runtime: str) -> "Images":
        """Return the images for instances on this runtime: itself, unless this server also runs some in a cluster.

        Ids of images say where they are, so methods that take one need no runtime.
        """
        ...

    async def resolve(self, reference: ImageReference, tenant: Tenant | None = None) -> str:
        """Return the digest that the reference currently has at its registry, or in local storage if it is local.

        ``tenant``: the app that asks, or None for the server itself. For a tenant, registry logins and images of other
        apps are not used, nor are hosts on this machine that were not granted to it.

        Raises:
            ImageNotFound, RegistryDenied, RegistryNotAllowed, RegistryUnavailable, RuntimeUnavailable.
        """
        ...

    async def find(self, reference: ImageReference, digest: str) -> LocalImage | None:
        """Return the image with this digest if it is on this host. Asks no registry. Raises RuntimeUnavailable."""
        ...

    async def download_size(self, reference: ImageReference, digest: str, tenant: Tenant | None = None) -> int | None:
        """Return how many bytes a registry sends for this digest if the host has none of its layers; None if unknown.

        Raises RuntimeUnavailable.
        """
        ...

    async def pull(self, reference: ImageReference, digest: str, tenant: Tenant | None = None) -> LocalImage:
        """Pull exactly this digest, unless it is on this host already.

        Raises:
            ImageNotFound, RegistryDenied, RegistryNotAllowed, RegistryUnavailable, PullFailed, RuntimeUnavailable.
        """
        ...

    async def get(self, image_id: str) -> LocalImage | None:
        """Return the stored image with this id, or None. Raises RuntimeUnavailable."""
        ...

    async def keep(self, image_id: str, app: str, release: int) -> None:
        """Pin the image for a release, which protects it from clean-up. Raises RuntimeUnavailable."""
        ...

    async def kept(self, app: str) -> frozenset[int]:
        """Return the releases of this app that pin an image. Raises RuntimeUnavailable."""
        ...

    async def disk(self) -> Mapping[str, ImagesOnDisk]:
        """Return the size of each app's pinned images; a shared layer counts once. Raises RuntimeUnavailable."""
        ...

    async def release(self, app: str, release: int) -> None:
        """Remove the release's pin, and the image if nothing else uses it. Raises RuntimeUnavailable."""
        ...
