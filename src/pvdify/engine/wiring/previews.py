"""Wires the room of previews."""

from dataclasses import dataclass

from pvdify.engine.deploys.requests import Requests
from pvdify.engine.previews.previews import PreviewRequests
from pvdify.engine.previews.reaper import Reaper
from pvdify.engine.previews.services import PreviewServices
from pvdify.engine.previews.webhooks import Webhooks
from pvdify.engine.reading.views import Views
from pvdify.engine.wiring.outside import Outside
from pvdify.engine.wiring.state import ServiceParts
from pvdify.engine.world import World


@dataclass(frozen=True, kw_only=True)
class PreviewParts:
    """The parts of this room."""

    reaper: Reaper
    requests: PreviewRequests
    webhooks: Webhooks


def wire_previews(
    world: World, outside: Outside, requests: Requests, views: Views, services: ServiceParts
) -> PreviewParts:
    """Make the parts of this room."""
    clock, locks, secrets, store = world.clock, world.locks, world.secrets, world.store
    previews = PreviewRequests(
        clock=clock, locks=locks, secrets=secrets, store=store, views=views, requests=requests,
        services=PreviewServices(secrets=secrets, store=store, links=services.links),
    )  # fmt: skip
    return PreviewParts(
        reaper=Reaper(clock=clock, locks=locks, store=store, requests=previews, code_host=outside.code_host),
        requests=previews,
        webhooks=Webhooks(
            clock=clock, locks=locks, store=store, previews=previews, code_host=outside.code_host,
            secrets=outside.webhook_secrets,
        ),
    )  # fmt: skip
