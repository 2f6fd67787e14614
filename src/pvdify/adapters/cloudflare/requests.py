"""What is asked of Cloudflare's API, as values: pure. Paths and fields are those of its published OpenAPI document."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

RECORDS_A_PAGE, ZONES_A_PAGE = 1000, 50
AUTOMATIC_TTL = 1


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One request. ``permission`` is what a token needs for it, in Cloudflare's words; ``about`` what it is about."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    permission: str
    about: str

    @property
    def target(self) -> str:
        """Path and query."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    @property
    def is_repeatable(self) -> bool:
        """Whether asking twice is as good as once."""
        return self.method != "POST"


def list_zones(page: int) -> Ask:
    """The zones that the token reaches."""
    query = {"page": str(page), "per_page": str(ZONES_A_PAGE)}
    return Ask(method="GET", path="/zones", query=query, permission="Zone > Zone > Read", about="the list of zones")


def find_tunnels(account: str, name: str) -> Ask:
    """Tunnels of this name that were not deleted."""
    query = {"name": name, "is_deleted": "false"}
    return _tunnel("GET", account, "", query=query)


def create_tunnel(account: str, name: str, secret: str) -> Ask:
    """A tunnel whose rules are kept at Cloudflare. ``secret``: 32 bytes or more, in base64."""
    return _tunnel("POST", account, "", body={"name": name, "config_src": "cloudflare", "tunnel_secret": secret})


def delete_tunnel(account: str, tunnel: str) -> Ask:
    """The tunnel is gone; its connections have to be."""
    return _tunnel("DELETE", account, f"/{_part(tunnel)}", body={})


def read_run_token(account: str, tunnel: str) -> Ask:
    """What cloudflared needs."""
    return _tunnel("GET", account, f"/{_part(tunnel)}/token")


def read_rules(account: str, tunnel: str) -> Ask:
    """The tunnel's rules, with their version."""
    return _tunnel("GET", account, f"/{_part(tunnel)}/configurations")


def write_rules(account: str, tunnel: str, config: Mapping[str, Any]) -> Ask:
    """Other rules, instead of all there are: there is no way to say which version is meant."""
    return _tunnel("PUT", account, f"/{_part(tunnel)}/configurations", body={"config": config})


def list_marked_records(zone: str, zone_name: str, mark: str, page: int) -> Ask:
    """The records with our mark."""
    query = {"comment.exact": mark, "page": str(page), "per_page": str(RECORDS_A_PAGE)}
    return _records("GET", zone, zone_name, "", query=query)


def find_records(zone: str, zone_name: str, hostname: str) -> Ask:
    """Whatever records mention a hostname."""
    return _records("GET", zone, zone_name, "", query={"search": hostname, "per_page": "100"})


def create_record(zone: str, zone_name: str, record: Mapping[str, Any]) -> Ask:
    """One more record."""
    return _records("POST", zone, zone_name, "", body=record)


def change_record(zone: str, zone_name: str, id: str, record: Mapping[str, Any]) -> Ask:
    """The record as it should be."""
    return _records("PATCH", zone, zone_name, f"/{_part(id)}", body=record)


def delete_record(zone: str, zone_name: str, id: str) -> Ask:
    """The record is gone."""
    return _records("DELETE", zone, zone_name, f"/{_part(id)}")


def record_of(hostname: str, tunnel: str, mark: str) -> dict[str, Any]:
    """A hostname that leads into the tunnel by way of Cloudflare, marked as ours."""
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
        method=method, path=f"/accounts/{_part(account)}/cfd_tunnel{rest}", query=query or {}, body=body,
        permission="Account > Cloudflare Tunnel > Edit", about="the tunnel",
    )  # fmt: skip


def _records(
    method: str, zone: str, zone_name: str, rest: str, *, query: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
) -> Ask:  # fmt: skip
    return Ask(
        method=method, path=f"/zones/{_part(zone)}/dns_records{rest}", query=query or {}, body=body,
        permission="Zone > DNS > Edit", about=f"the DNS records of {zone_name}",
    )  # fmt: skip


def _part(text: str) -> str:
    return quote(text, safe="")
