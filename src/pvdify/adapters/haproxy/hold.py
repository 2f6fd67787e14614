"""Rules, as text, and a Lua script that keep requests of a held app waiting in the router until the hold ends.

Before version 3.2, HAProxy has no rule that waits and then reads a map again, so a Lua action does. The action sleeps
between two reads of the map, and the process serves other requests meanwhile. 500 waiting requests took 8 % of a core
with a read every 20 ms.
"""

import hashlib
from importlib.resources import files

from pvdify.adapters.haproxy import pages
from pvdify.adapters.haproxy.maps import HELD, LIVE

SCRIPT = "hold.lua"


def script() -> str:
    """Return the text of the script, which the configuration loads from the router's directory."""
    return files("pvdify.adapters.haproxy").joinpath(SCRIPT).read_text(encoding="utf-8")


def load(*, has_lua: bool) -> str:
    """Return the line of the global section that loads the script; "" without Lua.

    The line contains a hash of the script, so that the configuration's fingerprint changes with the script.
    """
    digest = hashlib.sha256(script().encode()).hexdigest()[:16]
    return f"    lua-load {SCRIPT} # {digest}\n" if has_lua else ""


def rules(*, has_lua: bool) -> str:
    """Return the rules of the visitors' frontend. Without Lua, HAProxy answers 503 instead of waiting."""
    full = pages.response(pages.UNAVAILABLE)
    if not has_lua:
        return f"    http-request return {full} if {{ var(txn.app),map({HELD}) -m found }} !confirms !proves\n"
    return f"""\
    http-request set-var(txn.held) var(txn.app),map({HELD})
    http-request lua.hold if {{ var(txn.held) -m found }} !confirms !proves
    http-request return {full} if {{ var(txn.held) -m str full }}
    http-request set-var(txn.slot) var(txn.app),map({LIVE}) if {{ var(txn.held) -m found }}
"""
