"""What a code host sends by itself: checked, told apart from what came before, and heard by the previews."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from pvdify.engine.limits import Limit
from pvdify.engine.previews import PreviewRequests
from pvdify.engine.world import World
from pvdify.errors import MalformedRequest, WebhookNotSigned
from pvdify.model.preview import Preview
from pvdify.model.token import Actor, Role
from pvdify.model.webhook import IncomingWebhook, News, SeenWebhook, is_signed
from pvdify.ports.code_host import CodeHost

GITHUB = Actor(name="github", role=Role.DEPLOY)
REMEMBERED = timedelta(days=30)  # GitHub lets people send again what is up to three days old
LONGEST_ID = 128


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What became of a message: ``heard``, ``replayed`` or ``ignored``; and the previews that it was about."""

    outcome: str
    previews: tuple[str, ...] = ()


class Webhooks:
    """The engine's ear. ``secrets``: each of them may have made a signature; none: nothing is believed."""

    def __init__(self, world: World, previews: PreviewRequests, code_host: CodeHost, secrets: tuple[str, ...]) -> None:
        self._world, self._previews, self._code_host = world, previews, code_host
        self._secrets = secrets
        self._one_at_a_time = asyncio.Lock()
        self._signed = Limit(world.clock, "webhooks", most=300, per_second=10)
        self._unsigned = Limit(
            world.clock, "webhooks with a wrong signature from this address", most=20, per_second=0.2
        )

    def check_turn(self, address: str) -> None:
        """Called before anything of a message is read. Raises TooManyRequests: this address guessed too often."""
        self._unsigned.check(address)

    async def receive(self, webhook: IncomingWebhook) -> Heard:
        """Take a message in. It is remembered only once it has been dealt with: one that failed may come again.

        Raises WebhookNotSigned, TooManyRequests, MalformedRequest, StoreUnavailable.
        """
        if not is_signed(webhook, self._secrets):
            self._unsigned.take(webhook.address)
            raise _not_signed(webhook)
        self._signed.check("")
        self._signed.take("")
        _check_id(webhook)
        async with self._one_at_a_time:
            now = self._world.clock.now()
            if await self._world.store.is_webhook_seen(webhook.id, webhook.digest):
                return Heard(outcome="replayed")
            news = self._code_host.news(webhook.event, webhook.content)
            heard = await self._hear(news) if news else Heard(outcome="ignored")
            await self._world.store.forget_webhooks(now - REMEMBERED)
            await self._world.store.save(SeenWebhook(id=webhook.id, digest=webhook.digest, at=now))
        return heard

    async def _hear(self, news: News) -> Heard:
        async with self._world.locks.previews:
            found = [preview for preview in await self._world.store.previews() if _is_about(news, preview)]
            for preview in found:
                await self._previews.hear(preview, news.sign, GITHUB)
        return Heard(outcome="heard" if found else "ignored", previews=tuple(preview.name for preview in found))


def _is_about(news: News, preview: Preview) -> bool:
    if preview.number != news.number or preview.repository is None:
        return False
    return preview.repository.casefold() == news.repository.casefold()


def _not_signed(webhook: IncomingWebhook) -> WebhookNotSigned:
    return WebhookNotSigned(
        "this webhook was not believed",
        why="X-Hub-Signature-256 is not that of this body with the secret of this server"
        if webhook.signature
        else "it has no X-Hub-Signature-256",
        next="set the webhook's secret at GitHub to the content of github-webhook.secret in pvdifyd's data directory, "
        "its content type to application/json, and send it again",
    )


def _check_id(webhook: IncomingWebhook) -> None:
    if not webhook.id or len(webhook.id) > LONGEST_ID or not webhook.id.isprintable():
        raise MalformedRequest(
            "this webhook has no X-GitHub-Delivery",
            why="by it a repeated one is told",
            next="send it as GitHub does",
        )
