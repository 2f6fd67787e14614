"""Runs hooks: the app's own commands at named moments of a deploy, each at most once per operation."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from pvdify.engine.deploys.plan import step
from pvdify.engine.deploys.step_run import StepRun
from pvdify.engine.running.specs import hook_spec
from pvdify.errors import DeployCanceled, HookFailed, PvdifyError
from pvdify.manifest.definition import Command
from pvdify.model.copied_output import CopiedOutput
from pvdify.model.instance import Exit, InstanceSpec, InstanceState, Role
from pvdify.model.names import parent_of
from pvdify.model.operation import StepState
from pvdify.timing import first_of

LAST_LINES = 5
PAUSE = 0.5  # seconds between two checks for a cancellation


async def remove_hooks(run: StepRun) -> None:
    """Stop and remove this operation's hook containers. Effects of the hooks are not undone.

    The container proves that its hook has run, so remove it only when the journal has recorded that.
    """
    for found in await run.world.instances.find(run.app):
        if found.role is Role.HOOK and found.operation == run.operation.id:
            if found.state is InstanceState.RUNNING:  # the deploy was canceled while the hook ran
                await run.world.instances.stop(found.name, run.manifest.stop_timeout)
            await run.world.instances.remove(found.name)


async def run_failure_hooks(run: StepRun) -> None:
    """Run the app's on_failure hooks, after the undo of all later steps. Run none after a cancellation.

    Failures of these hooks are written to the deploy log and not raised.
    """
    error = run.operation.error
    if error is None or error.code == DeployCanceled.code:
        return
    begun = [record.name for record in run.operation.steps if record.state is not StepState.PENDING]
    facts = {"PVDIFY_FAILURE": error.code, "PVDIFY_FAILED_STEP": begun[-1]}
    try:
        text = await _run_hooks(run, "on_failure", run.manifest.hooks.on_failure, facts)
    except PvdifyError as problem:
        text = f"{problem.what}. {problem.why}"
    if text:
        await run.note(f"on_failure: {text}")


async def has_nothing_to_do(_run: StepRun) -> bool:
    """Return False: the step has an undo only."""
    return False


@step(undo=run_failure_hooks, has_work=has_nothing_to_do)
async def on_failure(run: StepRun) -> None:
    """Do nothing; from this step on, the undo of a failed deploy runs the app's on_failure hooks."""


async def has_hooks_before(run: StepRun) -> bool:
    """Return whether there may be hooks to run before the switch."""
    return bool(run.manifest.hooks.pre_deploy or run.manifest.previews.on_open)


@step(undo=remove_hooks, has_work=has_hooks_before)
async def pre_deploy(run: StepRun) -> str | None:
    """Run the pre_deploy hooks, and on_open hooks of a new preview. Raises HookFailed, DeployCanceled."""
    before = await _run_hooks(run, "pre_deploy", run.manifest.hooks.pre_deploy)
    opening = await _run_hooks(run, "on_open", run.manifest.previews.on_open) if await _is_opening(run) else None
    return ", ".join(filter(None, (before, opening))) or None


async def has_hooks_after(run: StepRun) -> bool:
    """Return whether there are hooks to run after the switch."""
    return bool(run.manifest.hooks.post_deploy)


@step(has_work=has_hooks_after)
async def post_deploy(run: StepRun) -> str | None:
    """Run the post_deploy hooks. Raises HookFailed."""
    return await _run_hooks(run, "post_deploy", run.manifest.hooks.post_deploy)


async def has_hooks(run: StepRun) -> bool:
    """Return whether the operation may have run hooks."""
    return await has_hooks_before(run) or await has_hooks_after(run)


@step(has_work=has_hooks)
async def tidy(run: StepRun) -> None:
    """Remove the containers of hooks."""
    await remove_hooks(run)


async def _is_opening(run: StepRun) -> bool:
    """Return whether this is a preview with on_open hooks, and no release of it was ever live."""
    if parent_of(run.app) is None or not run.manifest.previews.on_open:
        return False
    return not await run.world.store.live_versions(run.app, 1)


async def _run_hooks(
    run: StepRun, moment: str, commands: tuple[Command, ...], facts: Mapping[str, str] | None = None
) -> str | None:
    for number, command in enumerate(commands, start=1):
        spec = await _spec(run, moment, number, command, facts or {})
        ended = await _run_once(run, spec)
        if ended.code != 0:
            raise await _failed(run, moment, command, spec, str(ended))
    return ", ".join(_shown(command) for command in commands) or None


async def _spec(run: StepRun, moment: str, number: int, command: Command, facts: Mapping[str, str]) -> InstanceSpec:
    release = run.release
    around = await run.tools.environments.of(release)
    known = {"PVDIFY_PREVIOUS_RELEASE": str(run.operation.previous or "")}
    if around.url is not None:
        known["PVDIFY_URL"] = around.url  # part of the hooks' documented environment; the same as PVDIFY_APP_URL
    return hook_spec(release, moment, number, command, around, {**known, **facts}, run.operation.id)


async def _run_once(run: StepRun, spec: InstanceSpec) -> Exit:
    """Run the hook and return its exit; if it was started before pvdifyd restarted, only wait for its exit.

    Creating and starting the container are separate: a hook whose container was only created has not run yet.
    """
    instances = run.world.instances
    known = {found.name: found for found in await instances.find(run.app)}.get(spec.name)
    if known is None:
        await instances.create(spec)
    if known is None or known.state is InstanceState.CREATED:
        await instances.start(spec)
        return await _wait(run, spec, left=run.manifest.hooks.timeout)
    ran = (run.world.clock.now() - known.started_at).total_seconds() if known.started_at else 0.0
    return await _wait(run, spec, left=max(0.0, run.manifest.hooks.timeout - ran))


async def _wait(run: StepRun, spec: InstanceSpec, *, left: float) -> Exit:
    """Wait until the hook has ended, at most ``left`` seconds, and copy its output to the deploy log.

    Raises HookFailed after the timeout, DeployCanceled.
    """
    ended = asyncio.Event()
    output = asyncio.create_task(_copy_output(run, spec.name, ended))
    try:
        how = await _before_deadline(run, spec, left)
        if how is None:
            await run.world.instances.stop(spec.name, run.manifest.stop_timeout)
        ended.set()
        await output
    finally:
        output.cancel()
        with suppress(asyncio.CancelledError):
            await output
    if how is None:
        late = f"did not end within {run.manifest.hooks.timeout:g} s (`hooks.timeout`) and was stopped"
        raise await _failed(run, spec.process, spec.command or "", spec, late)
    return how


async def _before_deadline(run: StepRun, spec: InstanceSpec, left: float) -> Exit | None:
    """Return the exit of the hook, or None after ``left`` seconds. Raises DeployCanceled; the undo stops the hook."""
    clock = run.world.clock
    deadline = clock.monotonic() + left
    ended = asyncio.create_task(run.world.instances.wait(spec.name))
    try:
        while True:
            await first_of(ended, clock.sleep(min(PAUSE, max(0.0, deadline - clock.monotonic()))))
            if ended.done():
                return ended.result()
            if clock.monotonic() >= deadline:
                return None
            if spec.process == "pre_deploy":
                run.check_canceled()
    finally:
        ended.cancel()


async def _copy_output(run: StepRun, name: str, ended: asyncio.Event) -> None:
    """Copy the hook's output to the deploy log while it is written; skip lines that the log has already."""
    entries = await run.world.deploy_log.read(run.app, run.release.version)
    copied = CopiedOutput(entry.text for entry in entries if entry.source == name)
    async for lines in run.world.instance_logs.output(name, ended):
        if fresh := copied.fresh(lines):
            await run.log_output(fresh)


async def _failed(run: StepRun, moment: str, command: Command, spec: InstanceSpec, how: str) -> HookFailed:
    lines = await run.world.instance_logs.tail([spec.name], LAST_LINES)
    said = "; ".join(line.text for line in lines) or "it wrote nothing"
    return HookFailed(
        f"{run.app} v{run.release.version}: the {moment} hook `{_shown(command)}` {how}",
        why=f"its last lines: {said}",
        next=f"`pvdify logs {run.app} --release {run.release.version} --deploy`. "
        + (f"v{run.release.version} is live and stays live." if moment == "post_deploy" else "Visitors saw no change."),
    )


def _shown(command: Command) -> str:
    return command if isinstance(command, str) else " ".join(command)
