"""Apps: deployable things, each with its own name."""

from dataclasses import dataclass
from datetime import datetime

from pvdify.manifest.definition import Manifest
from pvdify.model.names import WEB
from pvdify.model.route import Route, milliseconds
from pvdify.model.slot import Slot


@dataclass(frozen=True, kw_only=True)
class App:
    """An app. Its releases and slots say what runs.

    ``domains``: hostnames that were added by hand, besides those in the manifests of its releases. ``gate``: see
    ``Route``. ``maintenance_by``, ``maintenance_since``: who turned the maintenance on, and when. ``paused_until``:
    when requests that wait because of ``pause`` continue at the latest.
    """

    name: str
    created_at: datetime
    updated_at: datetime
    is_in_maintenance: bool = False
    domains: tuple[str, ...] = ()
    gate: str | None = None
    maintenance_by: str | None = None
    maintenance_since: datetime | None = None
    paused_until: datetime | None = None


def default_hostname(app: str, base_domain: str) -> str:
    """Return ``<app>.<base domain>``."""
    return f"{app}.{base_domain}"


def hostnames_of(app: App, base_domain: str, manifest: Manifest | None) -> tuple[str, ...]:
    """Return an app's hostnames without duplicates: the default one, then the manifest's, then those added by hand."""
    more = manifest.domains if manifest else ()
    return tuple(dict.fromkeys((default_hostname(app.name, base_domain), *more, *app.domains)))


def route_of(app: App, base_domain: str, manifest: Manifest | None, slot: Slot | None) -> Route:
    """Return the app's desired route: its hostnames to the slot's targets; without targets (503) in maintenance."""
    serves = slot is not None and manifest is not None and WEB in manifest.processes and bool(slot.targets)
    serves = serves and not app.is_in_maintenance
    return Route(
        app=app.name,
        hostnames=tuple(sorted(hostnames_of(app, base_domain, manifest))),
        slot=slot.number if slot is not None and serves else None,
        targets=slot.targets if slot is not None and serves else (),
        numbers=slot.serials if slot is not None and serves else (),
        is_in_maintenance=app.is_in_maintenance,
        gate=app.gate,
        has_affinity=manifest is not None and serves and manifest.processes[WEB].affinity is not None,
        timeout=round(manifest.timeout, 3) if manifest is not None and manifest.timeout is not None else None,
        held_until=milliseconds(app.paused_until) if app.paused_until else None,
    )
