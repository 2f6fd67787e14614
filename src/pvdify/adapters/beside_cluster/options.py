"""The runtimes between which apps can move: those of this machine, and the cluster of the setting ``kubeconfig``."""

from collections.abc import Awaitable, Callable

from pvdify.errors import PvdifyError
from pvdify.model.runtime_choice import CLUSTER
from pvdify.ports.runtime_options import RuntimeOptions


class MachineAndCluster:
    """Implements ``ports.runtime_options.RuntimeOptions``.

    Args:
        local: the runtimes of this machine.
        setting: the runtime of the settings.
        ask: asks the cluster of the setting ``kubeconfig`` for something small; None without that setting. Raises
            PvdifyError.
    """

    def __init__(
        self, *, local: RuntimeOptions, setting: str, ask: Callable[[], Awaitable[object]] | None
    ) -> None:  # fmt: skip
        self._local, self._setting, self._ask = local, setting, ask
        self.names = (*local.names, CLUSTER)

    async def obstacle(self, name: str) -> str:
        if self._setting == CLUSTER:
            way = f'set runtime = "{name}" and kubeconfig in the settings file, restart pvdifyd, then choose again'
            return "" if name == CLUSTER else way
        if name != CLUSTER:
            return await self._local.obstacle(name)
        if self._ask is None:
            return "the setting kubeconfig is empty: set it to a file of the cluster's, and restart pvdifyd"
        try:
            await self._ask()
        except PvdifyError as error:
            return f"{error.what}: {error.why}" if error.why else error.what
        return ""
