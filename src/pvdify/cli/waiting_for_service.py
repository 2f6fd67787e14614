"""Waiting for a service until it is live."""

from pvdify.cli.io import Io
from pvdify.client.api import Client
from pvdify.client.events import keep_asking
from pvdify.errors import ServiceFailed
from pvdify.wire.answers import Service

PAUSE = 0.3
SHOWN_AFTER = 10  # requests without a change before a message about the state


def wait_for(name: str, client: Client, io: Io) -> Service:
    """Return the service once it is live and no action is in progress.

    Raises ServiceFailed if it goes down, OutcomeUnknown.
    """
    looks = 0
    while True:
        service = keep_asking(
            lambda: client.service(name), f"the change of {name}", f"`pvdify services:info {name}`", sleep=client.sleep
        )
        if not service.doing and service.failure:
            what, _, why = service.failure.partition(": ")
            raise ServiceFailed(
                f"{name}: {what}", why=why,
                next=f"`pvdify services:logs {name}`; it is {service.state}, with {service.image}",
            )  # fmt: skip
        if not service.doing and service.state == "live":
            return service
        if not service.doing and service.state == "down":
            raise ServiceFailed(
                f"the service {name} is down", why=service.problem,
                next=f"`pvdify services:logs {name}` shows what it wrote; pvdifyd keeps trying",
            )  # fmt: skip
        looks += 1
        if looks == SHOWN_AFTER:
            io.say(f"{name} is {service.state}{f' ({service.doing})' if service.doing else ''} …")
        client.sleep(PAUSE)
