"""Deploys without a stored secret: links of repositories to apps, and short-lived tokens for their workflows."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog

from pvdify.engine.access.limits import Limit
from pvdify.engine.access.tokens import fresh_token
from pvdify.engine.edge.hostname_claims import HostnameClaims
from pvdify.engine.world.not_found import renamed
from pvdify.errors import CodeHostUnavailable, IdentityRefused, InvalidHostname, LinkNotFound, RepositoryNotFound
from pvdify.manifest.names import canonical_hostname
from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.former_name import FormerNames
from pvdify.model.link import (
    DEFAULT_EVENTS,
    LONGEST_WORD,
    Expected,
    Link,
    Repository,
    check_link,
    check_token,
    described,
    link_for,
    refused,
)
from pvdify.model.names import check_app_name, parent_of
from pvdify.model.token import Actor, Role, Token
from pvdify.ports.clock import Clock
from pvdify.ports.code_host import CodeHost
from pvdify.ports.identities import Identities
from pvdify.ports.link_store import LinkStore
from pvdify.ports.store import Store
from pvdify.settings import Settings

log = structlog.get_logger()
GOOD_FOR = 600.0  # seconds
REMEMBERED = timedelta(hours=1)  # how long expired tokens are kept, so that a late caller gets "expired" as the reason


@dataclass(frozen=True, kw_only=True)
class LinkRequest:
    """A requested link; see ``wire.requests.LinkRepository``."""

    repository: str
    branch: str = "main"
    environment: str | None = None
    allows_previews: bool = False
    events: tuple[str, ...] = DEFAULT_EVENTS
    workflow: str | None = None
    domains: tuple[str, ...] = ()
    repository_id: int | None = None
    owner_id: int | None = None


class Keyless:
    """Requests about links, and the exchange of a workflow's identity token for a pvdify token."""

    def __init__(
        self, *, clock: Clock, former_names: FormerNames, settings: Settings, store: Store, claims: HostnameClaims,
        links: LinkStore, code_host: CodeHost, identities: Identities,
    ) -> None:  # fmt: skip
        self._clock, self._former_names, self._settings, self._store = clock, former_names, settings, store
        self._claims = claims
        self._links = links
        self._code_host, self._identities = code_host, identities
        self._one_at_a_time = asyncio.Lock()
        self._refused = Limit(clock, "refused tokens of this repository", most=30, per_second=0.2)
        self._unsigned = Limit(clock, "unsigned tokens from this address", most=30, per_second=0.2)

    async def link(self, app: str, wanted: LinkRequest, actor: Actor) -> Link:
        """Allow the repository's workflows to deploy the app. An earlier link between the two is replaced.

        Raises InvalidError, RepositoryNotFound, CodeHostUnavailable, StoreUnavailable.
        """
        check_app_name(app)
        check_link(wanted.repository, wanted.branch, wanted.environment, wanted.events, wanted.workflow)
        repository = await self._repository(wanted)
        now = self._clock.now()
        link = Link(
            app=app, repository=repository.name, repository_id=repository.id, owner_id=repository.owner_id,
            branch=wanted.branch, environment=wanted.environment, allows_previews=wanted.allows_previews,
            events=wanted.events, workflow=wanted.workflow, created_at=now, created_by=actor.name,
        )  # fmt: skip
        text = f"{link.repository} (id {link.repository_id}), branch {link.branch}"
        text += f", environment {link.environment}" if link.environment else ""
        text += ", previews" if link.allows_previews else ""
        text += f", on {', '.join(link.events)}" + (f", workflow {link.workflow}" if link.workflow else "")
        grants = await self._claims.check_rights(app, _hostnames(wanted.domains), actor)
        await self._store.save(*(replace(it, created_by=_giver(link)) for it in grants))
        await self._links.save_link(
            link,
            Event(at=now, actor=actor.name, address=actor.address, action=Action.GITHUB_LINKED, app=app, text=text),
        )
        return link

    async def unlink(self, app: str, repository: str, actor: Actor) -> None:
        """Remove a link, with its hostname rights, and revoke the tokens that were issued for it.

        Raises LinkNotFound, StoreUnavailable.
        """
        ours = await self._links.links(app)
        link = next((it for it in ours if it.repository.casefold() == repository.casefold()), None)
        if link is None:
            raise LinkNotFound(f"{app} is not linked to {repository}", next=f"`pvdify github {app}` lists its links")
        now = self._clock.now()
        given = [it for it in await self._store.tokens() if _is_given_by(link, it)]
        event = Event(
            at=now,
            actor=actor.name,
            address=actor.address,
            action=Action.GITHUB_UNLINKED,
            app=app,
            text=link.repository,
        )
        for grant in await self._store.grants(app):
            if grant.created_by == _giver(link):
                gone = replace(event, action=Action.DOMAIN_REVOKED, text=grant.name)
                await self._store.delete_grant(grant, gone)
        await self._links.delete_link(link, tuple(replace(it, revoked_at=now) for it in given), event)

    async def links(self, app: str) -> tuple[Link, ...]:
        """Return the app's links, by repository. Raises StoreUnavailable."""
        return await self._links.links(app)

    async def exchange(self, text: str, app: str, address: str) -> tuple[Token, str]:
        """Exchange an identity token; return a token for this app only, valid for ten minutes, and its text.

        Refused tokens are rate-limited per repository. Tokens with a wrong signature are rate-limited per address;
        valid tokens from that address are not affected, because workflows of many repositories share an address.
        Raises IdentityRefused with the claim at fault, TooManyRequests, InvalidError, CodeHostUnavailable,
        StoreUnavailable.
        """
        check_app_name(app)
        claims = await self._genuine(text, app, address)
        if former := self._former_names.get(app):
            raise renamed(former)
        identity = str(claims.get("repository_id"))[:LONGEST_WORD]
        self._refused.check(identity)
        try:
            return await self._exchange(claims, app, address)
        except IdentityRefused as error:
            self._refused.take(identity)
            log.warning("keyless.refused", app=app, address=address, repository=identity, why=error.why)
            raise

    async def _genuine(self, text: str, app: str, address: str) -> Mapping[str, Any]:
        try:
            return await self._identities.claims_of(text)
        except IdentityRefused as error:
            self._unsigned.check(address)
            self._unsigned.take(address)
            log.warning("keyless.refused", app=app, address=address, why=error.why)
            raise

    async def _exchange(self, claims: Mapping[str, Any], app: str, address: str) -> tuple[Token, str]:
        now, settings = self._clock.now(), self._settings
        expected = Expected(issuer=settings.oidc_issuer, audience=settings.audience)
        ends_at, id = check_token(claims, expected, now), str(claims["jti"])
        preview = parent_of(app)
        async with self._one_at_a_time:
            if await self._links.is_identity_used(id):
                raise refused("jti", "was exchanged before: a token is good once, ask GitHub for another")
            links = await self._links.links(preview[0] if preview else app)
            newest = await self._store.releases(app, limit=1) if preview else ()
            link = link_for(claims, app, links, newest[0].source.branch if newest else None)
            name = f"{claims.get('actor', 'a workflow')} via {link.repository}"[:80]
            token, text = fresh_token(name, Role.DEPLOY, app, GOOD_FOR, _giver(link), now)
            event = Event(
                at=now,
                actor=_giver(link),
                address=address,
                action=Action.TOKEN_EXCHANGED,
                app=app,
                text=described(claims),
            )
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
                f"GitHub does not show {wanted.repository}",
                why="there is no such repository, or this server's GitHub token, if it has one, may not see it",
                next=f"name its numbers; this prints them: {ask_gh}",
            )
        return found


def _hostnames(texts: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(map(canonical_hostname, texts))
    except ValueError as error:
        raise InvalidHostname(
            "the repository was not linked: one of its hostnames is none", why=str(error), next="correct --domain"
        ) from error


def _giver(link: Link) -> str:
    return f"github:{link.repository}"


def _is_given_by(link: Link, token: Token) -> bool:
    preview = parent_of(token.app) if token.app else None
    return token.created_by == _giver(link) and link.app in (token.app, preview[0] if preview else None)
