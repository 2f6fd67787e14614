"""Requests the release at its public address, as visitors do."""

import secrets

from pvdify.engine.deploys.plan import step
from pvdify.engine.deploys.step_run import StepRun
from pvdify.model.action import Action
from pvdify.model.app import default_hostname, route_of
from pvdify.model.event import Event
from pvdify.model.names import slot_key
from pvdify.model.public import Cause, cause_of
from pvdify.ports.router import PROOF_PATH

WITHIN = 5.0  # seconds for all requests: the deploy cannot change what stands between the router and visitors
PAUSE = 0.5  # seconds between two requests
ACTOR = "pvdify"


async def may_be_public(run: StepRun) -> bool:
    """Return whether the settings and the edge call for a request. Raises StoreUnavailable."""
    wanted = run.world.settings.confirm_public
    return wanted == "always" or (wanted == "auto" and await run.tools.urls.has_edge())


@step(has_work=may_be_public)
async def public(run: StepRun) -> str | None:
    """Request the release at its public address; if that fails, record the cause in an event and the deploy log.

    A failure undoes nothing.
    """
    slot, world = await run.candidate(), run.world
    app = await world.store.app(run.app)
    if app is None or slot is None or not await _is_public(run):
        return None
    if route_of(app, world.settings.base_domain, run.manifest, slot).slot is None:
        return None  # nothing to ask: no process with a route, or maintenance
    hostname = default_hostname(run.app, world.settings.base_domain)
    cause = await _ask(run, hostname, slot_key(run.app, slot.number))
    if cause is None:
        return f"{(await run.tools.urls.now()).of(hostname)} shows v{run.release.version}"
    text = f"v{run.release.version} is live, but not seen from outside: {cause.what}"
    run.change(
        Event(
            at=world.clock.now(),
            actor=ACTOR,
            action=Action.RELEASE_UNSEEN,
            app=run.app,
            release=run.release.version,
            text=text,
        )
    )
    await run.note(f"{text}. {cause.next}")
    return "not seen from outside"


async def _is_public(run: StepRun) -> bool:
    """Whether to request the public address: by the setting ``confirm_public``, and if visitors use the router."""
    if await run.is_past_router():
        return False  # the app would answer instead of the router, and cannot prove which slot serves
    return await may_be_public(run)


async def _ask(run: StepRun, hostname: str, slot: str) -> Cause | None:
    """Request the proof of the slot until it is right or ``WITHIN`` is over; return the last cause, or None.

    Each request has a new nonce, so that no cache can answer.
    """
    clock, url = run.world.clock, (await run.tools.urls.now()).of(hostname)
    deadline = clock.monotonic() + WITHIN
    while True:
        path = PROOF_PATH + secrets.token_hex(16)
        expected = await run.world.router.proof(path, slot)
        left = max(0.1, deadline - clock.monotonic())
        answer = await run.world.public.get(f"{url}{path}", left)
        cause = cause_of(hostname, answer, expected, run.world.edge_board.explain)
        if cause is None or clock.monotonic() + PAUSE >= deadline:
            return cause
        await clock.sleep(PAUSE)
