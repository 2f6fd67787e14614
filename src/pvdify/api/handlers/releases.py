"""/apps/{app}/releases and /rollback."""

from collections.abc import AsyncIterator

from pydantic_core import to_json
from starlette.responses import Response

from pvdify.api import translate
from pvdify.api.call import Call
from pvdify.engine.deploys.acceptance import read_deploy
from pvdify.engine.deploys.requests import Idempotency, fingerprint
from pvdify.engine.reading.views import ReleaseView
from pvdify.errors import InvalidError
from pvdify.model.deploy_log import EntryKind
from pvdify.model.operation import Strategy
from pvdify.model.release import Source
from pvdify.model.volume import lasting
from pvdify.web.answers import ServerSentEvent, encoded_answer, event_stream, json_answer, text_answer
from pvdify.web.numbers import whole_number
from pvdify.wire import answers
from pvdify.wire.deploy_log import render
from pvdify.wire.differences import ReleaseDiff
from pvdify.wire.requests import Deploy, Rollback

LONGEST_KEY = 255


async def list_releases(call: Call) -> Response:
    """List an app's releases, newest first."""
    limit, urls = call.number("limit", 100) or 100, await call.engine.queries.urls()

    async def releases() -> object:
        views = await call.engine.queries.releases(call.app, limit)
        return {"releases": [translate.release(view, urls) for view in views]}

    return encoded_answer(await call.kept.records.of(("releases", call.app, limit, urls), releases))


async def deploy(call: Call) -> Response:
    """Deploy a new release; answers before it is live."""
    body = await call.body(Deploy, and_deploy_of=call.app)
    request = await read_deploy(
        call.app,
        image=body.image,
        manifest=body.manifest,
        source=Source(
            commit=body.commit, branch=body.branch, run_number=body.run_number, is_older_allowed=body.allow_older
        ),
        strategy=Strategy(body.strategy or Strategy.BLUE_GREEN),
    )
    key = idempotency(call, call.app, body)
    return await _accepted(call, await call.engine.previews.deploy(call.app, request, call.actor, key))


async def show_release(call: Call) -> Response:
    """Return a release."""
    urls = await call.engine.queries.urls()

    async def release() -> object:
        return translate.release(await call.engine.queries.release(call.app, call.version), urls)

    return encoded_answer(await call.kept.records.of(("release", call.app, call.version, urls), release))


async def show_diff(call: Call) -> Response:
    """Compare a release with another one, by default with the live release."""
    queries = call.engine.queries
    other = call.number("to", None, most=10**9)
    if other is None:
        live = (await queries.app(call.app)).live
        other = live.version if live else call.version
    changes = translate.differences(await queries.diff(call.app, call.version, other))
    return json_answer(ReleaseDiff(app=call.app, before=call.version, after=other, changes=changes))


async def show_log(call: Call) -> Response:
    """Return the deploy log, or follow it."""
    if call.flag("follow"):
        await call.engine.queries.release(call.app, call.version)
        return event_stream(_follow(call))
    entries = await call.engine.queries.deploy_log(call.app, call.version)
    lines = [render(translate.log_entry(entry)) for entry in entries if entry.kind is not EntryKind.STEP_STARTED]
    return text_answer("".join(f"{line}\n" for line in lines))


async def cancel(call: Call) -> Response:
    """Cancel a release that is not live yet."""
    return await _accepted(call, await call.engine.requests.cancel(call.app, call.version, call.actor))


async def rollback(call: Call) -> Response:
    """Roll back: deploy a new release that repeats an older one."""
    body = await call.body(Rollback)
    strategy, key = Strategy(body.strategy or Strategy.BLUE_GREEN), idempotency(call, call.app, body)
    view = await call.engine.previews.rollback(call.app, body.version, call.actor, key, strategy)
    return await _accepted(call, view)


async def plan_rollback(call: Call) -> Response:
    """Return what a rollback would do."""
    target = await call.engine.requests.rollback_target(call.app, call.number("version", None, most=10**9))
    queries = call.engine.queries
    live = (await queries.app(call.app)).live
    changes = await queries.diff(call.app, live.version, target.version) if live else ()
    return json_answer(
        answers.RollbackPlan(
            current=await _release(call, live.version) if live else None,
            target=await _release(call, target.version),
            is_warm=await queries.is_warm(call.app, target),
            changes=translate.differences(changes),
            volumes=lasting(*(it.volumes for it in (live, target) if it)),
        )
    )


async def _follow(call: Call) -> AsyncIterator[ServerSentEvent]:
    seen = call.request.headers.get("last-event-id", "")
    last = whole_number(seen)
    number = 0 if last is None else last + 1
    async for entry in call.engine.queries.follow_deploy_log(call.app, call.version, number):
        if entry is None:
            continue
        if entry.kind is EntryKind.STEP_STARTED:
            yield ServerSentEvent(name="step", data=entry.step, id=str(number))
        else:
            yield ServerSentEvent(data=render(translate.log_entry(entry)), id=str(number))
        number += 1
    yield ServerSentEvent(name="end", data=to_json(await _release(call, call.version)).decode())


async def _release(call: Call, version: int) -> answers.Release:
    return translate.release(await call.engine.queries.release(call.app, version), await call.engine.queries.urls())


async def _accepted(call: Call, view: ReleaseView) -> Response:
    headers = {"Location": f"/api/v1/apps/{call.app}/releases/{view.release.version}"}
    return json_answer(translate.release(view, await call.engine.queries.urls()), 202, headers)


def idempotency(call: Call, *content: object) -> Idempotency | None:
    """Return the request's Idempotency-Key with a hash of the request, or None. Raises InvalidError."""
    key = call.request.headers.get("idempotency-key")
    if key is None:
        return None
    if not key.strip() or len(key) > LONGEST_KEY or not key.isprintable():
        raise InvalidError(f"an Idempotency-Key has 1 to {LONGEST_KEY} printable characters", next="send another key")
    return Idempotency(key=key, fingerprint=fingerprint(call.request.url.path, *content))
