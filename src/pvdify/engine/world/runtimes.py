"""The container runtime of new slots."""

from pvdify.ports.store import Store
from pvdify.settings import Settings


async def runtime_in_effect(store: Store, settings: Settings) -> str:
    """Return the runtime that an operator chose, or else the setting ``runtime``. Raises StoreUnavailable."""
    choice = await store.runtime_choice()
    return choice.name if choice is not None else settings.runtime
