"""Why a candidate is not healthy, in words that name the cause and the next step."""

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
ELF = "\x7fELF"  # how a program begins; only a shell that takes one for a script prints it
SELDOM_ELSE = frozenset({400, 421})  # what a probe is answered for little else than its Host
HOST_REFUSALS = frozenset({400, 401, 403, 404, 421, 500})  # what frameworks answer to a Host that they do not know


async def probe_failure(run: StepRun, place: Placement, result: ProbeResult, ended: Exit | None) -> ProbeFailed:
    """The error for an instance that exited (``ended``) or did not become healthy in time."""
    release, instance = run.release, f"{place.process}.{place.number}"
    check = run.manifest.healthcheck
    if ended is not None:
        what = f"{run.app} v{release.version}: {instance} {ended} before it was healthy"
        why = await _last_words(run, place, ended)
    else:
        path = check.path or DEFAULT_PATH
        what = f"{run.app} v{release.version}: {instance} did not answer GET {path} with 2xx within {check.limit}"
        why = await _cause(run, place, result)
    next_step = f"`pvdify logs {run.app} --release {release.version}`"
    if ended is None and result.status is None:
        more = write_seconds(max(60.0, 2 * check.seconds))
        next_step += f"; if it takes longer to start: `healthcheck: {{start_period: {more}}}` in pvdify.yml"
    return ProbeFailed(what, why=why, next=f"{next_step}. {await _serving(run)}")


async def _serving(run: StepRun) -> str:
    live = await run.previous()
    if live is not None and run.has_made_room:
        return f"v{live.version} is started again; until it serves, requests wait."
    return f"v{live.version} is still serving; visitors saw no change." if live else "Nothing was live before."


async def _last_words(run: StepRun, place: Placement, ended: Exit) -> str:
    lines = await run.world.instance_logs.tail([place.name], LAST_LINES)
    said = "; ".join(line.text for line in lines) or "nothing"
    if ended.is_out_of_memory:
        limit = run.manifest.limits_of(place.process).memory // 1024**2
        return f"its limit is {limit}M (resources.memory); its last lines: {said}"
    if ELF in said:
        return "its program is made for another kind of machine, so the image's shell took it for a script"
    return f"its last lines: {said}"


async def _cause(run: StepRun, place: Placement, result: ProbeResult) -> str:
    if result.status is not None and result.is_redirect:
        return f"it answered {result.status}, a redirect to {result.location or 'nowhere'}; only 2xx is healthy"
    if result.status is not None:
        return await _about_hosts(run, place, result) or f"it answered {result.status}"
    if result.answer is Answer.TIMEOUT:
        return f"it took the connection, but gave no answer within {run.manifest.healthcheck.timeout:g} s"
    if result.answer is Answer.NOT_HTTP:
        return f"what listens on port {run.release.port} does not speak HTTP"
    return _about_listeners(run.release.port or 0, await run.world.inspector.listeners(place.name), result)


async def _about_hosts(run: StepRun, place: Placement, result: ProbeResult) -> str:
    """What an app that answers only to hostnames it knows answers to another one; "" where that changes nothing."""
    check = run.manifest.healthcheck
    asked = hostname_of(run.world.settings, run.app, check)
    for other in await _other_hosts(run, place, asked) if result.status in HOST_REFUSALS else ():
        answer = await run.tools.probes.ask(run.app, check, place, hostname=other)
        if answer.status is not None and answer.status != result.status:
            return (
                f"it answered {result.status} to the Host {asked} and {answer.status} to the Host {other}: it accepts "
                f"only hostnames that it knows; add {asked} to them (ALLOWED_HOSTS in Django, config.hosts in Rails), "
                f"or set `healthcheck: {{host: {other}}}` in pvdify.yml"
            )
    if result.status in SELDOM_ELSE:
        return (
            f"it answered {result.status} to the Host {asked}; if it accepts only hostnames that it knows, add {asked} "
            "to them, or set `healthcheck: {host: HOSTNAME}` in pvdify.yml"
        )
    return ""


async def _other_hosts(run: StepRun, place: Placement, asked: str) -> tuple[str, ...]:
    """Hostnames that the app may accept: its own, those of its manifest, those added by hand, and its address."""
    app = await run.world.store.app(run.app)
    base_domain = run.world.settings.base_domain
    known = hostnames_of(app, base_domain, run.manifest) if app else run.manifest.domains
    where = () if place.endpoint is NO_ROUTE or place.endpoint.is_unix else (place.endpoint.host,)
    return tuple(host for host in (*known, "localhost", *where) if host != asked)


def _about_listeners(port: int, listeners: tuple[Listener, ...], result: ProbeResult) -> str:
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
