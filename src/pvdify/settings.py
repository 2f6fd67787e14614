"""The settings of pvdify: one table of name, type, default and help.

A setting comes from the first of: flag (``--data-dir``), environment (``PVDIFY_DATA_DIR``), file
(``/etc/pvdify/pvdifyd.toml``), default. Loaded once at start-up into a frozen object. Imports only ``errors``,
``quantities`` and ``setting_parsers``.
"""

import hashlib
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pvdify.errors import InvalidSetting
from pvdify.quantities import parse_size, parse_size_between, parse_size_or_none, parse_span, parse_whole
from pvdify.setting_parsers import (
    parse_accounts,
    parse_app_urls,
    parse_base_domain,
    parse_choice,
    parse_header_names,
    parse_namespace_prefix,
    parse_networks,
    parse_own_address,
    parse_provider,
    parse_quota,
    parse_registry_hosts,
    parse_service_images,
    parse_user_ids,
    parse_web_address,
)

DEFAULT_DATA_DIR = Path("/var/lib/pvdify")
DEFAULT_FILE = Path("/etc/pvdify/pvdifyd.toml")
SYSTEMD_IS_HERE = Path("/run/systemd/system")  # exists if systemd runs, as sd_booted(3) checks
LONGEST_SOCKET_PATH = 90  # bytes; the kernel's limit is 107, and the router's temporary names are longer


@dataclass(frozen=True, kw_only=True)
class Address:
    """A TCP address to listen on."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def from_here(self) -> "Address":
        """The address at which programs on this machine reach the listener: loopback if it listens on all addresses."""
        everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not listened on
        return Address(host=everywhere.get(self.host, self.host), port=self.port)


@dataclass(frozen=True, kw_only=True)
class PortRange:
    """Loopback ports for instances, both ends included."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.first, self.last + 1))


_port = parse_whole(1, 65535)
OF_ONE_SERVER = ("router_unit",)  # a second server with the settings file of the first must not replace its router
NOT_FROM_ENVIRONMENT = ("router_binary",)  # the router's program serves all visitors, and environments are inherited


def parse_address(text: str) -> Address:
    """Parse ``HOST:PORT`` or ``[IPv6]:PORT``. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    try:
        number = _port(port)
    except ValueError:
        number = 0
    if not colon or not host or not number:
        raise ValueError("expected HOST:PORT, like 127.0.0.1:9443")
    return Address(host=host.strip("[]"), port=number)


def parse_unit(text: str) -> str:
    """Parse the name of a service unit, or an empty text. Raises ValueError."""
    if text and not re.fullmatch(r"[A-Za-z0-9:_.@-]{1,240}\.service", text):
        raise ValueError("expected a unit's name, such as pvdify-router.service")
    return text


def parse_port_range(text: str) -> PortRange:
    """Parse ``FIRST-LAST``, both between 1024 and 65535. Raises ValueError."""
    first, _, last = text.partition("-")
    try:
        ports = PortRange(first=_port(first), last=_port(last))
    except ValueError:
        ports = PortRange(first=1, last=0)
    if not 1024 <= ports.first <= ports.last:
        raise ValueError("expected FIRST-LAST between 1024 and 65535, like 3001-3999")
    return ports


def parse_directory(text: str) -> Path:
    """Return the absolute path. Raises ValueError for characters that configuration files would misread."""
    path = Path(text).absolute()
    if any(character.isspace() or character in ",'\"" for character in str(path)):
        raise ValueError("expected a path without spaces, commas or quotes")
    return path


def parse_runtime(text: str) -> str:
    """Return the name of a runtime adapter; for an empty text, the one that fits this machine. Raises ValueError."""
    if text not in ("", "podman", "systemd", "kubernetes"):
        raise ValueError('expected "podman", "systemd" or "kubernetes"')
    return text or ("systemd" if SYSTEMD_IS_HERE.is_dir() else "podman")


def _setting(parse: Callable[[str], Any], default: str, help: str) -> Any:
    return field(metadata={"parse": parse, "default": default, "help": help})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of one server, parsed and checked."""

    data_dir: Path = _setting(parse_directory, str(DEFAULT_DATA_DIR), "directory of all data of this server; mode 0700")
    listen: Address = _setting(parse_address, "127.0.0.1:9443", "address of the REST API")
    router_listen: Address = _setting(parse_address, "127.0.0.1:9080", "address visitors' requests arrive at")
    runtime: str = _setting(
        parse_runtime,
        "",
        "systemd (one unit per instance), podman, or kubernetes (instances on a cluster), until `pvdify server "
        "runtime` changes it; empty: systemd where it is process 1, else podman",
    )
    kubeconfig: str = _setting(
        str,
        "",
        "the kubeconfig of the cluster, for the runtime kubernetes or to move apps there from another; empty: no "
        "cluster, or with kubernetes the account of pvdifyd's own pod",
    )
    kubectl_binary: str = _setting(str, "kubectl", "the kubectl command, which connects commands in the cluster")
    kubernetes_namespace_prefix: str = _setting(
        parse_namespace_prefix, "pvd-", "how the namespaces of apps begin: PREFIXapp"
    )
    kubernetes_quota: Mapping[str, str] = _setting(
        parse_quota,
        "pods=100",
        "hard limits of each app's namespace, as in a ResourceQuota, like pods=100, limits.memory=64Gi",
    )
    kubernetes_router_networks: tuple[str, ...] = _setting(
        parse_networks,
        "",
        "networks from which the router's requests reach pods, if it is not on a node of the cluster",
    )
    kubernetes_storage_class: str = _setting(
        str, "", "the storage class of volumes in the cluster; empty: the cluster's default"
    )
    kubernetes_volume_size: int = _setting(parse_size, "10G", "size that each volume requests from the cluster")
    kubernetes_helper_image: str = _setting(
        str, "docker.io/library/busybox:1.36", "an image with /bin/sh, cp and tar, which copies volumes in the cluster"
    )
    ports: PortRange = _setting(parse_port_range, "3001-3999", "loopback ports for instances")
    base_domain: str = _setting(parse_base_domain, "pvdify.win", "an app answers at APP.BASE-DOMAIN")
    standby: timedelta = _setting(
        parse_span("0s", "366d"), "10m", "how long the previous release stays started after a deploy"
    )
    keep_releases: int = _setting(parse_whole(2, 1000), "10", "how many releases keep their image on this server")
    router_binary: str = _setting(str, "", "HAProxy 2.6 or newer to use; empty: the one that came with pvdify")
    router_unit: str = _setting(
        parse_unit,
        "",
        "the router's systemd unit, if it has one; empty: pvdifyd starts it. From the settings file, it counts for the "
        "file's data_dir only",
    )
    trusted_proxies: tuple[str, ...] = _setting(
        parse_networks, "127.0.0.0/8, ::1", "addresses of the proxies in front of the router, such as cloudflared"
    )
    client_address_headers: tuple[str, ...] = _setting(
        parse_header_names,
        "auto",
        "headers with the visitor's address, most reliable first; auto: CF-Connecting-IP, then X-Forwarded-For "
        "with an edge at Cloudflare, else X-Forwarded-For alone",
    )
    router_http2: str = _setting(
        parse_choice("off", "on"),
        "off",
        "on: the router also takes HTTP/2 without TLS (h2c), for a proxy in front that speaks it",
    )
    confirm_public: str = _setting(
        parse_choice("auto", "always", "never"),
        "auto",
        "whether each deploy checks the app's public address and reports why it fails; auto: with an edge",
    )
    edge_mode: str = _setting(
        parse_choice("router", "direct"),
        "router",
        "where the tunnel sends requests: to the router, or direct: to an app's only instance, past the router",
    )
    cloudflared_binary: str = _setting(str, "cloudflared", "the program of the tunnel to Cloudflare, if there is one")
    cloudflared_metrics: Address = _setting(
        parse_address, "127.0.0.1:20241", "where cloudflared serves its metrics and readiness"
    )
    podman_binary: str = _setting(str, "podman", "the podman command")
    skopeo_binary: str = _setting(str, "skopeo", "the skopeo command, which asks registries for digests")
    allow_registries: tuple[str, ...] = _setting(
        parse_registry_hosts,
        "",
        "registries on this machine or its network link that every app may use, like 127.0.0.1:5000",
    )
    github_api: str = _setting(
        parse_web_address, "https://api.github.com", "GitHub's REST API, or an Enterprise server's"
    )
    github_token_file: str = _setting(
        str, "", "file with a GitHub token, to read pull requests and report releases; empty: neither"
    )
    oidc_issuer: str = _setting(
        parse_web_address,
        "https://token.actions.githubusercontent.com",
        "issuer of the tokens of linked repositories' workflows; for an Enterprise server https://HOST/_services/token",
    )
    public_url: str = _setting(
        parse_own_address,
        "",
        "where workflows reach this server, the same as in PVDIFY_URL; empty: https:// and the base domain",
    )
    app_urls: str = _setting(
        parse_app_urls,
        "auto",
        "how URLs of apps begin: https or http, with a port if not the default (http:8080); auto: https with an edge "
        "or with TLS in front of the router (port 443 here, or a proxy elsewhere), else http and the router's port",
    )
    expose_api: str = _setting(
        parse_choice("off", "on"),
        "on",
        "on: the router passes requests for /api/v1 at public_url on to pvdifyd; off: the API is only at listen",
    )
    dashboard: str = _setting(
        parse_choice("off", "on"),
        "on",
        "on: the dashboard is at / of listen, and at public_url if the API is exposed there; off: not served",
    )
    sign_in_with: str = _setting(
        parse_provider,
        "",
        "the accounts for signing in to the dashboard: github, or the issuer of an OpenID provider; empty: none",
    )
    sign_in_client_id: str = _setting(str, "", "the client id of this server at that provider")
    sign_in_client_secret_file: str = _setting(str, "", "file with the client secret")
    sign_in_allow: tuple[str, ...] = _setting(
        parse_accounts,
        "",
        "accounts that may sign in without an invitation: ada@example.com, @example.com, or a login at GitHub",
    )
    sign_in_role: str = _setting(
        parse_choice("read", "deploy", "admin"), "read", "the role of people who sign in by sign_in_allow"
    )
    trash: timedelta = _setting(
        parse_span("0s", "3660d"), "7d", "how long a destroyed volume or service can be restored"
    )
    service_images: Mapping[str, str] = _setting(
        parse_service_images,
        "",
        "images of services, by kind, like postgres=registry.example.com/postgres:16; "
        "default: the official ones at docker.io",
    )
    metadata_services: str = _setting(
        parse_choice("refused", "allowed"),
        "refused",
        "refused or allowed: connections of apps to a cloud's metadata service, which hands out credentials",
    )
    user_namespaces: str = _setting(
        parse_choice("off", "on"),
        "off",
        "on: root in a container is an ordinary user of this machine, another one for each app; needs Linux 5.19, "
        "cgroups v2 and crun 1.8, which pvdifyd and `pvdify doctor` check. Holds for containers made from then on",
    )
    user_ids: range = _setting(
        parse_user_ids,
        "2013265920-2147352575",
        "ids of this machine's users and groups for user_namespaces, a block of 65536 for each app and service; no "
        "other program may use them",
    )
    min_free_disk: int = _setting(parse_size, "512M", "disk that must stay free for a deploy to be admitted")
    max_app_disk: int = _setting(
        parse_size,
        "10G",
        "disk use of an app's containers, volumes and logs above which an event, status and doctor report it; "
        "0: no limit",
    )
    max_container_disk: int = _setting(
        parse_size_or_none("64M"),
        "10G",
        "how much a container can write outside its volumes, if podman's storage can limit it: XFS mounted with "
        "`pquota`, which pvdifyd tries at its start. Holds for containers made from then on; 0: no limit",
    )
    min_free_memory: int = _setting(parse_size, "64M", "memory that must stay free for a deploy to be admitted")
    max_app_instances: int = _setting(
        parse_whole(1, 100_000), "100", "how many instances an app may have at most, all its processes together"
    )

    keep_events: int = _setting(parse_whole(1000, 10_000_000), "100000", "how many of the newest events are kept")
    keep_events_for: timedelta = _setting(parse_span("1d", "3660d"), "400d", "how long an event is kept at most")
    keep_deliveries_for: timedelta = _setting(
        parse_span("1d", "3660d"), "30d", "how long a delivered or failed notification is kept in the log"
    )
    keep_job_runs: int = _setting(
        parse_whole(1, 10_000), "200", "how many of the newest runs of a scheduled job are kept with their output"
    )
    keep_access_log: int = _setting(
        parse_size_between("1M", "100G"),
        "64M",
        "size at which the router's access log is rotated; three older files are kept. A router with its own unit logs "
        "to the journal instead",
    )
    most_orphans: int = _setting(
        parse_whole(0, 1000),
        "5",
        "how many containers without a record are removed at once; if there are more, none is, and an event reports it",
    )

    @property
    def server_id(self) -> str:
        """Ten characters in the names of this server's containers, unique among the servers on this machine."""
        return hashlib.sha256(str(self.data_dir).encode()).hexdigest()[:10]

    def address_headers(self, of_edge: tuple[str, ...]) -> tuple[str, ...]:
        """Return the headers to trust: those set, or the edge's, as other proxies pass on forged headers."""
        if tuple(name.lower() for name in self.client_address_headers) != ("auto",):
            return self.client_address_headers
        return (*of_edge, "X-Forwarded-For")

    @property
    def run_dir(self) -> Path:
        """The directory for sockets and everything that must not reach a disk: on tmpfs, created anew at each boot."""
        return Path("/run/pvdify") if self.data_dir == DEFAULT_DATA_DIR else Path("/run/pvdify") / self.server_id

    @property
    def router_run_dir(self) -> Path:
        """The directory of the router's sockets, on tmpfs. A router with its own unit has its own directory."""
        return Path("/run") / self.router_unit.removesuffix(".service") if self.router_unit else self.run_dir

    @property
    def socket_path(self) -> Path:
        """The Unix socket for root on this server."""
        return self.run_dir / "pvdifyd.sock"

    @property
    def audience(self) -> str:
        """The audience that a workflow's token must have: this server."""
        return self.public_url or f"https://{self.base_domain}"

    @property
    def is_api_exposed(self) -> bool:
        return self.expose_api == "on"

    @property
    def has_dashboard(self) -> bool:
        return self.dashboard == "on"

    @property
    def has_public_dashboard(self) -> bool:
        """Whether the router serves the dashboard, which needs a hostname without a path."""
        return self.has_dashboard and self.is_api_exposed and not urlsplit(self.audience).path

    @property
    def public_hostname(self) -> str | None:
        """The public name of this server; None if the API is not exposed or the name is local."""
        host = urlsplit(self.audience).hostname or ""
        is_local = "." not in host or host.replace(".", "").isdecimal() or host.endswith(".localhost")
        return None if is_local or not self.is_api_exposed else host

    @property
    def is_local(self) -> bool:
        """Whether the base domain is this machine's own, so that no proxy with TLS is in front."""
        return self.base_domain == "localhost" or self.base_domain.endswith(".localhost")

    @property
    def public_scheme(self) -> str:
        """The protocol of visitors, which probes send because an app may redirect requests without TLS."""
        return "http" if self.is_local else "https"


def names() -> tuple[str, ...]:
    """Return every setting's name, in the order of the table."""
    return tuple(item.name for item in fields(Settings))


def describe(name: str) -> tuple[str, str]:
    """Return the default and the help text of a setting."""
    item = next(item for item in fields(Settings) if item.name == name)
    return item.metadata["default"], item.metadata["help"]


def variable_of(name: str) -> str:
    """Return the environment variable of a setting."""
    return "PVDIFY_" + name.upper()


def load(flags: Mapping[str, str | None], environment: Mapping[str, str], file: Path = DEFAULT_FILE) -> Settings:
    """Load all settings from flags, environment and file, in this order of precedence.

    If flag or environment name another ``data_dir`` than the file, this is a second server, for which the file's
    OF_ONE_SERVER do not count.

    Args:
        flags: setting name -> text, None if the flag was not given.
        environment: the process's environment; only ``PVDIFY_<NAME>`` is used, except for NOT_FROM_ENVIRONMENT.
        file: a TOML file of ``name = value``; it need not exist.

    Raises:
        InvalidSetting: with every problem of every setting at once.
    """
    from_file = _read_file(file)
    problems = [f"{file}: unknown setting {name!r}" for name in from_file if name not in names()]
    if _is_of_another_server(flags, environment, from_file, file):
        from_file = {name: value for name, value in from_file.items() if name not in OF_ONE_SERVER}
    values: dict[str, Any] = {}
    for item in fields(Settings):
        if item.name in NOT_FROM_ENVIRONMENT and variable_of(item.name) in environment:
            problems.append(f"{variable_of(item.name)}: set {item.name} by flag or in {file}, not in the environment")
        text, origin = _first(item.name, flags, environment, from_file, file)
        try:
            values[item.name] = item.metadata["parse"](item.metadata["default"] if text is None else text)
        except ValueError as error:
            problems.append(f'{origin}: {error}, got "{text}"')
    if problems:
        raise InvalidSetting(
            "pvdifyd cannot start with these settings",
            next="correct them; `pvdifyd --help` lists all settings",
            details={"problems": problems},
        )
    return Settings(**values)


def _is_of_another_server(
    flags: Mapping[str, str | None], environment: Mapping[str, str], from_file: Mapping[str, Any], file: Path
) -> bool:
    """Whether the file describes the server of another data directory than the one that is asked for."""
    wanted, _ = _first("data_dir", flags, environment, from_file, file)
    return wanted is not None and Path(wanted) != Path(str(from_file.get("data_dir", DEFAULT_DATA_DIR)))


def _first(
    name: str, flags: Mapping[str, str | None], environment: Mapping[str, str], from_file: Mapping[str, Any], file: Path
) -> tuple[str | None, str]:
    flag, variable = "--" + name.replace("_", "-"), variable_of(name)
    if flags.get(name) is not None:
        return flags[name], flag
    if variable in environment:
        return environment[variable], variable
    if name in from_file:
        return str(from_file[name]), f"{file}: {name}"
    return None, f"default of {name}"


def _read_file(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise InvalidSetting(
            f"the settings file {file} cannot be read", why=str(error), next="correct or remove the file"
        ) from error
