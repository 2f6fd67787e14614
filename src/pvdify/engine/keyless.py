"""Deploys without a stored secret: which repository may deploy which app, and tokens for its workflows."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog

from pvdify.engine.limits import Limit
from pvdify.engine.tokens import fresh_token
from pvdify.engine.world import World
from pvdify.errors import CodeHostUnavailable, IdentityRefused, LinkNotFound, RepositoryNotFound
from pvdify.model.event import Event
from pvdify.model.link import Expected, Link, Repository, check_link, check_token, described, link_for, refused
from pvdify.model.names import check_app_name, parent_of
from pvdify.model.token import Actor, Role, Token
from pvdify.ports.code_host import CodeHost
from pvdify.ports.identities import Identities
from pvdify.ports.link_store import LinkStore

log = structlog.get_logger()
GOOD_FOR = 600.0  # seconds
REMEMBERED = timedelta(hours=1)  # what has ended, so that a late caller is told that it has


@dataclass(frozen=True, kw_only=True)
class LinkRequest:
    """A link as it was asked for; see ``wire.requests.LinkRepository``."""

    repository: str
    branch: str = "main"
    environment: str | None = None
    allows_previews: bool = False
    repository_id: int | None = None
    owner_id: int | None = None


class Keyless:
    """Links, and the exchange of a workflow's token for one of ours."""

    def __init__(self, world: World, links: LinkStore, code_host: CodeHost, identities: Identities) -> None:
        self._world, self._links = world, links
        self._code_host, self._identities = code_host, identities
        self._one_at_a_time = asyncio.Lock()
        self._refused = Limit(world.clock, "refused tokens from this address", most=30, per_second=0.2)

    async def link(self, app: str, wanted: LinkRequest, actor: Actor) -> Link:
        """The repository's workflows may deploy the app from now on; an earlier link of the two is replaced.

        Raises InvalidError, RepositoryNotFound, CodeHostUnavailable, StoreUnavailable.
        """
        check_app_name(app)
        check_link(wanted.repository, wanted.branch, wanted.environment)
        repository = await self._repository(wanted)
        now = self._world.clock.now()
        link = Link(
            app=app, repository=repository.name, repository_id=repository.id, owner_id=repository.owner_id,
            branch=wanted.branch, environment=wanted.environment, allows_previews=wanted.allows_previews,
            created_at=now, created_by=actor.name,
        )  # fmt: skip
        text = f"{link.repository} (id {link.repository_id}), branch {link.branch}"
        text += f", environment {link.environment}" if link.environment else ""
        text += ", previews" if link.allows_previews else ""
        await self._links.save_link(link, Event(at=now, actor=actor.name, action="github.linked", app=app, text=text))
        return link

    async def unlink(self, app: str, repository: str, actor: Actor) -> None:
        """The repository's workflows may nothing any more, nor do tokens that they hold. Raises LinkNotFound."""
        ours = await self._links.links(app)
        link = next((it for it in ours if it.repository.casefold() == repository.casefold()), None)
        if link is None:
            raise LinkNotFound(f"{app} is not linked to {repository}", next=f"`pvdify github {app}` lists its links")
        now = self._world.clock.now()
        given = [it for it in await self._world.store.tokens() if _is_given_by(link, it)]
        event = Event(at=now, actor=actor.name, action="github.unlinked", app=app, text=link.repository)
        await self._links.delete_link(link, tuple(replace(it, revoked_at=now) for it in given), event)

    async def links(self, app: str) -> tuple[Link, ...]:
        """The app's links, by repository. Raises StoreUnavailable."""
        return await self._links.links(app)

    def check_turn(self, address: str) -> None:
        """Called before anything is read. Raises TooManyRequests: this address was refused too often."""
        self._refused.check(address)

    async def exchange(self, text: str, app: str, address: str) -> tuple[Token, str]:
        """A token for this app alone, good for ten minutes, and its text.

        Raises IdentityRefused with the claim at fault, InvalidError, CodeHostUnavailable, StoreUnavailable.
        """
        check_app_name(app)
        try:
            claims = await self._identities.claims_of(text)
            return await self._exchange(claims, app)
        except IdentityRefused as error:
            self._refused.take(address)
            log.warning("keyless.refused", app=app, address=address, why=error.why)
            raise

    async def _exchange(self, claims: Mapping[str, Any], app: str) -> tuple[Token, str]:
        now, settings = self._world.clock.now(), self._world.settings
        expected = Expected(issuer=settings.oidc_issuer, audience=settings.audience)
        ends_at, id = check_token(claims, expected, now), str(claims["jti"])
        preview = parent_of(app)
        async with self._one_at_a_time:
            if await self._links.is_identity_used(id):
                raise refused("jti", "was exchanged before: a token is good once, ask GitHub for another")
            link = link_for(claims, app, await self._links.links(preview[0] if preview else app))
            name = f"{claims.get('actor', 'somebody')} via {link.repository}"[:80]
            token, text = fresh_token(name, Role.DEPLOY, app, GOOD_FOR, _giver(link), now)
            event = Event(at=now, actor=_giver(link), action="token.exchanged", app=app, text=described(claims))
            await self._links.forget_exchanges(now - REMEMBERED)
            await self._links.save_exchange(id, ends_at, token, event)
        return token, text

    async def _repository(self, wanted: LinkRequest) -> Repository:
        if wanted.repository_id is not None and wanted.owner_id is not None:
            return Repository(name=wanted.repository, id=wanted.repository_id, owner_id=wanted.owner_id)
        ask_gh = f"gh api repos/{wanted.repository} --jq '\"--repository-id \\(.id) --owner-id \\(.owner.id)\"'"
        try:
            found = await self._code_host.repository(wanted.repository)
        except CodeHostUnavailable as error:
            raise CodeHostUnavailable(
                error.what, why=error.why, next=f"later, or now with the two numbers that this prints: {ask_gh}"
            ) from error
        if found is None:
            raise RepositoryNotFound(
                f"GitHub does not tell of {wanted.repository}",
                why="there is no such repository, or this server's GitHub token, if it has one, may not see it",
                next=f"name its numbers; this prints them: {ask_gh}",
            )
        return found


def _giver(link: Link) -> str:
    return f"github:{link.repository}"


def _is_given_by(link: Link, token: Token) -> bool:
    preview = parent_of(token.app) if token.app else None
    return token.created_by == _giver(link) and link.app in (token.app, preview[0] if preview else None)
