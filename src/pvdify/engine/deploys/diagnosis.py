"""Messages for instances that did not become healthy: the cause and the next step."""

from pvdify.engine.deploys.step_run import StepRun
from pvdify.engine.running.probing import hostname_of
from pvdify.errors import ProbeFailed
from pvdify.model.app import hostnames_of
from pvdify.model.endpoint import NO_ROUTE
from pvdify.model.instance import Exit, Listener
from pvdify.model.probe import DEFAULT_PATH, Answer, ProbeResult
from pvdify.model.slot import Placement
from pvdify.quantities import write_seconds

LAST_LINES = 5
ELF = "\x7fELF"  # the first bytes of a program; a shell prints them if it takes a foreign program for a script
MOSTLY_HOST = frozenset({400, 421})  # statuses of a probe that rarely have another cause than the Host header
HOST_REFUSALS = frozenset({400, 401, 403, 404, 421, 500})  # statuses of frameworks for a Host that they do not accept


async def probe_failure(run: StepRun, place: Placement, result: ProbeResult, ended: Exit | None) -> ProbeFailed:
    """Return the error for an instance that exited (``ended``) or did not become healthy in time."""
    release, instance = run.release, f"{place.process}.{place.number}"
    check = run.manifest.healthcheck
    if ended is not None:
        what = f"{run.app} v{release.version}: {instance} {ended} before it was healthy"
        why = await _exit_cause(run, place, ended)
    else:
        path = check.path or DEFAULT_PATH
        what = f"{run.app} v{release.version}: {instance} did not answer GET {path} with 2xx within {check.limit}"
        why = await _probe_cause(run, place, result)
    next_step = f"`pvdify logs {run.app} --release {release.version}`"
    if ended is None and result.status is None:
        more = write_seconds(max(60.0, 2 * check.seconds))
        next_step += f"; if it takes longer to start: `healthcheck: {{start_period: {more}}}` in pvdify.yml"
    return ProbeFailed(what, why=why, next=f"{next_step}. {await _fallback(run)}")


async def _fallback(run: StepRun) -> str:
    live = await run.previous()
    if live is not None and run.has_made_room:
        return f"v{live.version} is started again; until it serves, requests wait."
    return f"v{live.version} is still serving; visitors saw no change." if live else "Nothing was live before."


async def _exit_cause(run: StepRun, place: Placement, ended: Exit) -> str:
    lines = await run.world.instance_logs.tail([place.name], LAST_LINES)
    said = "; ".join(line.text for line in lines) or "nothing"
    if ended.is_out_of_memory:
        limit = run.manifest.limits_of(place.process).memory // 1024**2
        return f"its limit is {limit}M (resources.memory); its last lines: {said}"
    if ELF in said:
        return "its program is made for another kind of machine, so the image's shell took it for a script"
    return f"its last lines: {said}"


async def _probe_cause(run: StepRun, place: Placement, result: ProbeResult) -> str:
    if result.status is not None and result.is_redirect:
        return f"it answered {result.status}, a redirect to {result.location or 'nowhere'}; only 2xx is healthy"
    if result.status is not None:
        return await _host_cause(run, place, result) or f"it answered {result.status}"
    if result.answer is Answer.TIMEOUT:
        return f"it took the connection, but gave no answer within {run.manifest.healthcheck.timeout:g} s"
    if result.answer is Answer.NOT_HTTP:
        return f"what listens on port {run.release.port} does not speak HTTP"
    return _listener_cause(run.release.port or 0, await run.world.inspector.listeners(place.name), result)


async def _host_cause(run: StepRun, place: Placement, result: ProbeResult) -> str:
    """Probe with the app's other hostnames; return a message if the Host header explains the status, or ""."""
    check = run.manifest.healthcheck
    probed = hostname_of(run.world.settings, run.app, check)
    for other in await _other_hosts(run, place, probed) if result.status in HOST_REFUSALS else ():
        answer = await run.tools.probes.ask(run.app, check, place, hostname=other)
        if answer.status is not None and answer.status != result.status:
            return (
                f"it answered {result.status} to the Host {probed} and {answer.status} to the Host {other}: it accepts "
                f"only hostnames that it knows; add {probed} to them (ALLOWED_HOSTS in Django, config.hosts in Rails), "
                f"or set `healthcheck: {{host: {other}}}` in pvdify.yml"
            )
    if result.status in MOSTLY_HOST:
        return (
            f"it answered {result.status} to the Host {probed}; if it accepts only hostnames that it knows, "
            f"add {probed} to them, or set `healthcheck: {{host: HOSTNAME}}` in pvdify.yml"
        )
    return ""


async def _other_hosts(run: StepRun, place: Placement, probed: str) -> tuple[str, ...]:
    """Return hostnames that the app may accept: default, manifest, added domains, localhost and the instance's address.

    ``probed``, which the probe used, is left out.
    """
    app = await run.world.store.app(run.app)
    base_domain = run.world.settings.base_domain
    known = hostnames_of(app, base_domain, run.manifest) if app else run.manifest.domains
    where = () if place.endpoint is NO_ROUTE or place.endpoint.is_unix else (place.endpoint.host,)
    return tuple(host for host in (*known, "localhost", *where) if host != probed)


def _listener_cause(port: int, listeners: tuple[Listener, ...], result: ProbeResult) -> str:
    here = [listener for listener in listeners if listener.port == port]
    outside = [listener for listener in here if not listener.is_loopback_only]
    if here and not outside:
        return f"it listens only on {here[0]}, inside its container; it must listen on 0.0.0.0:{port}"
    if outside and result.answer is Answer.REFUSED and all(":" in listener.address for listener in outside):
        return f"it listens on {outside[0]} for IPv6 only; it must listen on 0.0.0.0:{port} as well"
    if here:
        return f"it closed the connection on port {port} without an answer"
    others = sorted({listener.port for listener in listeners})
    if others:
        ports = " and ".join(str(other) for other in others)
        return f"it listens on port {ports}, not on {port}; listen on $PORT, or set `port: {others[0]}` in pvdify.yml"
    return f"nothing listens on port {port} inside the instance"
