"""The part named ``sops`` of a SOPS file: recipients, which values are encrypted, and the MAC."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pvdify.adapters.sops.refusal import SopsRefused

DEFAULT_SUFFIX = "_unencrypted"
_SELECTORS = ("unencrypted_suffix", "encrypted_suffix", "unencrypted_regex", "encrypted_regex")
_COMMENT_SELECTORS = ("unencrypted_comment_regex", "encrypted_comment_regex")
MOST_KEYS = 200
LONGEST_REGEX = 256
# Python's regular expressions backtrack and block the interpreter; Go's, which SOPS uses, do not backtrack. A repeated
# group or many repetitions could take hours; expressions in real files have neither.
_REPEATED_GROUP = re.compile(r"\)[*+{]|\\[0-9]")
_REPETITION = re.compile(r"[*+{]")
MOST_REPETITIONS = 3
LONGEST_NAME = 256
_OTHERS = ("kms", "gcp_kms", "azure_kv", "hc_vault", "pgp", "hckms")


@dataclass(frozen=True, kw_only=True)
class WrappedKey:
    """The data key, encrypted for one age recipient."""

    recipient: str
    armoured: str


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """The part named ``sops``.

    ``selector``: which of SOPS's four rules decides what is encrypted, and the rule's argument.
    """

    keys: tuple[WrappedKey, ...]
    last_modified: str
    mac: str
    selector: tuple[str, str] = ("unencrypted_suffix", "")
    is_mac_of_encrypted_only: bool = False
    other_recipients: tuple[str, ...] = ()

    def is_encrypted(self, path: tuple[str, ...]) -> bool:
        """Return whether values at this path are encrypted; the rule matches if it matches any key of the path.

        Raises SopsRefused if the rule is a regular expression and a key has more than LONGEST_NAME characters.
        """
        kind, argument = self.selector
        if kind.endswith("_regex"):
            if any(len(key) > LONGEST_NAME for key in path):
                raise SopsRefused(f"it has a name of more than {LONGEST_NAME} characters, and a {kind}")
            found = any(re.search(argument, key) for key in path)
        else:
            found = bool(argument) and any(key.endswith(argument) for key in path)
        return found if kind.startswith("encrypted") else not found


def parse_metadata(given: object) -> Metadata:
    """Parse the ``sops`` part. Raises SopsRefused; also for key groups and selectors by comment: not supported."""
    if not isinstance(given, Mapping):
        raise SopsRefused("the file has no `sops` part: it is not encrypted")
    if given.get("key_groups"):
        raise SopsRefused("it needs several keys at a time (key groups); pvdify opens files that one key opens")
    if any(given.get(name) for name in _COMMENT_SELECTORS):
        raise SopsRefused("comments decide what is encrypted in it (encrypted_comment_regex), and pvdify reads none")
    mac, modified = given.get("mac"), given.get("lastmodified")
    if not isinstance(mac, str) or not mac:
        raise SopsRefused("it has no MAC, so what was removed from it or changed in it would not be noticed")
    if not isinstance(modified, str):
        raise SopsRefused("it does not say when it was last modified, which its MAC is bound to")
    return Metadata(
        keys=tuple(_wrapped(item) for item in _list(given.get("age"))[:MOST_KEYS]),
        last_modified=modified,
        mac=mac,
        selector=_selector(given),
        is_mac_of_encrypted_only=given.get("mac_only_encrypted") in (True, "true"),
        other_recipients=tuple(name for name in _OTHERS if given.get(name)),
    )


def _selector(given: Mapping[str, object]) -> tuple[str, str]:
    found = [(name, str(given[name])) for name in _SELECTORS if given.get(name)]
    if len(found) > 1:
        raise SopsRefused(f"it has several selectors ({', '.join(name for name, _ in found)}); SOPS allows one")
    if not found:
        return "unencrypted_suffix", ""
    (name, argument), *_ = found
    if name.endswith("_regex"):
        is_costly = _REPEATED_GROUP.search(argument) or len(_REPETITION.findall(argument)) > MOST_REPETITIONS
        if is_costly or len(argument) > LONGEST_REGEX:
            raise SopsRefused(f"its {name} is longer, or repeats more, than pvdify evaluates")
        try:
            re.compile(argument)
        except (re.error, OverflowError, RecursionError) as error:
            raise SopsRefused(f"its {name} is no regular expression that pvdify understands: {error}") from error
    return name, argument


def _wrapped(item: object) -> WrappedKey:
    if isinstance(item, Mapping) and isinstance(item.get("enc"), str):
        return WrappedKey(recipient=str(item.get("recipient", "")), armoured=item["enc"])
    raise SopsRefused("one of its age recipients has no encrypted key")


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
