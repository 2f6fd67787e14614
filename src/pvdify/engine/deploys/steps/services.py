"""Waits for the services of a preview."""

from pvdify.engine.deploys.step_run import StepRun
from pvdify.errors import ServiceFailed
from pvdify.model.names import parent_of
from pvdify.model.service import Service, ServiceState

WITHIN = 1800.0  # seconds: a copy of a large database takes a while
PAUSE = 0.5  # seconds between two checks


async def wait_for_services(run: StepRun) -> None:
    """Wait until the preview's own services are live with their data. Raises ServiceFailed, DeployCanceled."""
    if parent_of(run.app) is None or not run.manifest.previews.services:
        return
    deadline = run.world.clock.monotonic() + WITHIN
    while missing := await _missing(run):
        if run.world.clock.monotonic() >= deadline:
            raise ServiceFailed(
                f"the service {missing[0].name} of {run.app} is not live after {WITHIN / 60:.0f} minutes",
                why=missing[0].problem or f"it is {missing[0].state.value}",
                next=f"`pvdify services:logs {missing[0].name}`, then deploy again",
            )
        run.check_canceled()
        await run.world.clock.sleep(PAUSE)


async def _missing(run: StepRun) -> list[Service]:
    services = [it for it in await run.world.store.services() if it.owner == run.app and not it.is_trashed]
    return [it for it in services if it.state is not ServiceState.LIVE or it.is_busy]
