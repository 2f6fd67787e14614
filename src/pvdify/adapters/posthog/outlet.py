"""The ``outlet`` port on PostHog: events with the project's key, annotations with a personal API key."""

from collections.abc import Mapping

from pvdify.adapters.posthog import bodies
from pvdify.errors import ServiceUnavailable
from pvdify.model.foreign_json import parse_json
from pvdify.model.instance import Secret
from pvdify.model.notice import Attempt, Delivery, Notice, attempt_of
from pvdify.plumbing.web import Web, WebRequest, understand


class PosthogEvents:
    """An outlet that sends one event for each notice. ``keys``: ``host``, ``key``."""

    def __init__(self, web: Web, server: str) -> None:
        self._web = web
        self._server = server

    async def send(self, delivery: Delivery, keys: Mapping[str, Secret]) -> Attempt:
        return await _post(self._web, bodies.capture(delivery, dict(keys), self._server))


class PosthogAnnotations:
    """An outlet that makes one annotation for each notice. ``keys``: ``host``, ``project``, ``personal_key``."""

    def __init__(self, web: Web) -> None:
        self._web = web

    async def send(self, delivery: Delivery, keys: Mapping[str, Secret]) -> Attempt:
        try:
            if await self._exists(delivery.notice, dict(keys)):
                return Attempt(is_delivered=True)
        except ServiceUnavailable as error:
            return Attempt(is_delivered=False, text=error.why)
        return await _post(self._web, bodies.annotate(delivery.notice, dict(keys)))

    async def _exists(self, notice: Notice, keys: dict[str, Secret]) -> bool:
        """Return whether an earlier attempt made the annotation; False if PostHog's answer cannot be parsed.

        If pvdifyd was killed during that attempt, no attempt is recorded, so the first one searches, too.
        """
        answer = await self._web.ask(bodies.find_annotation(notice, keys))
        try:
            found = (await understand(answer, lambda: parse_json(answer.content)))["results"]
            return answer.status == 200 and any(item["content"] == bodies.annotation_text(notice) for item in found)
        except (ValueError, KeyError, TypeError):
            return False


async def _post(web: Web, request: WebRequest) -> Attempt:
    try:
        answer = await web.ask(request)
    except ServiceUnavailable as error:
        return Attempt(is_delivered=False, text=error.why)
    return attempt_of(answer.status, answer.headers.get("retry-after"))
