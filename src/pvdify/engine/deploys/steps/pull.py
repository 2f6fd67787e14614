"""Pulls the release's image, or finds it on this host."""

from dataclasses import replace

from pvdify.engine.deploys.plan import step
from pvdify.engine.deploys.step_run import StepRun
from pvdify.engine.deploys.steps.hooks import remove_hooks
from pvdify.engine.deploys.steps.images import images_of, is_pinned_late, pin, stored
from pvdify.engine.deploys.steps.services import wait_for_services
from pvdify.engine.deploys.steps.start import standby_of
from pvdify.engine.deploys.steps.volumes import provide_volumes
from pvdify.engine.running.environment import tenant_of
from pvdify.engine.running.specs import port_of
from pvdify.errors import NotEnoughDisk, WrongPlatform
from pvdify.model.image import LocalImage
from pvdify.model.image_reference import ImageReference, parse_image_reference
from pvdify.model.release import Release
from pvdify.model.tenant import Tenant
from pvdify.model.volume import shared_exclusively
from pvdify.ports.images import Images
from pvdify.quantities import exact_bytes, format_bytes

UNPACKED = 3.0  # times the download size: compressed and unpacked layers are on the disk at the same time


async def keep_for_another_try(run: StepRun) -> None:
    """Remove hook containers, and keep the image of this failed release, because the next deploy often uses it again.

    Images of older failed releases are released.
    """
    await remove_hooks(run)
    images, release = run.world.images, run.release
    if release.image_id is None or await images.get(release.image_id) is None:
        return
    await images.keep(release.image_id, run.app, release.version)
    for version in await images.kept(run.app) - {release.version}:
        other = await run.world.store.release(run.app, version)
        if other is not None and other.status.is_settled and not other.was_live:
            await images.release(run.app, version)


async def must_prepare(run: StepRun) -> bool:
    """Whether the image may be missing on this host, or volumes are to be checked.

    Instances on standby have the image. Those with a volume for one release at a time may still have to stop first.
    """
    volumes = run.release.volumes
    return bool(shared_exclusively(volumes, volumes)) or await standby_of(run) is None


@step(undo=keep_for_another_try, has_work=must_prepare)
async def pull(run: StepRun) -> str:
    """Bring the release's image to this host, record its volumes, and wait for the preview's services.

    The image is pinned here, unless ``health`` does it.

    Raises WrongPlatform, NotEnoughDisk, NotRollbackable, VolumeNotShared, ServiceFailed, and the errors of ``Images``.
    """
    release = run.release
    image = await _brought(run, await images_of(run))
    _check_platform(release, image)
    port = release.port or port_of(run.manifest, image.exposed_ports)
    pulled = replace(release, digest=image.digest, image_id=image.image_id, port=port, image_volumes=image.volumes)
    run.change(pulled)
    await provide_volumes(run, pulled)
    if not await is_pinned_late(run):
        await pin(run)
    await wait_for_services(run)
    return f"{image.digest[:11]}…  {format_bytes(image.size)}"


async def _brought(run: StepRun, images: Images) -> LocalImage:
    """Return the release's image, which is on this host now. Raises as ``pull``."""
    is_known = run.release.image_id is not None or run.release.repeats is not None
    return await (stored if is_known else _found)(run, images)


async def _found(run: StepRun, images: Images) -> LocalImage:
    """Return the image that the release's reference names now; pull it if it is not on this host."""
    reference, tenant = parse_image_reference(run.release.image), await tenant_of(run.world.store, run.app)
    digest = await images.resolve(reference, tenant)
    return await images.find(reference, digest) or await _fetch(run, images, reference, digest, tenant)


def _check_platform(release: Release, image: LocalImage) -> None:
    """Raise WrongPlatform if the image is built for another architecture, before a hook of the release runs."""
    if not image.runs_here:
        raise WrongPlatform(
            f"{release.image} cannot run on this server",
            why=f"it is built for {image.architecture}; this server is {image.machine}",
            next=f"build it for linux/{image.machine}, too, then deploy again",
        )


async def _fetch(
    run: StepRun, images: Images, reference: ImageReference, digest: str, tenant: Tenant
) -> LocalImage:  # fmt: skip
    """Pull the image from its registry. Raises NotEnoughDisk before the download if there is no room for the image."""
    capacity = await run.world.host.capacity()
    size = await images.download_size(reference, digest, tenant)
    if size is not None and capacity.free_disk is not None:
        needed = round(size * UNPACKED) + run.world.settings.min_free_disk
        if capacity.free_disk < needed:
            raise NotEnoughDisk(
                f"{run.app} v{run.release.version} was not pulled: {format_bytes(capacity.free_disk)} of disk are "
                f"free, {format_bytes(needed)} are needed",
                why=f"{reference} is {format_bytes(size)} to download, about {UNPACKED:g} times that while it is "
                f"unpacked, and {exact_bytes(run.world.settings.min_free_disk)} must stay free (`min_free_disk`)",
                next="make room on the server (`pvdify status` shows the disk use of each app), then deploy again",
            )
    return await images.pull(reference, digest, tenant)
