"""Telling GitHub of releases, where this server has a token for it: a subscription that comes and goes with it."""

from pvdify.engine.courier import GITHUB
from pvdify.engine.world import World
from pvdify.model.event import Event
from pvdify.model.instance import Secret
from pvdify.model.notice import Channel, Subscription

ID = GITHUB
TOLD = (
    "deploy.live", "deploy.failed", "rollback.live", "rollback.failed", "preview.closed", "preview.reopened",
    "preview.ended",
)  # fmt: skip
BY = "pvdify"


async def ensure_reports(world: World, address: str, *, is_on: bool) -> None:
    """GitHub is told from now on, or no longer. Raises StoreUnavailable."""
    now, known = world.clock.now(), await world.outbox.subscription(ID)
    if is_on and known is None:
        await world.credentials.write(ID, {"api": Secret(address)})
        subscription = Subscription(
            id=ID, channel=Channel.GITHUB, events=TOLD, address=address, created_at=now, created_by=BY
        )
        event = Event(at=now, actor=BY, action="github.told", text=f"of releases and previews, at {address}")
        await world.outbox.save_subscription(subscription, event)
    if not is_on and known is not None:
        await world.outbox.delete_subscription(ID, Event(at=now, actor=BY, action="github.untold", text=address))
        await world.credentials.remove(ID)
