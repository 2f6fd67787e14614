"""The probe of an instance, which deploys, liveness probes and restarts share."""

from pvdify.manifest.definition import HealthCheck
from pvdify.model.app import default_hostname
from pvdify.model.endpoint import NO_ROUTE
from pvdify.model.probe import DEFAULT_PATH, Answer, ProbeResult
from pvdify.model.slot import Placement
from pvdify.ports.prober import Prober
from pvdify.settings import Settings


class Probes:
    """Probes instances with their health check."""

    def __init__(self, *, prober: Prober, settings: Settings) -> None:
        self._prober, self._settings = prober, settings

    async def ask(self, app: str, check: HealthCheck, place: Placement, *, hostname: str = "") -> ProbeResult:
        """Send a request to the instance like one of a visitor. Never raises.

        Many frameworks answer only to hostnames that they know, so the Host header is the app's own hostname,
        ``healthcheck.host`` or, if given, ``hostname``.
        """
        if place.endpoint is NO_ROUTE:
            return ProbeResult(answer=Answer.REFUSED)
        return await self._prober.probe(
            place.endpoint,
            check.path or DEFAULT_PATH,
            timeout=check.timeout,
            hostname=hostname or hostname_of(self._settings, app, check),
            scheme=self._settings.public_scheme,
        )


def hostname_of(settings: Settings, app: str, check: HealthCheck) -> str:
    """Return the Host header of the app's probes."""
    return check.host or default_hostname(app, settings.base_domain)
