"""The container runtime of slots: the one that an operator chose, unless an app cannot be there.

podman and systemd share volumes, images and networks on one machine; a cluster has its own. So an app with links to
services stays on its side, whatever was chosen. So does an app with volumes, except in an operation that moves it and
copies them.
"""

from dataclasses import replace

from pvdify.errors import VolumeInUse
from pvdify.model.image import is_in_cluster
from pvdify.model.operation import Operation, StepState, Strategy
from pvdify.model.release import Release
from pvdify.model.runtime_choice import CLUSTER, are_apart
from pvdify.model.slot import Slot, SlotState
from pvdify.model.volume import AppVolume
from pvdify.ports.store import Store
from pvdify.settings import Settings


async def runtime_in_effect(store: Store, settings: Settings) -> str:
    """Return the runtime that an operator chose, or else the setting ``runtime``. Raises StoreUnavailable."""
    choice = await store.runtime_choice()
    return choice.name if choice is not None else settings.runtime


async def runtime_of(store: Store, settings: Settings, release: Release) -> str:
    """Return the runtime of the release's slot, or the one of its future slot. Raises StoreUnavailable.

    It does not change between the pull and the start, even if another runtime is chosen in between.
    """
    slot = await store.slot(release.app, release.slot) if release.slot else None
    if slot is not None and slot.runtime and slot.state is not SlotState.RETIRED:
        return slot.runtime
    if release.image_id is None:
        if await is_moved_by(store, release):
            return await _across(store, settings, release.app)
        return await runtime_of_new_slot(store, settings, release.app)
    chosen = await runtime_in_effect(store, settings)
    is_apart = is_in_cluster(release.image_id) != (chosen == CLUSTER)
    return await _other_side(store, settings, chosen) if is_apart else chosen


async def runtime_of_new_slot(store: Store, settings: Settings, app: str) -> str:
    """Return the runtime of the app's next slot, as of now. Raises StoreUnavailable."""
    chosen = await runtime_in_effect(store, settings)
    return await _other_side(store, settings, chosen) if await tie_of(store, settings, app, chosen) else chosen


async def runtime_of_services(store: Store, settings: Settings) -> str:
    """Return the runtime of services, which stay on the side of the setting ``runtime``. Raises StoreUnavailable."""
    chosen = await runtime_in_effect(store, settings)
    return settings.runtime if are_apart(chosen, settings.runtime) else chosen


async def fitting(store: Store, settings: Settings, release: Release) -> Release:
    """Return this new release without its image's id if its slot will be on the other side, which has other ids."""
    return for_side_of(release, await runtime_of_new_slot(store, settings, release.app))


def for_side_of(release: Release, runtime: str) -> Release:
    """Return this new release without its image's id if that id is not of this runtime's side."""
    if release.image_id is None or is_in_cluster(release.image_id) == (runtime == CLUSTER):
        return release
    return replace(release, image_id=None)


async def move_of(store: Store, app: str) -> Operation | None:
    """Return the operation that copies the app's volumes to the other side, until its switch. Raises StoreUnavailable.

    Until then the volumes of the records are the ones in use; with the switch, their copies are.
    """
    moves = (it for it in await store.unsettled_operations(app) if it.strategy is Strategy.MOVE)
    return next((it for it in moves if it.step("switch").state is not StepState.DONE), None)


async def check_not_moving(store: Store, app: str) -> None:
    """Raise VolumeInUse while the app's volumes are, or will be, copied to the other side. Call it under ``queue``.

    Raises StoreUnavailable.
    """
    if (move := await move_of(store, app)) is not None:
        raise VolumeInUse(
            f"the volumes of {app} cannot be changed now",
            why=f"v{move.release} moves {app} with copies of its volumes",
            next=f"`pvdify releases {app}` shows when it has ended",
        )


async def is_moved_by(store: Store, release: Release) -> bool:
    """Return whether this release is about to move its app with copies of its volumes. Raises StoreUnavailable."""
    move = await move_of(store, release.app)
    return move is not None and move.release == release.version


async def volumes_of_app(store: Store, app: str) -> tuple[AppVolume, ...]:
    """Return the app's volumes that are not in the trash. Raises StoreUnavailable."""
    return tuple(volume for volume in await store.volumes(app) if not volume.is_trashed)


async def tie_of(store: Store, settings: Settings, app: str, runtime: str) -> str:
    """Return why an ordinary new slot of the app is not on this runtime; "" if it is. Raises StoreUnavailable."""
    if tie := await link_tie_of(store, settings, app, runtime):
        return tie
    slot = await live_slot(store, app)
    if slot is not None and are_apart(runtime, slot.runtime or settings.runtime):
        names = [volume.name for volume in await volumes_of_app(store, app)]
        return f"its volumes are {_place_of(slot.runtime or settings.runtime)}: {', '.join(names)}" if names else ""
    return ""


async def leaves_its_slot(store: Store, settings: Settings, slot: Slot) -> bool:
    """Return whether the slot's app is to be on another runtime, so that no rollback takes over this slot.

    An app whose volumes are copied only later is to be there, too. Raises StoreUnavailable.
    """
    chosen = await runtime_in_effect(store, settings)
    return slot.runtime not in ("", chosen) and not await link_tie_of(store, settings, slot.app, chosen)


async def link_tie_of(store: Store, settings: Settings, app: str, runtime: str) -> str:
    """Return why the app cannot move to this runtime; "" if it can. Raises StoreUnavailable."""
    links = await store.service_links(app=app)
    if links and are_apart(runtime, settings.runtime):
        return f"it is linked to the service {links[0].hostname}, which is {_place_of(settings.runtime)}"
    return ""


async def live_slot(store: Store, app: str) -> Slot | None:
    """Return the app's live slot, or None. Raises StoreUnavailable.

    While a release takes over from one that has stopped for it, that is the stopped slot.
    """
    slots = await store.slots(app)
    found = (slot for state in (SlotState.LIVE, SlotState.STOPPED) for slot in slots if slot.state is state)
    return next(found, None)


async def _across(store: Store, settings: Settings, app: str) -> str:
    """Return the runtime of new slots on the side where the app is not."""
    slot, chosen = await live_slot(store, app), await runtime_in_effect(store, settings)
    if slot is None or are_apart(chosen, slot.runtime or settings.runtime):
        return chosen
    return await _other_side(store, settings, chosen)


def _place_of(runtime: str) -> str:
    return "in the cluster" if runtime == CLUSTER else "on this machine"


async def _other_side(store: Store, settings: Settings, chosen: str) -> str:
    """Return the runtime in use on the side where ``chosen`` is not."""
    choice = await store.runtime_choice()
    if chosen != CLUSTER:
        return CLUSTER
    if settings.runtime != CLUSTER:
        return settings.runtime
    return choice.before if choice is not None and choice.before not in ("", CLUSTER) else "podman"
