"""Checks of names that users choose: app names, process names and hostnames."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

from pvdify.errors import InvalidError

APP_NAME = re.compile(r"[a-z](?!.*--)[a-z0-9-]{0,38}[a-z0-9]")
# No dash: app `a` with process `b-web` and app `a-b` with process `web` would have the same container names.
PROCESS_NAME = re.compile(r"[a-z][a-z0-9_]{0,29}")
VOLUME_NAME = re.compile(r"[a-z](?!.*--)[a-z0-9-]{0,28}[a-z0-9]|[a-z]")
SERVICE_NAME = re.compile(r"[a-z](?!.*--)[a-z0-9-]{0,28}[a-z0-9]")
CONFIG_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
MOMENTS = ("pre_deploy", "post_deploy", "on_failure", "on_open", "on_close")
WEB = "web"
LONGEST_HOSTNAME = 253
LONGEST_GUESS = 64  # characters; a longer name is not a misspelled known name
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")


def unusable_in_command(text: str) -> str:
    """Return why this text cannot be part of a command; empty if it can.

    The kernel ends an argument at a NUL. Other control characters are mistakes, and unreadable in units and lists. Tabs
    and line breaks are allowed, for shell scripts.
    """
    if found := _CONTROL.search(text):
        return f"a command cannot hold the control character U+{ord(found[0]):04X}"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "a command cannot hold half of a character (a surrogate)"
    return ""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that the misspelled one was probably meant to be, or None."""
    near = get_close_matches(name, list(known), n=1, cutoff=0.6) if len(name) <= LONGEST_GUESS else []
    return near[0] if near else None


def check_app_name(name: str) -> str:
    """Return the name if it is valid. Raises InvalidError."""
    if not APP_NAME.fullmatch(name):
        raise InvalidError(
            f'"{name}" cannot be an app\'s name',
            why="a name has 2 to 40 characters: lower-case letters, digits and single dashes; "
            "it starts with a letter and does not end with a dash",
            next="choose a name like myapp or myapp-staging",
        )
    return name


def canonical_hostname(text: str) -> str:
    """Return the hostname as browsers send it: lower case, without a final dot, other scripts as ``xn--``.

    Raises ValueError, which says what was expected.
    """
    import idna  # not at the top: the command line in one file does not have it

    if len(text) > LONGEST_HOSTNAME + 2:
        raise ValueError(f"expected a hostname of at most {LONGEST_HOSTNAME} characters")
    hostname = text.strip().rstrip(".")
    if "*" in hostname:
        raise ValueError("a wildcard cannot be routed to one app: name each hostname")
    if "://" in hostname or "/" in hostname or ":" in hostname:
        raise ValueError("expected the hostname alone, like www.example.com: no scheme, port or path")
    try:
        name = hostname.lower() if hostname.isascii() else idna.encode(hostname, uts46=True).decode()
        if "xn--" in name:
            idna.decode(name)
    except idna.IDNAError as error:
        raise ValueError(f"expected a hostname like www.example.com ({error})") from error
    labels = name.split(".")
    is_one = len(labels) >= 2 and all(_LABEL.fullmatch(label) for label in labels) and not labels[-1].isdigit()
    if not is_one or len(name) > LONGEST_HOSTNAME:
        raise ValueError("expected a hostname like www.example.com")
    return name


def readable_hostname(hostname: str) -> str:
    """Return ``bücher.example`` for ``xn--bcher-kva.example``; other hostnames are returned unchanged."""
    if "xn--" not in hostname:
        return hostname
    import idna

    try:
        return idna.decode(hostname)
    except idna.IDNAError:
        return hostname
