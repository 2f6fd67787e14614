"""Detection of config vars that look like secrets but are plain."""

import re
from collections.abc import Mapping

from pvdify.cli.io import Io

_WORDS = frozenset({
    "APIKEY", "CREDENTIAL", "CREDENTIALS", "DSN", "KEY", "PASS", "PASSPHRASE", "PASSWD", "PASSWORD", "PWD", "SECRET",
    "SECRETS", "TOKEN",
})  # fmt: skip
# A name with one of these words is not a secret: PUBLIC_KEY, CACHE_KEY.
_HARMLESS = frozenset({"PUBLIC", "PUBLISHABLE", "PUB", "CACHE", "SORT", "PARTITION", "PRIMARY", "FOREIGN", "SITE"})
_URL_WITH_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/@:]*:[^\s/@]+@", re.IGNORECASE)
_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|^(gh[pousr]_|github_pat_|glpat-|sk_live_|rk_live_|sk-|xox[abp]-|AKIA|SG\.)\S{12,}"
)


def why_secret(name: str, value: str) -> str | None:
    """Return why this looks like a secret, without the value; None if it does not."""
    if _URL_WITH_PASSWORD.search(value):
        return "its URL has a password"
    if _KEY.search(value):
        return "its value has the form of a key"
    words = name.upper().split("_")
    last = words[-2] if words[-1] == "BASE" and len(words) > 1 else words[-1]  # SECRET_KEY_BASE
    if value and last in _WORDS and _HARMLESS.isdisjoint(words):
        return "its name says so"
    return None


def hint(app: str, plain: Mapping[str, str], io: Io) -> None:
    """Print on stderr which of these plain values look like secrets, and how to make them secret."""
    for name, value in plain.items():
        if why := why_secret(name, value):
            io.say(
                f"{name} looks like a secret ({why}), but `pvdify config` shows it\n"
                f"  next: pvdify config:set {app} --secret {name}=-    # with the value on stdin; --plain if it is none"
            )
