"""Pins an image for a release or a service, so that nothing removes it."""

from collections.abc import Awaitable, Callable

from pvdify.errors import PullFailed, RuntimeUnavailable
from pvdify.model.image import LocalImage
from pvdify.ports.images import Images

ATTEMPTS = 3


async def pinned(
    images: Images, owner: str, number: int, reference: str, bring: Callable[[], Awaitable[LocalImage]]
) -> LocalImage:
    """Return the image that ``bring`` finds or pulls, pinned.

    Until the pin is set, the image is removed when the last release of another app that uses it is removed. In that
    case, call ``bring`` again. Raises PullFailed after several attempts, RuntimeUnavailable, and the errors of
    ``bring``.

    Args:
        images: the images of this host.
        owner: the app or the service's key.
        number: the release, or the service's generation.
        reference: the image's name, for the error.
        bring: returns the image, which is on this host at that moment.
    """
    for _ in range(ATTEMPTS):
        image = await bring()
        try:
            await images.keep(image.image_id, owner, number)
            return image
        except RuntimeUnavailable:
            if await images.get(image.image_id) is not None:
                raise
    raise PullFailed(f"{reference} could not be pulled", why="it was removed right after the pull", next="try again")
