"""May this release go on at all? Nothing has been touched yet, so a refusal costs nothing."""

from pvdify.engine.domains import check_free
from pvdify.engine.plan import step
from pvdify.engine.specs import limits_of
from pvdify.engine.step_run import StepRun
from pvdify.engine.supersession import superseded
from pvdify.errors import NotEnoughDisk, NotEnoughMemory
from pvdify.model.app import hostnames_of
from pvdify.model.quantities import format_bytes

FIRST_GUESS_OF_MEMORY = 64 * 1024**2  # what an instance that never ran here is taken to need, if its limit is higher


@step()
async def admit(run: StepRun) -> None:
    """The release may go on: not older than the live one, its hostnames are free, the machine has room."""
    await _check_order(run)
    await _check_hostnames(run)
    await _check_room(run)


async def _check_order(run: StepRun) -> None:
    live = await run.previous()
    if live is not None and run.release.must_not_replace(live):
        raise superseded(run.release, live, "is live already")


async def _check_hostnames(run: StepRun) -> None:
    """The switch looks again, for good; but a conflict that is there already should cost no pull and no hook."""
    app = await run.world.store.app(run.app)
    if app is not None:
        async with run.world.locks.hostnames:
            await check_free(run.world, run.app, hostnames_of(app, run.world.settings.base_domain, run.manifest))


async def _check_room(run: StepRun) -> None:
    capacity, settings = await run.world.host.capacity(), run.world.settings
    if capacity.free_disk is not None and capacity.free_disk < settings.min_free_disk:
        raise NotEnoughDisk(
            f"{run.app} v{run.release.version} was not started: {format_bytes(capacity.free_disk)} of disk are free, "
            f"{format_bytes(settings.min_free_disk)} must stay free",
            next="make room on the server (`podman system df` shows what images take), then deploy again",
        )
    needed = settings.min_free_memory + sum(
        min(FIRST_GUESS_OF_MEMORY, limits_of(run.manifest, name).memory) * count
        for name, count in (await run.counts()).items()
    )
    if capacity.available_memory is not None and capacity.available_memory < needed:
        raise NotEnoughMemory(
            f"{run.app} v{run.release.version} was not started: {format_bytes(capacity.available_memory)} of memory "
            f"are available, both releases side by side need {format_bytes(needed)} more",
            next="run fewer instances (`pvdify ps:scale`), stop another app, or give the server more memory",
        )
