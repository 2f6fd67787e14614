"""Parsers of words, names, hosts and addresses in settings. Each raises ValueError with what was expected."""

import ipaddress
import re
from collections.abc import Callable, Mapping

IDS_OF_A_CONTAINER = 65536  # users, and as many groups; images use none above 65534


def parse_networks(text: str) -> tuple[str, ...]:
    """Parse addresses and networks, separated by commas; empty for none. Raises ValueError."""
    networks = tuple(word.strip() for word in text.split(",") if word.strip())
    for network in networks:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            raise ValueError("expected addresses and networks, like 127.0.0.0/8, ::1") from error
    return networks


def parse_registry_hosts(text: str) -> tuple[str, ...]:
    """Parse ``HOST`` or ``HOST:PORT``, separated by commas; empty for none. Raises ValueError."""
    hosts = tuple(word.strip().lower() for word in text.split(",") if word.strip())
    if not all(re.fullmatch(r"([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?", host) for host in hosts):
        raise ValueError("expected hosts as image references begin with, like 127.0.0.1:5000")
    return hosts


def parse_header_names(text: str) -> tuple[str, ...]:
    """Parse names of HTTP headers, separated by commas; empty for none. Raises ValueError."""
    names = tuple(word.strip() for word in text.split(",") if word.strip())
    if not all(re.fullmatch(r"[A-Za-z0-9-]{1,64}", name) for name in names):
        raise ValueError("expected names of headers, like CF-Connecting-IP, X-Forwarded-For")
    return names


def parse_provider(text: str) -> str:
    """Parse ``github``, the issuer of an OpenID provider, or an empty text. Raises ValueError."""
    if text in ("", "github"):
        return text
    try:
        return parse_web_address(text)
    except ValueError as error:
        raise ValueError("expected github or an issuer, like https://accounts.google.com") from error


def parse_accounts(text: str) -> tuple[str, ...]:
    """Parse email addresses, ``@domain``, and GitHub logins, separated by commas. Raises ValueError."""
    accounts = tuple(word.strip().lower() for word in text.split(",") if word.strip())
    for account in accounts:
        if not re.fullmatch(r"[^@\s]*@[^@\s]+\.[^@\s]+|[a-z0-9][a-z0-9-]{0,38}", account):
            raise ValueError("expected accounts, like ada@example.com, @example.com, octocat")
    return accounts


def parse_namespace_prefix(text: str) -> str:
    """Parse the beginning of the names of namespaces. Raises ValueError."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,12}-", text):
        raise ValueError("expected up to 14 lower-case letters, digits and dashes, with a dash at the end, like pvd-")
    return text


def parse_quota(text: str) -> Mapping[str, str]:
    """Parse ``RESOURCE=QUANTITY``, separated by commas. Raises ValueError."""
    found = dict[str, str]()
    for part in filter(None, (each.strip() for each in text.split(","))):
        match = re.fullmatch(r"([a-z0-9./-]+)=([0-9.]+(?:m|k|M|G|T|Ki|Mi|Gi|Ti)?)", part)
        if match is None:
            raise ValueError("expected RESOURCE=QUANTITY, like pods=100, limits.memory=64Gi")
        found[match[1]] = match[2]
    return found


def parse_service_images(text: str) -> Mapping[str, str]:
    """Parse ``KIND=IMAGE``, separated by commas. Raises ValueError."""
    found = dict[str, str]()
    for part in filter(None, (each.strip() for each in text.split(","))):
        kind, equals, image = (each.strip() for each in part.partition("="))
        if not (equals and image and kind.isidentifier()):
            raise ValueError("expected KIND=IMAGE, like postgres=registry.example.com/postgres:16")
        found[kind] = image
    return found


def parse_user_ids(text: str) -> range:
    """Parse ``FIRST-LAST``, whole blocks of 65536 ids, and return the first id of each block. Raises ValueError."""
    match = re.fullmatch(r"(\d{1,10})-(\d{1,10})", text)
    first, end = (int(match[1]), int(match[2]) + 1) if match else (1, 1)
    # block 0 has the users of the machine; the last id is invalid for the kernel
    if first % IDS_OF_A_CONTAINER or end % IDS_OF_A_CONTAINER or not IDS_OF_A_CONTAINER <= first < end < 2**32:
        raise ValueError("expected FIRST-LAST with whole blocks of 65536 ids, like 2013265920-2147352575")
    return range(first, end, IDS_OF_A_CONTAINER)


def parse_choice(*choices: str) -> Callable[[str], str]:
    """Return a parser that accepts only these words."""

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"expected {', '.join(choices[:-1])} or {choices[-1]}")
        return text

    return parse


def parse_web_address(text: str) -> str:
    """Parse ``https://HOST[/PATH]``, without a slash at the end; plain http only for loopback. Raises ValueError."""
    scheme, _, rest = text.partition("://")
    host = rest.partition("/")[0].rpartition("@")[2]
    is_loopback = host.partition(":")[0] in ("localhost", "127.0.0.1")
    if not host or "@" in rest or any(mark in rest for mark in "?# ") or (scheme, is_loopback) == ("http", False):
        raise ValueError("expected https://HOST, like https://api.github.com")
    if scheme not in ("http", "https"):
        raise ValueError("expected https://HOST, like https://api.github.com")
    return text.rstrip("/")


def parse_own_address(text: str) -> str:
    """Parse a web address with a plain host and path, for the router's rules, or an empty text. Raises ValueError."""
    if text and not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9_-]+)*/?", text):
        raise ValueError("expected https://HOST, like https://apps.example.com")
    return parse_web_address(text) if text else ""


def parse_app_urls(text: str) -> str:
    """Parse ``auto``, ``https``, ``http``, or one of these two with a port. Raises ValueError."""
    scheme, _, port = text.partition(":")
    is_port = not port or (port.isascii() and port.isdigit() and 0 < int(port) < 65536)
    if text != "auto" and (scheme not in ("http", "https") or not is_port or text.endswith(":")):
        raise ValueError("expected auto, https, http or a port with it, like http:8080")
    return text


def parse_base_domain(text: str) -> str:
    """Parse a DNS name, and return it in lower case. Raises ValueError."""
    labels = text.lower().split(".")
    if not all(label and len(label) < 64 and label.replace("-", "a").isalnum() and label.isascii() for label in labels):
        raise ValueError("expected a domain name, like apps.example.com")
    return text.lower()
