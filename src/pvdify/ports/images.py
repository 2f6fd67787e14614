"""Images: finding out what a tag means, bringing it here, keeping it, letting it go."""

from collections.abc import Mapping
from typing import Protocol

from pvdify.model.image import ImagesOnDisk, LocalImage
from pvdify.model.image_reference import ImageReference
from pvdify.model.tenant import Tenant


class Images(Protocol):
    """This host's image storage and the registries it can reach."""

    async def resolve(self, reference: ImageReference, tenant: Tenant | None = None) -> str:
        """The digest that the reference means right now, asked of its registry (of local storage if it is local).

        ``tenant``: for whom; None for the server itself. Registry logins and images of other apps do not count, nor do
        hosts of this machine that were not granted.

        Raises:
            ImageNotFound, RegistryDenied, RegistryNotAllowed, RegistryUnavailable, RuntimeUnavailable.
        """
        ...

    async def find(self, reference: ImageReference, digest: str) -> LocalImage | None:
        """The image with this digest if it is on this host; no registry is asked. Raises RuntimeUnavailable."""
        ...

    async def download_size(self, reference: ImageReference, digest: str, tenant: Tenant | None = None) -> int | None:
        """Bytes that a registry would send for this digest if none of its layers is here; None if unknown.

        Raises RuntimeUnavailable.
        """
        ...

    async def pull(self, reference: ImageReference, digest: str, tenant: Tenant | None = None) -> LocalImage:
        """Bring exactly this digest here, unless it is.

        Raises:
            ImageNotFound, RegistryDenied, RegistryNotAllowed, RegistryUnavailable, PullFailed, RuntimeUnavailable.
        """
        ...

    async def get(self, image_id: str) -> LocalImage | None:
        """The stored image with this id. Raises RuntimeUnavailable."""
        ...

    async def keep(self, image_id: str, app: str, release: int) -> None:
        """Pin the image for a release, so that no clean-up takes it away. Raises RuntimeUnavailable."""
        ...

    async def kept(self, app: str) -> frozenset[int]:
        """The releases of this app that pin an image. Raises RuntimeUnavailable."""
        ...

    async def disk(self) -> Mapping[str, ImagesOnDisk]:
        """App -> what its pinned images take, each layer once. Raises RuntimeUnavailable."""
        ...

    async def release(self, app: str, release: int) -> None:
        """Take the pin away, and the image with it if nothing else uses it. Raises RuntimeUnavailable."""
        ...
