"""Bringing the image here."""

from dataclasses import replace

from pvdify.engine.plan import step
from pvdify.engine.specs import port_of
from pvdify.engine.step_run import StepRun
from pvdify.engine.steps.hooks import remove_hooks
from pvdify.engine.steps.start import standby_of
from pvdify.errors import NotEnoughDisk, NotRollbackable, PvdifyError
from pvdify.model.image import LocalImage
from pvdify.model.image_reference import ImageReference, parse_image_reference
from pvdify.model.quantities import format_bytes

UNPACKED = 3.0  # layers come compressed, and packed and unpacked ones are on the disk for a while side by side


async def keep_for_another_try(run: StepRun) -> None:
    """Of the releases that failed, only this newest one keeps its image: the next try often is the same image."""
    await remove_hooks(run)
    images, release = run.world.images, run.release
    if release.image_id is None or await images.get(release.image_id) is None:
        return
    await images.keep(release.image_id, run.app, release.version)
    kept = await images.kept(run.app) - {release.version}
    for other in await run.world.store.releases(run.app):
        if other.version in kept and other.status.is_settled and not other.was_live:
            await images.release(run.app, other.version)


@step(undo=keep_for_another_try)
async def pull(run: StepRun) -> str:
    """Exactly the release's image is on this host."""
    release = run.release
    if await standby_of(run):
        return f"{(release.digest or '')[:11]}…  here"  # its instances still run; nothing needs to be looked up
    if release.image_id is not None:
        image = await _stored(run, release.image_id)
    else:
        reference = parse_image_reference(release.image)
        digest = await run.world.images.resolve(reference)
        image = await run.world.images.find(reference, digest) or await _fetch(run, reference, digest)
    port = release.port or port_of(run.manifest, image.exposed_ports)
    run.change(replace(release, digest=image.digest, image_id=image.image_id, port=port))
    return f"{image.digest[:11]}…  {format_bytes(image.size)}"


async def _fetch(run: StepRun, reference: ImageReference, digest: str) -> LocalImage:
    """The image from its registry, if there is room for it. Raises NotEnoughDisk before anything is sent."""
    capacity = await run.world.host.capacity()
    size = await run.world.images.download_size(reference, digest)
    if size is not None and capacity.free_disk is not None:
        needed = round(size * UNPACKED) + run.world.settings.min_free_disk
        if capacity.free_disk < needed:
            raise NotEnoughDisk(
                f"{run.app} v{run.release.version} was not pulled: {format_bytes(capacity.free_disk)} of disk are "
                f"free, {format_bytes(needed)} are needed",
                why=f"{reference} is {format_bytes(size)} to download, about {UNPACKED:g} times that while it is "
                f"unpacked, and {format_bytes(run.world.settings.min_free_disk)} must stay free",
                next="make room on the server (`podman system df` shows what images take), then deploy again",
            )
    return await run.world.images.pull(reference, digest)


async def _stored(run: StepRun, image_id: str) -> LocalImage:
    """The image of an earlier release as it is kept here; only if it is gone its registry is asked for it."""
    release = run.release
    image = await run.world.images.get(image_id)
    if image is not None:
        return replace(image, digest=release.digest or image.digest)
    try:
        return await run.world.images.pull(parse_image_reference(release.image), release.digest or "")
    except PvdifyError as error:
        raise NotRollbackable(
            f"the image of {run.app} v{release.repeats or release.version} is no longer on this server",
            why=f"its registry could not give it back: {error.what}",
            next=f"`pvdify releases {run.app}` shows which releases can be rolled back to",
        ) from error
