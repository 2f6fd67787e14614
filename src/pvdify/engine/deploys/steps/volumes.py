"""Records the volumes of a release before a container mounts them, and decides which are handed over."""

from collections.abc import Mapping
from dataclasses import replace

from pvdify.engine.deploys.step_run import StepRun
from pvdify.errors import VolumeNotShared
from pvdify.manifest.definition import Volume, volume_problems
from pvdify.model.operation import OperationKind, Strategy
from pvdify.model.release import Release
from pvdify.model.volume import new_volume, shared_exclusively


async def provide_volumes(run: StepRun, release: Release) -> None:
    """Record the volumes that the release needs and the app does not have.

    If another release may use one of them exclusively, set the operation's strategy to HAND_OVER, unless it is MOVE.
    Raises VolumeNotShared.
    """
    volumes = release.volumes
    await _check(run, release)
    stored = {volume.name for volume in await run.world.store.volumes(run.app) if not volume.is_trashed}
    for name, volume in volumes.items():
        if not volume.ephemeral and name not in stored:
            run.change(new_volume(run.app, name, run.world.clock.now()))
    for name in sorted(set(volumes) - set(release.manifest.volumes)):
        await run.note(_unnamed(name, volumes[name]))
    await _note_left(run, volumes)
    if run.operation.strategy is Strategy.MOVE:
        return
    if handed_over := await _handed_over(run, release):
        run.operation = replace(run.operation, strategy=Strategy.HAND_OVER)
        await run.note(
            f"the volume {' and '.join(handed_over)} is used by one release at a time: what runs stops before "
            f"v{release.version} starts"
        )


async def _note_left(run: StepRun, volumes: Mapping[str, Volume]) -> None:
    """Note each path whose files this deploy leaves behind, because the path is in another volume or ephemeral now."""
    previous = await run.previous()
    if previous is None or run.operation.kind is not OperationKind.DEPLOY:
        return
    before = {volume.path: name for name, volume in previous.volumes.items() if not volume.ephemeral}
    for name, volume in volumes.items():
        left = before.get(volume.path, name)
        if left != name or (volume.ephemeral and volume.path in before):
            now = "ephemeral now" if volume.ephemeral else f"in the volume {name} now"
            await run.note(
                f"{volume.path} is {now}; what v{previous.version} wrote there stays in the volume {left}. To use it "
                f"again, deploy with volumes: {{{left}: {{path: {volume.path}}}}} in pvdify.yml"
            )


async def _handed_over(run: StepRun, release: Release) -> tuple[str, ...]:
    """Return the exclusive volumes of this release that instances of other releases may still use."""
    found: set[str] = set()
    for slot in await run.world.store.slots(run.app):
        starter = await run.world.store.release(run.app, slot.number)
        if starter is not None and slot.number != release.version:
            found.update(shared_exclusively(starter.volumes, release.volumes))
    return tuple(sorted(found))


async def _check(run: StepRun, release: Release) -> None:
    """Raise VolumeNotShared if several instances of a process would use a volume that is not shared."""
    problems = volume_problems(release.volumes, await run.counts())
    if problems:
        raise VolumeNotShared(
            f"{run.app} v{release.version} cannot run with these volumes",
            why="; ".join(problems),
            next="name each path under `volumes` in pvdify.yml with shared: true or ephemeral: true, or run one "
            "instance, then deploy again",
        )


def _unnamed(name: str, volume: Volume) -> str:
    return (
        f"the image declares VOLUME {volume.path}: it is kept in the volume {name}. To share it or to keep "
        f"nothing, name this volume in pvdify.yml: volumes: {{{name}: {{path: {volume.path}, ephemeral: true}}}}"
    )
