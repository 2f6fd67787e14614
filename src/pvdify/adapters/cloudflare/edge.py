"""The ``edge`` port on Cloudflare: one tunnel, its rules, and proxied CNAME records.

A comment with this server's name marks every record that pvdify created; pvdify changes no other record.
"""

import base64
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pvdify.adapters.cloudflare import causes, requests, rules
from pvdify.adapters.cloudflare.api import CloudflareApi, Declined, RecordExists, ResourceMissing
from pvdify.errors import EdgeRefused, ServiceUnavailable
from pvdify.model.edge import EdgeLink, EdgeProblem, EdgeState, EdgeWanted, zone_of
from pvdify.model.foreign_json import parse_json
from pvdify.model.instance import Secret
from pvdify.model.public import Cause, PublicAnswer
from pvdify.plumbing.web import Web, WebRequest, understand
from pvdify.settings import Address

ADDRESS_HEADERS = ("CF-Connecting-IP",)  # Cloudflare puts the visitor's address there
WRITES = 3  # writes of the rules before pvdify reports that another program overwrites them
READS = 3  # of the records of a hostname that another program changes at the same time
ADDRESS_TYPES = ("A", "AAAA", "CNAME")  # types of records that say where requests for a hostname go


@dataclass(frozen=True, kw_only=True)
class _Zone:
    id: str
    name: str
    account: str


@dataclass(frozen=True, kw_only=True)
class _Tunnel:
    id: str
    name: str
    account: str
    health: str


class CloudflareEdge:
    """The edge of one server at Cloudflare. Every call reads the current state from Cloudflare; nothing is cached.

    Args:
        api: Cloudflare's API.
        server: name of this server. The tunnel's name and all marks contain it, so several servers can share an
            account.
        web: client for requests to cloudflared on this machine.
        metrics: address where cloudflared serves its metrics and its configuration.
    """

    def __init__(self, api: CloudflareApi, server: str, web: Web, metrics: Address) -> None:
        self._api = api
        self._web = web
        self._metrics = metrics
        self._own_name = f"pvdify-{server}"
        self._mark = f"made by pvdify for server {server}"

    kind = "cloudflare"
    address_headers = ADDRESS_HEADERS

    def explain(self, hostname: str, answer: PublicAnswer) -> Cause | None:
        return causes.cause_of(hostname, answer)

    async def put(self, wanted: EdgeWanted, link: EdgeLink) -> EdgeState:
        try:
            return await self._put(wanted, link)
        except Declined as declined:
            raise declined.error from declined

    async def rules_in_force(self) -> int | None:
        try:
            answer = await self._web.ask(WebRequest(method="GET", url=f"http://{self._metrics}/config", timeout=2.0))
            return int((await understand(answer, lambda: parse_json(answer.content)))["version"])
        except (ServiceUnavailable, ValueError, KeyError, TypeError, OverflowError):
            return None

    async def remove(self, wanted: EdgeWanted, link: EdgeLink) -> None:
        try:
            await self._remove(wanted, link)
        except Declined as declined:
            raise declined.error from declined

    async def _put(self, wanted: EdgeWanted, link: EdgeLink) -> EdgeState:
        zones = await self._zones(link.token)
        home = _zone_of_server(wanted.base_domain, zones)
        tunnel = await self._find_tunnel(home.account, link)
        if tunnel is None:
            tunnel = await self._create_tunnel(home.account, link)
        is_own = tunnel.name == self._own_name
        run_token = await self._api.ask(requests.read_run_token(tunnel.account, tunnel.id), link.token)
        version = await self._put_rules(tunnel, wanted, link.token, is_own=is_own)
        problems = await self._put_records(tunnel, wanted, zones, link.token)
        return EdgeState(
            tunnel=tunnel.name,
            tunnel_id=tunnel.id,
            is_own=is_own,
            run_token=Secret(run_token),
            health=tunnel.health,
            version=version,
            problems=problems,
        )

    async def _remove(self, wanted: EdgeWanted, link: EdgeLink) -> None:
        """Delete the marked DNS records, then the tunnel if pvdify created it, else pvdify's rules in it.

        The records go first, so that no hostname points to a tunnel that no longer answers.
        """
        zones = await self._zones(link.token)
        home = _zone_of_server(wanted.base_domain, zones)
        for zone in zones.values():
            try:
                for record in await self._marked(zone, link.token):
                    await self._delete(zone, record, link.token)
            except EdgeRefused:
                if zone is home or any(zone_of(name, zones) == zone.name for name in wanted.hostnames):
                    raise
        tunnel = await self._find_tunnel(home.account, link, is_optional=True)
        if tunnel is None:
            return
        if tunnel.name == self._own_name:
            with suppress(ResourceMissing):
                await self._api.ask(requests.delete_tunnel(tunnel.account, tunnel.id), link.token)
            return
        found, _ = await self._rules(tunnel, link.token)
        config = rules.config_without(found, wanted)
        if not rules.is_same(found, config):
            await self._api.ask(requests.write_rules(tunnel.account, tunnel.id, config), link.token)

    async def _zones(self, token: Secret) -> dict[str, _Zone]:
        found = await self._api.pages(requests.list_zones(1), token, requests.ZONES_A_PAGE)
        zones = [_Zone(id=it["id"], name=it["name"], account=it["account"]["id"]) for it in found]
        return {zone.name: zone for zone in zones}

    async def _find_tunnel(self, account: str, link: EdgeLink, *, is_optional: bool = False) -> _Tunnel | None:
        name = link.tunnel or self._own_name
        found = await self._api.ask(requests.find_tunnels(account, name), link.token) or []
        exact = [it for it in found if it["name"] == name and not it.get("deleted_at")]
        if not exact and link.tunnel is not None and not is_optional:
            raise EdgeRefused(
                f"there is no tunnel {link.tunnel} to adopt", why="the account has no tunnel with this name",
                next="leave out --tunnel, and pvdify creates a tunnel of its own",
            )  # fmt: skip
        if not exact:
            return None
        if exact[0].get("config_src", "cloudflare") == "local" or exact[0].get("remote_config") is False:
            raise EdgeRefused(
                f"the tunnel {name} takes its rules from a file on the machine where it runs",
                why="pvdify writes the rules of tunnels that are managed at Cloudflare",
                next="leave out --tunnel, and pvdify creates a tunnel of its own",
            )
        return _tunnel(exact[0], account)

    async def _create_tunnel(self, account: str, link: EdgeLink) -> _Tunnel:
        """Create this server's own tunnel. If the answer is lost, the next ``put`` finds the tunnel by its name."""
        secret = base64.b64encode(secrets.token_bytes(32)).decode()
        made = await self._api.ask(requests.create_tunnel(account, self._own_name, secret), link.token)
        return _tunnel(made, account)

    async def _rules(self, tunnel: _Tunnel, token: Secret) -> tuple[dict[str, Any], int]:
        found = await self._api.ask(requests.read_rules(tunnel.account, tunnel.id), token) or {}
        return dict(found.get("config") or {}), int(found.get("version") or 0)

    async def _put_rules(self, tunnel: _Tunnel, wanted: EdgeWanted, token: Secret, *, is_own: bool) -> int:
        """Write this server's rules unless the tunnel has them already; return the version of the rules.

        Cloudflare keeps the last write and cannot refuse one that is based on an older version. So the rules are
        read again after each write. If another program has overwritten them, this server's rules are merged with
        that program's and written again. Raises ServiceUnavailable if they are still different after ``WRITES`` writes.
        """
        for _ in range(WRITES):
            found, version = await self._rules(tunnel, token)
            config = rules.wanted_config(found, wanted, is_own=is_own)
            if rules.is_same(found, config):
                return version
            await self._api.ask(requests.write_rules(tunnel.account, tunnel.id, config), token)
        found, version = await self._rules(tunnel, token)
        if rules.is_same(found, rules.wanted_config(found, wanted, is_own=is_own)):
            return version
        raise ServiceUnavailable(
            "the tunnel's rules do not stay as pvdify writes them",
            why="another program writes them at the same time",
            next="Cloudflare's audit log shows who changes this tunnel; pvdifyd retries by itself",
        )

    async def _put_records(
        self, tunnel: _Tunnel, wanted: EdgeWanted, zones: Mapping[str, _Zone], token: Secret
    ) -> tuple[EdgeProblem, ...]:
        """Put the records of all zones; return which hostnames do not lead to the tunnel, and why.

        A zone whose records the token may not change is a problem of its hostnames alone. Raises EdgeRefused if that is
        so for every zone with hostnames.
        """
        problems = [_no_zone(name) for name in sorted(wanted.hostnames) if zone_of(name, zones) is None]
        refused: list[EdgeRefused] = []
        served = 0
        for zone in zones.values():
            names = [name for name in sorted(wanted.hostnames) if zone_of(name, zones) == zone.name]
            try:
                problems += await self._put_records_of(zone, names, tunnel, token)
                served += bool(names)
            except EdgeRefused as error:
                refused += [error] if names else []
                problems += [EdgeProblem(hostname=name, what=error.why, next=error.next) for name in names]
        if refused and not served:
            raise refused[0]
        return tuple(problems)

    async def _put_records_of(
        self, zone: _Zone, names: list[str], tunnel: _Tunnel, token: Secret
    ) -> list[EdgeProblem]:  # fmt: skip
        problems: list[EdgeProblem] = []
        marked = await self._marked(zone, token)
        for record in _superfluous(marked, names):
            try:
                await self._delete(zone, record, token)
            except Declined as declined:
                problems.append(_not_deleted(record["name"], declined.error))
        ours = {record["name"]: record for record in marked if record["name"] in names}
        for name in names:
            try:
                problem = await self._put_record(zone, ours.get(name), name, tunnel, token)
            except Declined as declined:
                problem = EdgeProblem(hostname=name, what=declined.error.why, next=declined.error.next)
            problems += [problem] if problem else []
        return problems

    async def _put_record(
        self, zone: _Zone, ours: dict[str, Any] | None, name: str, tunnel: _Tunnel, token: Secret
    ) -> EdgeProblem | None:
        """Create or change the record of a hostname; return why it does not lead to the tunnel, or None.

        If a record is not there as it was read, the records are read again. Raises ServiceUnavailable, Declined.
        """
        record = requests.record_of(name, tunnel.id, self._mark)
        for _ in range(READS):
            try:
                return await self._write_record(zone, ours, record, token)
            except (RecordExists, ResourceMissing):  # also if an earlier try succeeded though its answer was lost
                ours = next((it for it in await self._marked(zone, token) if it["name"] == name), None)
        return _unseen(name)

    async def _write_record(
        self, zone: _Zone, ours: dict[str, Any] | None, record: dict[str, Any], token: Secret
    ) -> EdgeProblem | None:
        if ours is None:
            other = await self._unmarked(zone, record["name"], token)
            if other is not None:
                return None if _routes_as(other, record) else _conflict(record["name"], other)
            await self._api.ask(requests.create_record(zone.id, zone.name, record), token)
        elif not _is_same_record(ours, record):
            await self._api.ask(requests.change_record(zone.id, zone.name, ours["id"], record), token)
        return None

    async def _delete(self, zone: _Zone, record: Mapping[str, Any], token: Secret) -> None:
        try:
            await self._api.ask(requests.delete_record(zone.id, zone.name, record["id"]), token)
        except ResourceMissing:
            return

    async def _marked(self, zone: _Zone, token: Secret) -> list[dict[str, Any]]:
        first = requests.list_marked_records(zone.id, zone.name, self._mark, 1)
        found = await self._api.pages(first, token, requests.RECORDS_A_PAGE)
        return [it for it in found if it.get("comment") == self._mark and it["type"] == "CNAME"]

    async def _unmarked(self, zone: _Zone, name: str, token: Secret) -> dict[str, Any] | None:
        first = requests.find_records(zone.id, zone.name, name, 1)
        found = await self._api.pages(first, token, requests.RECORDS_A_PAGE)
        return next((it for it in found if it["name"] == name and it["type"] in ADDRESS_TYPES), None)


def _zone_of_server(base_domain: str, zones: Mapping[str, _Zone]) -> _Zone:
    name = zone_of(base_domain, zones)
    if name is None:
        raise EdgeRefused(
            f"the API token has access to no zone that {base_domain} is in",
            why=f"it has access to {', '.join(sorted(zones)) or 'none'}",
            next="add the zone to the token, with Zone > Zone > Read and Zone > DNS > Edit, or start pvdifyd with "
            "another base_domain",
        )
    return zones[name]


def _tunnel(found: Mapping[str, Any], account: str) -> _Tunnel:
    return _Tunnel(id=found["id"], name=found["name"], account=account, health=str(found.get("status") or "inactive"))


def _superfluous(marked: Iterable[dict[str, Any]], names: list[str]) -> list[dict[str, Any]]:
    return [record for record in marked if record["name"] not in names]


def _is_same_record(found: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    return all(found.get(name) == record[name] for name in ("type", "name", "content", "proxied", "comment"))


def _routes_as(found: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """Return whether a record without the mark routes its hostname to the tunnel already, so that it can stay."""
    return all(found.get(name) == record[name] for name in ("type", "content", "proxied"))


def _conflict(name: str, found: Mapping[str, Any]) -> EdgeProblem:
    return EdgeProblem(
        hostname=name,
        what=f"a record that pvdify did not create points it to {found.get('content')} ({found['type']})",
        next=f"delete that record at Cloudflare if {name} is for this server; pvdifyd then creates its own",
    )


def _not_deleted(name: str, error: EdgeRefused) -> EdgeProblem:
    return EdgeProblem(
        hostname=name, what=f"pvdify's record for it, which is not needed any more, was not deleted: {error.why}",
        next="delete the record at Cloudflare",
    )  # fmt: skip


def _unseen(name: str) -> EdgeProblem:
    return EdgeProblem(
        hostname=name,
        what="Cloudflare refuses a record for it because there is one, but lists none that points it elsewhere",
        next=f"look for {name} among the zone's records, and among the custom domains of Workers and Pages; delete "
        "what is there if the hostname is for this server; pvdifyd retries by itself",
    )


def _no_zone(name: str) -> EdgeProblem:
    return EdgeProblem(
        hostname=name,
        what="the API token has no access to its zone",
        next="add the zone to the account and to the token, or point its DNS record to the server yourself",
    )
