"""Webhooks of a code host: check them, ignore repeated ones, and apply changes of pull requests to previews."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta

from pvdify.engine.access.limits import Limit
from pvdify.engine.previews.previews import PreviewRequests
from pvdify.engine.world.concurrency import Locks
from pvdify.errors import MalformedRequest, WebhookNotSigned
from pvdify.model.preview import Preview
from pvdify.model.token import Actor, Role
from pvdify.model.webhook import IncomingWebhook, PullRequestNews, SeenWebhook, is_signed
from pvdify.ports.clock import Clock
from pvdify.ports.code_host import CodeHost
from pvdify.ports.store import Store

GITHUB = Actor(name="github", role=Role.DEPLOY)
REMEMBERED = timedelta(days=30)  # GitHub can redeliver a webhook for three days
LONGEST_ID = 128


@dataclass(frozen=True, kw_only=True)
class Received:
    """The outcome of a webhook: ``heard`` (applied), ``replayed`` or ``ignored``; and the previews that it names."""

    outcome: str
    previews: tuple[str, ...] = ()


class Webhooks:
    """Receives webhooks. ``secrets``: a signature with any of them is valid; without secrets, all are refused."""

    def __init__(
        self,
        *,
        clock: Clock,
        locks: Locks,
        store: Store,
        previews: PreviewRequests,
        code_host: CodeHost,
        secrets: tuple[str, ...],
    ) -> None:
        self._clock, self._locks, self._store = clock, locks, store
        self._previews, self._code_host = previews, code_host
        self._secrets = secrets
        self._one_at_a_time = asyncio.Lock()
        self._signed = Limit(clock, "webhooks", most=300, per_second=10)
        self._unsigned = Limit(clock, "webhooks with a wrong signature from this address", most=20, per_second=0.2)

    async def receive(self, webhook: IncomingWebhook) -> Received:
        """Check and apply a webhook. It is remembered only after it was applied, so a failed one can be redelivered.

        Raises WebhookNotSigned, TooManyRequests, MalformedRequest, StoreUnavailable.
        """
        if not is_signed(webhook, self._secrets):
            # counted apart, so that a signed webhook is not refused for unsigned ones from the same address
            self._unsigned.check(webhook.address)
            self._unsigned.take(webhook.address)
            raise _not_signed(webhook)
        self._signed.check("")
        self._signed.take("")
        _check_id(webhook)
        async with self._one_at_a_time:
            now = self._clock.now()
            if await self._store.is_webhook_seen(webhook.id, webhook.digest):
                return Received(outcome="replayed")
            news = await self._code_host.news(webhook.event, webhook.content)
            noted = (
                await self._pass_on(news, replace(GITHUB, address=webhook.address))
                if news
                else Received(outcome="ignored")
            )
            await self._store.forget_webhooks(now - REMEMBERED)
            await self._store.save(SeenWebhook(id=webhook.id, digest=webhook.digest, at=now))
        return noted

    async def _pass_on(self, news: PullRequestNews, sender: Actor) -> Received:
        async with self._locks.previews:
            found = [preview for preview in await self._store.previews() if _is_about(news, preview)]
            for preview in found:
                await self._previews.note_pull_request(preview, news.sign, sender)
        return Received(outcome="heard" if found else "ignored", previews=tuple(preview.name for preview in found))


def _is_about(news: PullRequestNews, preview: Preview) -> bool:
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
            why="the id shows whether a webhook came before",
            next="send it as GitHub does",
        )
