"""Reports of releases and previews to GitHub: a subscription that exists while the server has a GitHub token."""

from pvdify.engine.notifying.courier import GITHUB
from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.instance import Secret
from pvdify.model.notice import Channel, Subscription
from pvdify.ports.clock import Clock
from pvdify.ports.credentials import Credentials
from pvdify.ports.outbox import Outbox

ID = GITHUB
TOLD = (
    Action.DEPLOY_LIVE, Action.DEPLOY_FAILED, Action.ROLLBACK_LIVE, Action.ROLLBACK_FAILED,
    Action.PREVIEW_CLOSED, Action.PREVIEW_REOPENED,
    Action.PREVIEW_ENDED,
)  # fmt: skip
BY = "pvdify"


async def ensure_reports(address: str, *, is_on: bool, clock: Clock, credentials: Credentials, outbox: Outbox) -> None:
    """Create or remove the subscription for GitHub at ``address``, according to ``is_on``. Raises StoreUnavailable."""
    now, known = clock.now(), await outbox.subscription(ID)
    if is_on and known is None:
        await credentials.write(ID, {"api": Secret(address)})
        subscription = Subscription(
            id=ID, channel=Channel.GITHUB, events=TOLD, address=address, created_at=now, created_by=BY
        )
        event = Event(at=now, actor=BY, action=Action.GITHUB_TOLD, text=f"of releases and previews, at {address}")
        await outbox.save_subscription(subscription, event)
    if not is_on and known is not None:
        await outbox.delete_subscription(ID, Event(at=now, actor=BY, action=Action.GITHUB_UNTOLD, text=address))
        await credentials.remove(ID)
