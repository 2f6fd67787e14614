"""Session affinity: map entries and rules, as text, that keep each visitor at one instance by a cookie. No I/O.

::

    affinity.map  shop             cookie    the app uses affinity
                  shop/v42=6f1c…   101.0     mark -> serial of the instance, and its position
                  shop/v42:101     6f1c…     target -> mark in the cookie of its visitors

A mark is an HMAC of the slot and the instance's number with the router's own secret, so a visitor can neither read nor
forge a mark. A restarted instance keeps its mark. After a deploy, the marks of the old slot are unknown. When an
instance stops getting new requests, its mark is removed: its visitors go to another instance and get a new cookie.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence

from pvdify.model.names import number_of

AFFINITY = "affinity.map"
COOKIE = "pvdify_affinity"
_WANTED = "cookie"


def mark(secret: str, slot: str, serial: int) -> str:
    """Return the cookie's value for an instance of a slot: 32 hexadecimal digits."""
    said = f"affinity {slot} {number_of(serial)}"
    return hmac.new(secret.encode(), said.encode(), hashlib.sha256).hexdigest()[:32]


def wanted(app: str, slot: str | None, serials: Sequence[int], secret: str) -> dict[str, str]:
    """Return the map entries of an app with affinity, for the instances in ``serials``."""
    entries = {app: _WANTED}
    for position, serial in enumerate(serials if slot else ()):
        made = mark(secret, slot or "", serial)
        entries |= {f"{slot}={made}": f"{serial}.{position}", f"{slot}:{serial}": made}
    return entries


def without(entries: Mapping[str, str], slot: str, serial: int) -> dict[str, str | None]:
    """Return the changes when an instance stops getting new requests: its mark goes (None), later positions move up."""
    found = sorted(_positions(entries, slot), key=lambda entry: entry[2])
    left = [(key, each) for key, each, _ in found if each != serial]
    changes: dict[str, str | None] = {key: f"{each}.{position}" for position, (key, each) in enumerate(left)}
    return changes | {key: None for key, each, _ in found if each == serial}


def of_app(entries: Mapping[str, str], app: str) -> list[str]:
    """Return the keys of an app's entries."""
    return [key for key in entries if key == app or key.startswith(f"{app}/")]


def of_slot(entries: Mapping[str, str], slot: str) -> list[str]:
    """Return the keys of a slot's entries."""
    return [key for key in entries if key.startswith((f"{slot}=", f"{slot}:"))]


def _positions(entries: Mapping[str, str], slot: str) -> list[tuple[str, int, int]]:
    """Return key, serial and position of each mark of a slot."""
    values = {key: entries[key].partition(".") for key in entries if key.startswith(f"{slot}=")}
    return [(key, int(serial), int(position)) for key, (serial, _, position) in values.items()]


# These rules stand after the random choice and override it for a visitor with a known mark. They remove the cookie from
# the request, also if the app no longer uses affinity.
REQUEST = f"""\
    # a visitor with pvdify's cookie stays at one instance
    acl has_affinity var(txn.app),map({AFFINITY}) -m found
    acl has_mark req.cook({COOKIE}) -m found
    http-request set-var(txn.mark) req.cook({COOKIE}) if has_mark has_affinity
    http-request set-var(txn.kept) var(txn.slot),concat(=,txn.mark),map({AFFINITY}) if has_mark has_affinity
    acl is_kept var(txn.kept) -m found
    http-request set-var(txn.number) var(txn.kept),field(1,.) if is_kept
    http-request set-var(txn.one) var(txn.kept),field(2,.) if is_kept
    http-request set-var(txn.target) var(txn.slot),concat(:,txn.number) if is_kept
    http-request set-var(txn.has_cookie) bool(true) if has_mark
    http-request replace-header Cookie ^(.*);[[:space:]]*{COOKIE}=[^;]*(.*)$ \\1\\2 if {{ var(txn.has_cookie) -m bool }}
    http-request replace-header Cookie ^{COOKIE}=[^;]*;?[[:space:]]*(.*)$ \\1 if {{ var(txn.has_cookie) -m bool }}
    http-request del-header Cookie if {{ var(txn.has_cookie) -m bool }} {{ req.hdr(cookie) -m len 0 }}
"""
# These rules stand after the rule that sets the instance that finally answered.
ANSWER = f"""\
    http-response set-var(txn.given) var(txn.target),map({AFFINITY}) if {{ var(txn.app),map({AFFINITY}) -m found }}
    http-response set-var(txn.same) var(txn.given),strcmp(txn.mark) if {{ var(txn.mark) -m found }}
    acl is_given var(txn.given) -m found
    acl is_same var(txn.same) -m int 0
    acl is_secure var(txn.protocol) -m str https
    http-response set-var(txn.attributes) str("; Path=/; HttpOnly; SameSite=Lax")
    http-response set-var(txn.attributes) str("; Path=/; HttpOnly; SameSite=Lax; Secure") if is_secure
    http-response add-header Set-Cookie {COOKIE}=%[var(txn.given)]%[var(txn.attributes)] if is_given !is_same
"""
