"""Config vars: the app's environment, in numbered, immutable versions."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from pvdify.errors import InvalidConfigVar
from pvdify.model.instance import Secret
from pvdify.model.names import CONFIG_KEY
from pvdify.model.secret_forms import refusal_of

RESERVED = frozenset({"PORT", "sops"})  # ``sops`` is the key for encryption metadata in a SOPS file
# Linux allows 128 KiB for a variable and 2 MiB for all variables and arguments of a program; these limits are far
# lower.
LONGEST_VALUE, LARGEST_CONFIG = 64 * 1024, 256 * 1024  # bytes
MOST_VARS = 2000  # of one app; with 10,000, a stored config could not be read again
NUL = "\0"
_IMPOSSIBLE = re.compile("[\0\ud800-\udfff]")  # a NUL ends a variable in the kernel; lone surrogates cannot be encoded
SHOWN = 40  # characters of an invalid name, and entries of a list, that a message shows
LARGEST_NAMED = 3  # of the largest variables, shown if the config is too large


@dataclass(frozen=True, kw_only=True)
class ConfigVar:
    """A value, and whether it is a secret. Secrets are never shown again."""

    value: Secret
    is_secret: bool = False


@dataclass(frozen=True, kw_only=True)
class ConfigVersion:
    """The record of one change of an app's config: who, when, and which names. Values are stored separately."""

    app: str
    version: int
    created_at: datetime
    created_by: str
    set_keys: tuple[str, ...] = ()
    unset_keys: tuple[str, ...] = ()


Changes = Mapping[str, ConfigVar | Secret | None]
ChangesOf = Callable[[Mapping[str, ConfigVar]], Changes]  # the changes, given the newest values


def apply_changes(current: Mapping[str, ConfigVar], wanted: Changes) -> dict[str, ConfigVar]:
    """Return the config after setting and unsetting (None) names. A plain text keeps the name's secrecy.

    Unsetting a name that is not set does nothing.

    Raises InvalidConfigVar with every problem.
    """
    _check_count(current, wanted)
    changes = {key: _updated(current.get(key), var) if isinstance(var, str) else var for key, var in wanted.items()}
    kept = {key: var for key, var in current.items() if key not in changes}
    values = dict(sorted((kept | {key: var for key, var in changes.items() if var is not None}).items()))
    _check_size(values, most=max(LARGEST_CONFIG, sum(_sizes(current).values())))  # the next check scans every value
    problems = [problem for key, var in changes.items() for problem in problems_of_var(key, var)]
    if problems:
        raise InvalidConfigVar(
            "the config was not changed",
            next="correct the names or values; `pvdify config` shows what is set",
            details={"problems": problems[:SHOWN]},
        )
    return values


def check_number_of_changes(count: int, *, current: int = 0) -> None:
    """Check the number before each change is checked, as a request can hold 100,000. Raises InvalidConfigVar."""
    if count > 2 * max(MOST_VARS, current):
        raise InvalidConfigVar(
            f"{count} changes of the config at once are too many",
            next=f"an app has at most {MOST_VARS} variables. The config is as it was",
        )


def _check_count(current: Mapping[str, ConfigVar], wanted: Changes) -> None:
    """Check the number of variables. A config that is above the limit already may shrink."""
    check_number_of_changes(len(wanted), current=len(current))
    unset = sum(1 for key, var in wanted.items() if var is None and key in current)
    count = len(current) - unset + sum(1 for key, var in wanted.items() if var is not None and key not in current)
    if count > max(MOST_VARS, len(current)):
        raise InvalidConfigVar(
            f"the config would have {count} variables, and {MOST_VARS} is the most",
            next="unset some, or keep a list in one variable. The config is as it was",
        )


def _check_size(values: Mapping[str, ConfigVar], *, most: int) -> None:
    sizes = _sizes(values)
    total = sum(sizes.values())
    if total > most:
        largest = sorted(sizes, key=lambda key: sizes[key], reverse=True)[:LARGEST_NAMED]
        raise InvalidConfigVar(
            f"the config would have {total} bytes, and {LARGEST_CONFIG} is the most",
            why="the kernel limits a program's environment; the largest: "
            + ", ".join(f"{key[:SHOWN]} ({sizes[key]} bytes)" for key in largest),
            next="shorten or unset some; a large file belongs into the image or on a volume. The config is as it was",
        )


def _sizes(values: Mapping[str, ConfigVar]) -> dict[str, int]:
    """Return the bytes of each variable in a program's environment: ``NAME=value`` and a NUL."""
    return {key: len(key) + len(var.value.encode(errors="surrogatepass")) + 2 for key, var in values.items()}


def _updated(now: ConfigVar | None, value: Secret) -> ConfigVar:
    return ConfigVar(value=value, is_secret=now is not None and now.is_secret)


def problems_of_var(key: str, var: ConfigVar | None) -> list[str]:
    """Return why a config var cannot have this name or value, without the value; ``var`` is None if it is unset."""
    if not CONFIG_KEY.fullmatch(key):
        shown = key if len(key) <= SHOWN else f"{key[:SHOWN]}…"
        return [f'"{shown}": a name has letters, digits and underscores, at most 128, and does not start with a digit']
    if key in RESERVED or key.startswith("PVDIFY_"):
        return [f"{key}: is set by pvdify itself"]
    if var is not None and (found := _IMPOSSIBLE.search(var.value)):
        return [f"{key}: a value cannot hold {'a NUL character' if found[0] == NUL else 'half of a character'}"]
    if var is not None and len(var.value.encode()) > LONGEST_VALUE:
        return [f"{key}: has {len(var.value.encode())} bytes, and a value can have {LONGEST_VALUE} at most"]
    if var is not None and var.is_secret and (refusal := refusal_of(var.value)):
        return [f"{key}: {refusal}"]
    return []


def named(names: Iterable[str]) -> str:
    """Return the names, sorted and joined for an event; of more than ``SHOWN`` names only the first."""
    listed = sorted(names)
    left = len(listed) - SHOWN
    return ", ".join(listed[:SHOWN]) + (f" and {left} more" if left > 0 else "")
