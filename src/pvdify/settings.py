"""How pvdify itself is configured: one table of name, type, default and help.

A setting comes from the first of: flag (``--data-dir``), environment (``PVDIFY_DATA_DIR``), file
(``/etc/pvdify/pvdifyd.toml``), default. Loaded once at start-up into a frozen object. Imports only ``errors``.
"""

import hashlib
import ipaddress
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

from pvdify.errors import InvalidSetting

DEFAULT_DATA_DIR = Path("/var/lib/pvdify")
DEFAULT_FILE = Path("/etc/pvdify/pvdifyd.toml")
SYSTEMD_IS_HERE = Path("/run/systemd/system")  # as sd_booted(3) has it
LONGEST_SOCKET_PATH = 90  # the kernel takes 107 bytes; the router's own temporary names need the rest


@dataclass(frozen=True, kw_only=True)
class Address:
    """A TCP address to listen on."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class PortRange:
    """Loopback ports for instances, both ends included."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.first, self.last + 1))


def parse_address(text: str) -> Address:
    """``HOST:PORT`` or ``[IPv6]:PORT``. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError("expected HOST:PORT, like 127.0.0.1:9443")
    return Address(host=host.strip("[]"), port=int(port))


def parse_unit(text: str) -> str:
    """The name of a service unit. Raises ValueError."""
    if text and not re.fullmatch(r"[A-Za-z0-9:_.@-]{1,240}\.service", text):
        raise ValueError("expected a unit's name, such as pvdify-router.service")
    return text


def parse_port_range(text: str) -> PortRange:
    """``FIRST-LAST``, both between 1024 and 65535. Raises ValueError."""
    first, dash, last = text.partition("-")
    if not (dash and first.isdigit() and last.isdigit() and 1024 <= int(first) <= int(last) < 65536):
        raise ValueError("expected FIRST-LAST between 1024 and 65535, like 3001-3999")
    return PortRange(first=int(first), last=int(last))


def parse_duration(text: str) -> timedelta:
    """``90s``, ``10m``, ``24h``, ``1m30s`` or ``1d``. Raises ValueError."""
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
    rest, seconds = text.strip(), 0.0
    if rest == "0":
        return timedelta()
    while rest:
        number = rest[: len(rest) - len(rest.lstrip("0123456789."))]
        rest = rest[len(number) :]
        unit = next((unit for unit in ("ms", "s", "m", "h", "d") if rest.startswith(unit)), None)
        if unit is None or not number or number.count(".") > 1 or number == ".":
            raise ValueError("expected a duration like 30s, 10m, 1m30s or 24h")
        seconds += float(number) * units[unit]
        rest = rest[len(unit) :]
    if not text.strip():
        raise ValueError("expected a duration like 30s, 10m, 1m30s or 24h")
    return timedelta(seconds=seconds)


def parse_directory(text: str) -> Path:
    """An absolute path without characters that configuration files could trip over. Raises ValueError."""
    path = Path(text).absolute()
    if any(character.isspace() or character in ",'\"" for character in str(path)):
        raise ValueError("expected a path without spaces, commas or quotes")
    return path


def parse_runtime(text: str) -> str:
    """The name of a runtime adapter; of nothing, the one that this machine is made for. Raises ValueError."""
    if text not in ("", "podman", "systemd"):
        raise ValueError('expected "podman" or "systemd"')
    return text or ("systemd" if SYSTEMD_IS_HERE.is_dir() else "podman")


def parse_choice(*choices: str) -> Callable[[str], str]:
    """One of a few words."""

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"expected {', '.join(choices[:-1])} or {choices[-1]}")
        return text

    return parse


def parse_web_address(text: str) -> str:
    """``https://HOST[/PATH]`` without a slash at the end; plain http for loopback only. Raises ValueError."""
    scheme, _, rest = text.partition("://")
    host = rest.partition("/")[0].rpartition("@")[2]
    is_loopback = host.partition(":")[0] in ("localhost", "127.0.0.1")
    if not host or "@" in rest or any(mark in rest for mark in "?# ") or (scheme, is_loopback) == ("http", False):
        raise ValueError("expected https://HOST, like https://api.github.com")
    if scheme not in ("http", "https"):
        raise ValueError("expected https://HOST, like https://api.github.com")
    return text.rstrip("/")


def parse_own_address(text: str) -> str:
    """The same, or nothing. Raises ValueError."""
    return parse_web_address(text) if text else ""


def parse_base_domain(text: str) -> str:
    """A lower-case DNS name. Raises ValueError."""
    labels = text.lower().split(".")
    if not all(label and len(label) < 64 and label.replace("-", "a").isalnum() and label.isascii() for label in labels):
        raise ValueError("expected a domain name, like apps.example.com")
    return text.lower()


def parse_networks(text: str) -> tuple[str, ...]:
    """Addresses and networks, separated by commas; nothing for none. Raises ValueError."""
    networks = tuple(word.strip() for word in text.split(",") if word.strip())
    for network in networks:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            raise ValueError("expected addresses and networks, like 127.0.0.0/8, ::1") from error
    return networks


def parse_header_names(text: str) -> tuple[str, ...]:
    """Names of HTTP headers, separated by commas; nothing for none. Raises ValueError."""
    names = tuple(word.strip() for word in text.split(",") if word.strip())
    if not all(re.fullmatch(r"[A-Za-z0-9-]{1,64}", name) for name in names):
        raise ValueError("expected names of headers, like CF-Connecting-IP, X-Forwarded-For")
    return names


def _setting(parse: Callable[[str], Any], default: str, help: str) -> Any:
    return field(metadata={"parse": parse, "default": default, "help": help})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of one server, parsed and checked."""

    data_dir: Path = _setting(parse_directory, str(DEFAULT_DATA_DIR), "everything this server knows; mode 0700")
    listen: Address = _setting(parse_address, "127.0.0.1:9443", "address of the REST API")
    router_listen: Address = _setting(parse_address, "127.0.0.1:9080", "address visitors' requests arrive at")
    runtime: str = _setting(
        parse_runtime, "", "systemd (a unit an instance) or podman; empty: systemd where it is process 1"
    )
    ports: PortRange = _setting(parse_port_range, "3001-3999", "loopback ports for instances")
    base_domain: str = _setting(parse_base_domain, "pvdify.win", "an app answers at APP.BASE-DOMAIN")
    standby: timedelta = _setting(parse_duration, "10m", "how long the previous release stays started after a deploy")
    keep_releases: int = _setting(int, "10", "how many releases keep their image on this server")
    router_binary: str = _setting(str, "", "HAProxy 2.6 or newer to use; empty: the one that came with pvdify")
    router_unit: str = _setting(
        parse_unit,
        "",
        "the router's systemd unit, if it has one; empty: pvdifyd starts it",
    )
    trusted_proxies: tuple[str, ...] = _setting(
        parse_networks, "127.0.0.0/8, ::1", "where cloudflared, or another proxy in front of the router, speaks from"
    )
    client_address_headers: tuple[str, ...] = _setting(
        parse_header_names,
        "CF-Connecting-IP, X-Forwarded-For",
        "headers in which it says the visitor's address, the best first; behind anything but Cloudflare "
        "only X-Forwarded-For",
    )
    confirm_public: str = _setting(
        parse_choice("auto", "always", "never"),
        "auto",
        "whether each deploy looks at the app's public address and says what is in the way; auto: with an edge",
    )
    edge_mode: str = _setting(
        parse_choice("router", "direct"),
        "router",
        "where the tunnel leads: to the router, or direct: straight to an app's one instance, past the router",
    )
    cloudflared_binary: str = _setting(str, "cloudflared", "the program of the tunnel to Cloudflare, if there is one")
    cloudflared_metrics: Address = _setting(
        parse_address, "127.0.0.1:20241", "where cloudflared tells its figures and whether it is ready"
    )
    podman_binary: str = _setting(str, "podman", "the podman command")
    skopeo_binary: str = _setting(str, "skopeo", "the skopeo command, which asks registries for digests")
    github_api: str = _setting(
        parse_web_address, "https://api.github.com", "GitHub's REST API, or an Enterprise server's"
    )
    github_token_file: str = _setting(
        str, "", "file with a GitHub token: GitHub is asked about previews, and told of releases; empty: neither"
    )
    oidc_issuer: str = _setting(
        parse_web_address,
        "https://token.actions.githubusercontent.com",
        "who signs the tokens of linked repositories' workflows; of an Enterprise server https://HOST/_services/token",
    )
    public_url: str = _setting(
        parse_own_address,
        "",
        "where workflows reach this server, as PVDIFY_URL has it; empty: https:// and the base domain",
    )
    min_free_disk: int = _setting(int, "536870912", "bytes that must stay free for a deploy to be admitted")
    min_free_memory: int = _setting(int, "67108864", "bytes of memory that must stay free for a deploy to be admitted")

    @property
    def server_id(self) -> str:
        """Ten characters that tell this server's containers from those of another one on the same machine."""
        return hashlib.sha256(str(self.data_dir).encode()).hexdigest()[:10]

    @property
    def run_dir(self) -> Path:
        """Sockets and whatever must never touch a disk: on tmpfs, made anew at each boot."""
        return Path("/run/pvdify") if self.data_dir == DEFAULT_DATA_DIR else Path("/run/pvdify") / self.server_id

    @property
    def socket_path(self) -> Path:
        """The unix socket for root on this server."""
        return self.run_dir / "pvdifyd.sock"

    @property
    def audience(self) -> str:
        """Whom a workflow's token must be meant for: this server and no other."""
        return self.public_url or f"https://{self.base_domain}"

    @property
    def public_scheme(self) -> str:
        """Visitors arrive through something in front that speaks TLS, unless the base domain is a local one."""
        return "http" if self.base_domain == "localhost" or self.base_domain.endswith(".localhost") else "https"


def names() -> tuple[str, ...]:
    """Every setting's name, in the order of the table."""
    return tuple(item.name for item in fields(Settings))


def describe(name: str) -> tuple[str, str]:
    """Default and help text of one setting."""
    item = next(item for item in fields(Settings) if item.name == name)
    return item.metadata["default"], item.metadata["help"]


def load(flags: Mapping[str, str | None], environment: Mapping[str, str], file: Path = DEFAULT_FILE) -> Settings:
    """Read every setting from flags, environment and file, in this order.

    Args:
        flags: setting name -> text, None where the flag was not given.
        environment: the process's environment; ``PVDIFY_<NAME>`` is looked at.
        file: a TOML file of ``name = value``; it need not exist.

    Raises:
        InvalidSetting: with every problem of every setting at once.
    """
    from_file = _read_file(file)
    problems = [f"{file}: unknown setting {name!r}" for name in from_file if name not in names()]
    values: dict[str, Any] = {}
    for item in fields(Settings):
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


def _first(
    name: str, flags: Mapping[str, str | None], environment: Mapping[str, str], from_file: Mapping[str, Any], file: Path
) -> tuple[str | None, str]:
    flag, variable = "--" + name.replace("_", "-"), "PVDIFY_" + name.upper()
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
