"""A check at start-up that this pvdifyd can reach the instances that the database knows."""

from pvdify.errors import InvalidError
from pvdify.model.image import is_in_cluster
from pvdify.model.runtime_choice import CLUSTER
from pvdify.ports.store import Store
from pvdify.settings import Settings

OF_ONE_MACHINE = ("podman", "systemd")  # apps move between these while pvdifyd runs


async def check_runtime(store: Store, settings: Settings) -> None:
    """Raise InvalidError if slots, services, or the operator's choice, are on a runtime that is out of reach.

    Otherwise their instances would count as gone, and visitors would be sent away from apps that run. With the setting
    ``kubeconfig``, a server on one machine reaches the cluster, too.
    """
    is_on_cluster = settings.runtime == CLUSTER
    reached = (CLUSTER,) if is_on_cluster else (*OF_ONE_MACHINE, *((CLUSTER,) if settings.kubeconfig else ()))
    choice = await store.runtime_choice()
    placed = {slot.app: slot.runtime or OF_ONE_MACHINE[0] for slot in await store.slots()}
    apps = sorted(app for app, runtime in placed.items() if runtime not in reached)
    services = [it for it in await store.services() if it.image_id and is_in_cluster(it.image_id) != is_on_cluster]
    chosen = choice.name if choice is not None and choice.name not in reached else ""
    if apps or chosen:
        where = chosen or placed[apps[0]]
        raise _out_of_reach(settings, apps or [], where, f"{where} was chosen")
    if services:
        where = OF_ONE_MACHINE[0] if is_on_cluster else CLUSTER
        names = sorted(it.name for it in services)
        raise _out_of_reach(settings, [f"the service {name}" for name in names], where, "")


def _out_of_reach(settings: Settings, names: list[str], where: str, why: str) -> InvalidError:
    words = f"{', '.join(names[:5])} {'run' if len(names) > 1 else 'runs'} on {where}" if names else why
    local = settings.runtime if settings.runtime != CLUSTER else OF_ONE_MACHINE[0]
    return InvalidError(
        f"pvdifyd did not start: its instances are not on {settings.runtime}; running apps keep running",
        why=f"the setting runtime is {settings.runtime}, but {words}",
        next=f'set runtime = "{where}" and start again; to move apps between this machine and a cluster, set runtime = '
        f'"{local}" and kubeconfig, start, and use `pvdify server runtime`',
    )
