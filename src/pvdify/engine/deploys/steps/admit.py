"""The checks before a release is deployed. Nothing of it has been changed yet, so there is nothing to undo."""

from collections.abc import Mapping

from pvdify.engine.deploys.instance_limit import check_instances
from pvdify.engine.deploys.plan import step
from pvdify.engine.deploys.step_run import StepRun
from pvdify.engine.deploys.steps.leftovers import remove_leftovers
from pvdify.engine.deploys.supersession import superseded
from pvdify.engine.running.specs import limits_of
from pvdify.engine.world.concurrency import settle
from pvdify.engine.world.runtimes import runtime_of
from pvdify.errors import NotEnoughDisk, NotEnoughMemory
from pvdify.manifest.definition import Manifest
from pvdify.model.app import hostnames_of
from pvdify.model.operation import Strategy
from pvdify.model.runtime_choice import CLUSTER
from pvdify.quantities import exact_bytes, format_bytes

FIRST_GUESS_OF_MEMORY = 64 * 1024**2  # bytes that each new instance is assumed to need, unless its limit is lower


@step()
async def admit(run: StepRun) -> None:
    """Check that the release is not older than the live one, its hostnames are free and the machine has room.

    Remove what an earlier operation left first. Raises DeploySuperseded, HostnameTaken, InvalidScale, NotEnoughDisk,
    NotEnoughMemory, RuntimeUnavailable.
    """
    await remove_leftovers(run)
    await settle(_check_records(run), _check_room(run))


async def _check_records(run: StepRun) -> None:
    await _check_order(run)
    await _check_hostnames(run)
    scale = await run.world.store.scale(run.app)  # a scaling may have been carried out since the request
    check_instances(run.app, run.manifest, scale, run.world.settings.max_app_instances)


async def _check_order(run: StepRun) -> None:
    live = await run.previous()
    if live is not None and run.release.must_not_replace(live):
        raise superseded(run.release, live, "is live already")


async def _check_hostnames(run: StepRun) -> None:
    """Check early that the hostnames are free, to avoid a pull and hooks in vain; the switch repeats the check."""
    app = await run.world.store.app(run.app)
    if app is not None:
        wanted, held = hostnames_of(app, run.world.settings.base_domain, run.manifest), await run.held_hostnames(app)
        async with run.world.locks.hostnames:
            await run.tools.claims.check_free(run.app, wanted, held=held)


async def _check_room(run: StepRun) -> None:
    capacity, settings = await run.world.host.capacity(), run.world.settings
    if capacity.free_disk is not None and capacity.free_disk < settings.min_free_disk:
        raise NotEnoughDisk(
            f"{run.app} v{run.release.version} was not started: {format_bytes(capacity.free_disk)} of disk are free, "
            f"{exact_bytes(settings.min_free_disk)} must stay free (`min_free_disk`)",
            next="make room on the server (`pvdify status` shows the disk use of each app), then deploy again",
        )
    needed = settings.min_free_memory + first_guess_of_memory(run.manifest, await run.counts())
    is_elsewhere = await runtime_of(run.world.store, settings, run.release) == CLUSTER
    if capacity.available_memory is not None and not is_elsewhere:
        available = capacity.available_memory + await _to_be_freed(run)
        if available < needed:
            raise await _not_enough_memory(run, available, needed)


def first_guess_of_memory(manifest: Manifest, counts: Mapping[str, int]) -> int:
    """Return the bytes that these new instances are assumed to need at first."""
    return sum(min(FIRST_GUESS_OF_MEMORY, limits_of(manifest, name).memory) * count for name, count in counts.items())


async def _to_be_freed(run: StepRun) -> int:
    """Return the bytes that running instances free before the new ones start; 0 unless the strategy is STOP_FIRST."""
    if run.operation.strategy is not Strategy.STOP_FIRST:
        return 0
    places = [place for slot in await run.world.store.slots(run.app) for place in slot.placements]
    used = await settle(*(run.world.inspector.usage(place.name) for place in places))
    return sum(usage.memory for usage in used if usage is not None)


async def _not_enough_memory(run: StepRun, available: int, needed: int) -> NotEnoughMemory:
    is_side_by_side = run.operation.strategy is Strategy.BLUE_GREEN and run.operation.previous is not None
    what = "both releases side by side need" if is_side_by_side else "it needs"
    next_step = "run fewer instances (`pvdify ps:scale`), stop another app, or give the server more memory"
    if is_side_by_side and await run.world.store.preview(run.app) is None:
        next_step += (
            ", or add `--strategy stop-first`: what is live stops first, and visitors are turned away until this "
            "one serves"
        )
    return NotEnoughMemory(
        f"{run.app} v{run.release.version} was not started: {format_bytes(available)} of memory "
        f"are available, {what} {format_bytes(needed)} more",
        next=next_step,
    )
