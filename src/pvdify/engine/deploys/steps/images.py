"""Pins the image of the release that is deployed, so that nothing removes it, and brings it back if it is gone."""

from dataclasses import replace
from functools import partial

from pvdify.engine.deploys.step_run import StepRun
from pvdify.engine.deploys.steps.hooks import has_hooks_before
from pvdify.engine.running.environment import tenant_of
from pvdify.engine.running.pinning import pinned
from pvdify.engine.world.runtimes import runtime_of
from pvdify.errors import NotRollbackable, PvdifyError
from pvdify.model.image import LocalImage
from pvdify.model.image_reference import parse_image_reference
from pvdify.model.operation import OperationKind, Strategy
from pvdify.ports.images import Images


async def is_pinned_late(run: StepRun) -> bool:
    """Return whether the image is pinned while the new instances are probed, which takes no time of the deploy.

    Before that, only the containers of these instances need it. If hooks run first, or what is live has to stop
    first, the last release of another app could remove the image meanwhile.
    """
    has_hooks = run.operation.kind is OperationKind.DEPLOY and await has_hooks_before(run)
    return run.operation.strategy is Strategy.BLUE_GREEN and not has_hooks


async def pin(run: StepRun) -> None:
    """Pin the release's image. Raises NotRollbackable, RuntimeUnavailable, and the errors of a pull."""
    release = run.release
    images = await images_of(run)
    await pinned(images, run.app, release.version, release.image, partial(stored, run, images))


async def images_of(run: StepRun) -> Images:
    """Return the images for the release's instances."""
    return run.world.images.on(await runtime_of(run.world.store, run.world.settings, run.release))


async def bring_back(run: StepRun) -> bool:
    """Bring the release's image to this host again if it is gone; return whether it was. Raises as ``pin``."""
    images = await images_of(run)
    if run.release.image_id is None or await images.get(run.release.image_id) is not None:
        return False
    await stored(run, images)
    return True


async def stored(run: StepRun, images: Images) -> LocalImage:
    """Return the image that the release is known to have; pull it only if it is gone. Raises NotRollbackable."""
    release, reference = run.release, parse_image_reference(run.release.image)
    known, digest = release.image_id, release.digest or ""
    image = await images.get(known) if known else await images.find(reference, digest)
    if image is not None:
        return replace(image, digest=digest or image.digest)
    try:
        return await images.pull(reference, digest, await tenant_of(run.world.store, run.app))
    except PvdifyError as error:
        if release.image_id is None or release.repeats is None:  # the other side has it, this one has never had it
            raise
        raise NotRollbackable(
            f"the image of {run.app} v{release.repeats} is no longer on this server",
            why=f"its registry could not give it back: {error.what}",
            next=f"`pvdify releases {run.app}` shows which releases can be rolled back to",
        ) from error
