"""Config vars: the app's environment, in numbered, immutable versions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pvdify.errors import InvalidConfigVar
from pvdify.model.instance import Secret
from pvdify.model.names import CONFIG_KEY
from pvdify.model.secret_forms import refusal_of

RESERVED = frozenset({"PORT", "sops"})  # ``sops`` is the part of a SOPS file that says how it is encrypted
LONGEST_VALUE = 65536


@dataclass(frozen=True, kw_only=True)
class ConfigVar:
    """A value and whether it is a secret (which is never shown again)."""

    value: Secret
    is_secret: bool = False


@dataclass(frozen=True, kw_only=True)
class ConfigVersion:
    """One change of an app's config: who, when, and which names; values are kept elsewhere."""

    app: str
    version: int
    created_at: datetime
    created_by: str
    set_keys: tuple[str, ...] = ()
    unset_keys: tuple[str, ...] = ()


Changes = Mapping[str, ConfigVar | Secret | None]


def apply_changes(current: Mapping[str, ConfigVar], wanted: Changes) -> dict[str, ConfigVar]:
    """The config after setting (a var) and unsetting (None) names; a text alone stays secret if its name was so far.

    A name that is not set is as unset as was wanted.

    Raises InvalidConfigVar with every problem.
    """
    changes = {key: _as_before(current.get(key), var) if isinstance(var, str) else var for key, var in wanted.items()}
    problems = [problem for key, var in changes.items() for problem in _problems(key, var)]
    if problems:
        raise InvalidConfigVar(
            "the config was not changed",
            next="correct the names or values; `pvdify config` shows what is set",
            details={"problems": problems},
        )
    kept = {key: var for key, var in current.items() if key not in changes}
    return dict(sorted((kept | {key: var for key, var in changes.items() if var is not None}).items()))


def _as_before(now: ConfigVar | None, value: Secret) -> ConfigVar:
    return ConfigVar(value=value, is_secret=now is not None and now.is_secret)


def _problems(key: str, var: ConfigVar | None) -> list[str]:
    if not CONFIG_KEY.fullmatch(key):
        return [f'"{key}": a name has letters, digits and underscores, and does not start with a digit']
    if key in RESERVED or key.startswith("PVDIFY_"):
        return [f"{key}: is set by pvdify itself"]
    if var is not None and "\0" in var.value:
        return [f"{key}: a value cannot hold a NUL character"]
    if var is not None and len(var.value.encode()) > LONGEST_VALUE:
        return [f"{key}: a value can have {LONGEST_VALUE} bytes at most"]
    if var is not None and var.is_secret and (refusal := refusal_of(var.value)):
        return [f"{key}: {refusal}"]
    return []
