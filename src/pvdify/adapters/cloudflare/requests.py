"""Requests to Cloudflare's API, as values. Paths and fields are those of its published OpenAPI document. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

RECORDS_A_PAGE, ZONES_A_PAGE = 1000, 50
AUTOMATIC_TTL = 1  # Cloudflare's value for "automatic"


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One request.

    ``permission``: the permission that the token needs, as Cloudflare names it. ``about``: the object of the request,
    for messages.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    permission: str
    about: str

    @property
    def target(self) -> str:
        """The path with the query."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    @property
    def is_repeatable(self) -> bool:
        """Whether sending the request twice has the same effect as once."""
        return self.method != "POST"


def list_zones(page: int) -> Ask:
    """List the zones that the token has access to."""
    query = {"page": str(page), "per_page": str(ZONES_A_PAGE)}
    return Ask(method="GET", path="/zones", query=query, permission="Zone > Zone > Read", about="the list of zones")


def find_tunnels(account: str, name: str) -> Ask:
    """Find the tunnels with this name that were not deleted."""
    query = {"name": name, "is_deleted": "false"}
    return _tunnel("GET", account, "", query=query)


def create_tunnel(account: str, name: str, secret: str) -> Ask:
    """Create a tunnel whose rules are stored at Cloudflare. ``secret``: 32 bytes or more, in base64."""
    return _tunnel("POST", account, "", body={"name": name, "config_src": "cloudflare", "tunnel_secret": secret})


def delete_tunnel(account: str, tunnel: str) -> Ask:
    """Delete a tunnel, which must have no connections."""
    return _tunnel("DELETE", account, f"/{_quoted(tunnel)}", body={})


def read_run_token(account: str, tunnel: str) -> Ask:
    """Read the token that cloudflared needs to run the tunnel."""
    return _tunnel("GET", account, f"/{_quoted(tunnel)}/token")


def read_rules(account: str, tunnel: str) -> Ask:
    """Read the tunnel's rules and their version."""
    return _tunnel("GET", account, f"/{_quoted(tunnel)}/configurations")


def write_rules(account: str, tunnel: str, config: Mapping[str, Any]) -> Ask:
    """Replace all rules of the tunnel. The request cannot name the version that it replaces."""
    return _tunnel("PUT", account, f"/{_quoted(tunnel)}/configurations", body={"config": config})


def list_marked_records(zone: str, zone_name: str, mark: str, page: int) -> Ask:
    """List the records whose comment is the mark."""
    query = {"comment.exact": mark, "page": str(page), "per_page": str(RECORDS_A_PAGE)}
    return _records("GET", zone, zone_name, "", query=query)


def find_records(zone: str, zone_name: str, hostname: str, page: int) -> Ask:
    """Find the records that mention a hostname in any field."""
    query = {"search": hostname, "page": str(page), "per_page": str(RECORDS_A_PAGE)}
    return _records("GET", zone, zone_name, "", query=query)


def create_record(zone: str, zone_name: str, record: Mapping[str, Any]) -> Ask:
    return _records("POST", zone, zone_name, "", body=record)


def change_record(zone: str, zone_name: str, id: str, record: Mapping[str, Any]) -> Ask:
    """Set the given fields of a record."""
    return _records("PATCH", zone, zone_name, f"/{_quoted(id)}", body=record)


def delete_record(zone: str, zone_name: str, id: str) -> Ask:
    return _records("DELETE", zone, zone_name, f"/{_quoted(id)}")


def record_of(hostname: str, tunnel: str, mark: str) -> dict[str, Any]:
    """Return a CNAME record that routes a hostname through Cloudflare's proxy to the tunnel, with the mark."""
    return {
        "type": "CNAME",
        "name": hostname,
        "content": f"{tunnel}.cfargotunnel.com",
        "proxied": True,
        "ttl": AUTOMATIC_TTL,
        "comment": mark,
    }


def _tunnel(method: str, account: str, rest: str, *, query: Mapping[str, str] | None = None,
            body: Mapping[str, Any] | None = None) -> Ask:  # fmt: skip
    return Ask(
        method=method, path=f"/accounts/{_quoted(account)}/cfd_tunnel{rest}", query=query or {}, body=body,
        permission="Account > Cloudflare Tunnel > Edit", about="the tunnel",
    )  # fmt: skip


def _records(
    method: str, zone: str, zone_name: str, rest: str, *, query: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
) -> Ask:  # fmt: skip
    return Ask(
        method=method, path=f"/zones/{_quoted(zone)}/dns_records{rest}", query=query or {}, body=body,
        permission="Zone > DNS > Edit", about=f"the DNS records of {zone_name}",
    )  # fmt: skip


def _quoted(text: str) -> str:
    return quote(text, safe="")
