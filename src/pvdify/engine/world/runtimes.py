"""The container runtime of slots: the one that an operator chose, unless an app cannot be there.

podman and systemd share volumes, images and networks on one machine; a cluster has its own. So an app with volumes, or
with links to services, stays on its side, whatever was chosen.
"""

from dataclasses import replace

from pvdify.model.image import is_in_cluster
from pvdify.model.release import Release
from pvdify.model.runtime_choice import CLUSTER, are_apart
from pvdify.model.slot import Slot, SlotState
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
    runtime = await runtime_of_new_slot(store, settings, release.app)
    if release.image_id is None or is_in_cluster(release.image_id) == (runtime == CLUSTER):
        return release
    return replace(release, image_id=None)


async def tie_of(store: Store, settings: Settings, app: str, runtime: str) -> str:
    """Return why new slots of the app cannot be on this runtime; "" if they can. Raises StoreUnavailable."""
    links = await store.service_links(app=app)
    if links and are_apart(runtime, settings.runtime):
        return f"it is linked to the service {links[0].hostname}, which is {_place_of(settings.runtime)}"
    live, slot = await store.active_release(app), await live_slot(store, app)
    kept = [name for name, volume in live.volumes.items() if not volume.ephemeral] if live is not None else []
    if slot is not None and kept and are_apart(runtime, slot.runtime or settings.runtime):
        names = f"volume{'s' if len(kept) > 1 else ''} {', '.join(sorted(kept))}"
        return f"its {names} cannot be copied there: {'they are' if len(kept) > 1 else 'it is'} " + _place_of(
            slot.runtime or settings.runtime
        )
    return ""


async def live_slot(store: Store, app: str) -> Slot | None:
    """Return the app's live slot, or None. Raises StoreUnavailable."""
    return next((slot for slot in await store.slots(app) if slot.state is SlotState.LIVE), None)


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
