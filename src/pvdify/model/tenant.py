"""For whom something is fetched from outside: what belongs to other apps stays out of its reach."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """An app, and if it is a preview the app that it is a preview of.

    ``apps``: the app itself first; registry logins and stored images of these are its own. ``local_hosts``: registries
    on this machine or its network link that it was granted.
    """

    apps: tuple[str, ...]
    local_hosts: frozenset[str] = frozenset()
