"""Wires the room that sends events to webhooks, chats, GitHub and PostHog."""

from dataclasses import dataclass

from pvdify.engine.notifying.courier import Courier
from pvdify.engine.notifying.notifications import Notifications
from pvdify.engine.notifying.posthog import PosthogLink
from pvdify.engine.wiring.outside import Outside
from pvdify.engine.world import World
from pvdify.engine.world.urls import PublicUrls


@dataclass(frozen=True, kw_only=True)
class NotifyingParts:
    """The parts of this room."""

    courier: Courier
    notifications: Notifications
    posthog: PosthogLink


def wire_notifying(world: World, outside: Outside, urls: PublicUrls) -> NotifyingParts:
    """Make the parts of this room."""
    clock, credentials, outbox, store = world.clock, world.credentials, world.outbox, world.store
    courier = Courier(
        clock=clock, credentials=credentials, outbox=outbox, settings=world.settings, store=store, urls=urls,
        outlets=outside.outlets, chance=outside.chance,
    )  # fmt: skip
    return NotifyingParts(
        courier=courier,
        notifications=Notifications(clock=clock, credentials=credentials, outbox=outbox, store=store, courier=courier),
        posthog=PosthogLink(clock=clock, credentials=credentials, outbox=outbox, shared_vars=world.shared_vars),
    )
