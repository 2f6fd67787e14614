"""A check at start-up that this pvdifyd can reach the instances that the database knows."""

from pvdify.errors import InvalidError
from pvdify.ports.store import Store
from pvdify.settings import Settings

CLUSTER = "kubernetes"
OF_ONE_MACHINE = ("podman", "systemd")  # apps move between these while pvdifyd runs


async def check_runtime(store: Store, settings: Settings) -> None:
    """Raise InvalidError if slots, or the operator's choice, are on a runtime that the setting cannot reach.

    Otherwise their instances would count as gone, and visitors would be sent away from apps that run.
    """
    reached = (CLUSTER,) if settings.runtime == CLUSTER else OF_ONE_MACHINE
    choice = await store.runtime_choice()
    placed = {slot.app: slot.runtime or OF_ONE_MACHINE[0] for slot in await store.slots()}
    apps = sorted(app for app, runtime in placed.items() if runtime not in reached)
    chosen = choice.name if choice is not None and choice.name not in reached else ""
    if not apps and not chosen:
        return
    where = chosen or placed[apps[0]]
    raise InvalidError(
        f"pvdifyd did not start: its instances are not on {settings.runtime}; running apps keep running",
        why=f"the setting runtime is {settings.runtime}, but "
        + (f"{', '.join(apps[:5])} {'run' if len(apps) > 1 else 'runs'} on {where}" if apps else f"{where} was chosen"),
        next=f'set runtime = "{where}" and start again; apps cannot move between a cluster and one machine: start a '
        "second pvdifyd with another data directory, and deploy there",
    )  # fmt: skip
