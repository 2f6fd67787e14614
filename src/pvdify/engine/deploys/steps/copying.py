"""Copies the volumes of an app to the other side, this machine or the cluster, after the live release has stopped."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta

from pvdify.engine.deploys.plan import step
from pvdify.engine.deploys.step_run import StepRun
from pvdify.engine.deploys.steps.copied import copies_of, put_copies_into_trash
from pvdify.engine.world.runtimes import runtime_of
from pvdify.errors import BackupFailed, NotEnoughDisk, VolumeInUse, VolumeNotCopied
from pvdify.model.instance import InstanceState, Role
from pvdify.model.names import app_of_instance
from pvdify.model.operation import StepState
from pvdify.model.runtime_choice import CLUSTER
from pvdify.model.volume import AppVolume
from pvdify.ports.volume_transfers import VolumeTransfers
from pvdify.quantities import format_bytes
from pvdify.timing import first_of

SHARE_OF_HOLD = 0.75  # of the time that requests may wait, copies end after this share; the rest is for starts
LOOK_EVERY = 0.5  # seconds between two checks of a copy that is under way, or of commands
COMMAND_SECONDS = 60.0  # the longest wait for commands that have begun before the move


async def remove_copies(run: StepRun) -> None:
    """Remove the copies; keep them in the trash if a switch was tried, since visitors may have written to them."""
    transfers, runtime = run.world.volume_transfers, await _runtime(run)
    if run.operation.step("switch").state is not StepState.PENDING:
        await put_copies_into_trash(run)
        await run.note("the copies of the volumes are in the trash, with what visitors wrote after the switch")
    elif transfers is not None:
        for _, copy in await copies_of(run):
            await transfers.discard(copy.id, runtime)


@step(undo=remove_copies)
async def spare_volumes(run: StepRun) -> None:
    """Wait until no command uses the app's volumes, while the live release still serves.

    Raises VolumeInUse after ``COMMAND_SECONDS``, DeployCanceled.
    """
    clock = run.world.clock
    deadline = clock.monotonic() + COMMAND_SECONDS
    while await _commands(run) and clock.monotonic() < deadline:
        run.check_canceled()
        await clock.sleep(LOOK_EVERY)
    await _check_unused(run)


@step()
async def copy_volumes(run: StepRun) -> str | None:
    """Copy each volume to the other side, from the beginning if pvdifyd was restarted meanwhile.

    Raises VolumeInUse, VolumeNotCopied, NotEnoughDisk, DeployCanceled, RuntimeUnavailable.
    """
    await _check_unused(run)
    transfers, runtime, begun = run.world.volume_transfers, await _runtime(run), run.world.clock.monotonic()
    if transfers is None:
        raise VolumeNotCopied(
            f"the volumes of {run.app} were not copied", why="this server has no cluster: `kubeconfig` is not set",
            next=f"set it, restart pvdifyd, then `pvdify server runtime` again; {run.fallback}",
        )  # fmt: skip
    copies = await copies_of(run)
    for volume, copy in copies:
        await _in_time(run, runtime, _copied(run, transfers, volume, copy, runtime))
    seconds = run.world.clock.monotonic() - begun
    return f"{', '.join(volume.name for volume, _ in copies)} copied to {runtime} in {seconds:.1f} s"


async def _copied(
    run: StepRun, transfers: VolumeTransfers, volume: AppVolume, copy: AppVolume, runtime: str
) -> None:  # fmt: skip
    await transfers.discard(copy.id, runtime)  # what a killed pvdifyd has left of it
    try:
        await transfers.copy(run.app, volume.id, copy.id, runtime)
    except BackupFailed as error:
        raise VolumeNotCopied(
            f"the volume {volume.name} of {run.app} was not copied to {runtime}", why=error.why,
            next=f"`pvdify server runtime {runtime}` tries it again; {run.fallback}",
        ) from error  # fmt: skip


async def _in_time(run: StepRun, runtime: str, work: Coroutine[object, object, None]) -> None:
    """Run the work, and end it if the move was canceled, or if the time or the disk of this machine is too short.

    Raises as ``copy_volumes``.
    """
    copying = asyncio.create_task(work)
    try:
        while not copying.done():
            await first_of(run.world.clock.sleep(LOOK_EVERY), copying)
            if not copying.done():
                run.check_canceled()
                _check_time(run)
                await _check_disk(run, runtime)
        copying.result()  # it may have failed during a check
    finally:
        copying.cancel()
        await asyncio.gather(copying, return_exceptions=True)


def _check_time(run: StepRun) -> None:
    """Raise VolumeNotCopied if too little of ``hold`` is left to start a release, the new or the previous one."""
    receipt = run.release.receipt
    if receipt is None or receipt.closed_at is None or not receipt.hold:
        return
    if run.world.clock.now() - receipt.closed_at > timedelta(seconds=receipt.hold * SHARE_OF_HOLD):
        raise VolumeNotCopied(
            f"the volumes of {run.app} were not copied in time",
            why=f"requests wait, at most {receipt.hold:g} s (`hold`), and most of this time has passed",
            next=f"deploy {run.app} with a longer `hold` in pvdify.yml, at most 300s, or stop it for the move "
            f"(`pvdify ps:stop {run.app}`); then `pvdify server runtime` again; {run.fallback}",
        )


async def _check_disk(run: StepRun, runtime: str) -> None:
    """Raise NotEnoughDisk if copies to this machine take the space that must stay free."""
    needed = run.world.settings.min_free_disk
    free = (await run.world.host.capacity()).free_disk if runtime != CLUSTER else None
    if free is not None and free < needed:
        raise NotEnoughDisk(
            f"the volumes of {run.app} were not copied: {format_bytes(free)} of disk are free, {format_bytes(needed)} "
            "must stay free",
            next=f"make room on the server (`pvdify status` shows the disk use of each app); {run.fallback}",
        )


async def _check_unused(run: StepRun) -> None:
    """Raise VolumeInUse if a command of the app runs: what it writes would be lost.

    Commands that begin later are refused until the switch.
    """
    if running := await _commands(run):
        raise VolumeInUse(
            f"the volumes of {run.app} cannot be copied now", why=f"a command uses them: {', '.join(sorted(running))}",
            next=f"once it has ended, `pvdify server runtime` again; {run.fallback}",
        )  # fmt: skip


async def _commands(run: StepRun) -> set[str]:
    """Return the names of running containers of the app besides its instances and the runs of its jobs."""
    known = {place.name for slot in await run.world.store.slots(run.app) for place in slot.placements}
    found = await run.world.instances.find(run.app)
    running = {it.name for it in found if it.state is InstanceState.RUNNING and it.role is not Role.JOB} - known
    return running | {name for name in run.world.one_offs if app_of_instance(name) == run.app}


async def _runtime(run: StepRun) -> str:
    return await runtime_of(run.world.store, run.world.settings, run.release)
