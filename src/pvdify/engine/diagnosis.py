"""Why a candidate is not healthy, in words that name the cause and the next step."""

from pvdify.engine.step_run import StepRun
from pvdify.errors import ProbeFailed
from pvdify.model.instance import Exit, Listener
from pvdify.model.probe import Answer, ProbeResult
from pvdify.model.slot import Placement

LAST_LINES = 5


async def probe_failure(run: StepRun, place: Placement, result: ProbeResult, ended: Exit | None) -> ProbeFailed:
    """The error for an instance that exited (``ended``) or did not become healthy in time."""
    release, instance = run.release, f"{place.process}.{place.number}"
    check = run.manifest.healthcheck
    if ended is not None:
        what = f"{run.app} v{release.version}: {instance} {ended} before it was healthy"
        why = await _last_words(run, place, ended)
    else:
        limit = check.interval * check.retries
        path = check.path or "/health"
        what = f"{run.app} v{release.version}: {instance} did not answer GET {path} with 2xx within {limit:g} s"
        why = await _cause(run, place, result)
    return ProbeFailed(
        what, why=why, next=f"`pvdify logs {run.app} --release {release.version}`. {await _serving(run)}"
    )


async def _serving(run: StepRun) -> str:
    live = await run.previous()
    if live is not None and run.has_made_room:
        return f"v{live.version} is started again; until it serves, visitors are asked to come back."
    return f"v{live.version} is still serving; visitors saw no change." if live else "Nothing was live before."


async def _last_words(run: StepRun, place: Placement, ended: Exit) -> str:
    lines = await run.world.supervisor.tail([place.name], LAST_LINES)
    said = "; ".join(line.text for line in lines) or "nothing"
    if ended.is_out_of_memory:
        limit = run.manifest.limits_of(place.process).memory // 1024**2
        return f"its limit is {limit}M (resources.memory); its last lines: {said}"
    return f"its last lines: {said}"


async def _cause(run: StepRun, place: Placement, result: ProbeResult) -> str:
    if result.status is not None and result.is_redirect:
        return f"it answered {result.status}, a redirect to {result.location or 'nowhere'}; only 2xx is healthy"
    if result.status is not None:
        return f"it answered {result.status}"
    if result.answer is Answer.TIMEOUT:
        return f"it took the connection, but gave no answer within {run.manifest.healthcheck.timeout:g} s"
    if result.answer is Answer.NOT_HTTP:
        return f"what listens on port {run.release.port} does not speak HTTP"
    return _about_listeners(run.release.port or 0, await run.world.supervisor.listeners(place.name))


def _about_listeners(port: int, listeners: tuple[Listener, ...]) -> str:
    here = [listener for listener in listeners if listener.port == port]
    if here and all(listener.is_loopback_only for listener in here):
        return f"it listens only on {here[0].address}:{port}, inside its container; it must listen on 0.0.0.0:{port}"
    if here:
        return f"it closed the connection on port {port} without an answer"
    others = sorted({listener.port for listener in listeners})
    if others:
        ports = " and ".join(str(other) for other in others)
        return f"it listens on port {ports}, not on {port}; listen on $PORT, or set `port: {others[0]}` in pvdify.yml"
    return f"nothing listens on port {port} inside the instance"
