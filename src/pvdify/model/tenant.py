"""Tenants: the apps for which images are fetched, without access to what belongs to other apps."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """An app, and for a preview also the app that it is a preview of.

    ``apps``: the app itself first; it may use the registry logins and stored images of these. ``local_hosts``:
    registries on this machine or its local network that it was granted.
    """

    apps: tuple[str, ...]
    local_hosts: frozenset[str] = frozenset()
