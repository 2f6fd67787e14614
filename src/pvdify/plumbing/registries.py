"""The interface for reading images in registries over HTTP, without storing them here."""

from typing import Protocol

from pvdify.model.image_reference import ImageReference
from pvdify.model.registry import RegistryLogin
from pvdify.model.tenant import Tenant


class RegistryContent(Protocol):
    """The manifests and configurations that registries have.

    Raises ImageNotFound, NotAnImage, RegistryDenied, RegistryNotAllowed, RegistryRateLimited, RegistryUnavailable.
    """

    async def manifest(self, reference: ImageReference, tenant: Tenant | None) -> bytes:
        """Return the manifest that the reference names: of one image, or the list for several platforms."""
        ...

    async def blob(self, reference: ImageReference, digest: str, tenant: Tenant | None) -> bytes:
        """Return a short blob of the image, such as its configuration."""
        ...

    async def check(self, login: RegistryLogin) -> None:
        """Try the login at its registry, without storing it."""
        ...
