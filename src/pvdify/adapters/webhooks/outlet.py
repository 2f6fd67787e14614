"""The ``outlet`` port with POST requests to webhooks of programs, Slack and Discord."""

from collections.abc import Callable, Mapping
from typing import Any

from pvdify.adapters.webhooks import bodies
from pvdify.errors import ServiceUnavailable
from pvdify.model.instance import Secret
from pvdify.model.notice import Attempt, Delivery, Notice, attempt_of
from pvdify.plumbing.web import Web, WebRequest
from pvdify.ports.clock import Clock


class WebhookOutlet:
    """An outlet that sends one POST for each notice to ``keys["url"]``; signed if ``keys`` has a ``secret``."""

    def __init__(self, web: Web, clock: Clock, body: Callable[[Notice], dict[str, Any]] = bodies.generic) -> None:
        self._web = web
        self._clock = clock
        self._body = body

    async def send(self, delivery: Delivery, keys: Mapping[str, Secret]) -> Attempt:
        content = bodies.to_bytes(self._body(delivery.notice))
        headers = {"Content-Type": "application/json"}
        if secret := keys.get("secret"):
            headers |= bodies.signed_headers(delivery.id, self._clock.now(), content, secret)
        try:
            answer = await self._web.ask(WebRequest(method="POST", url=keys["url"], headers=headers, content=content))
        except ServiceUnavailable as error:
            return Attempt(is_delivered=False, text=error.why)
        return attempt_of(answer.status, answer.headers.get("retry-after"))
