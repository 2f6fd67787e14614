"""Hooks: the app's own commands at named moments, each at most once per operation."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from pvdify.engine.plan import step
from pvdify.engine.posthog import config_of
from pvdify.engine.specs import hook_spec
from pvdify.engine.step_run import StepRun
from pvdify.errors import DeployCanceled, HookFailed, PvdifyError
from pvdify.manifest.definition import Command
from pvdify.model.app import default_hostname
from pvdify.model.deploy_log import EntryKind
from pvdify.model.instance import Exit, InstanceSpec, InstanceState, Role
from pvdify.model.operation import StepState

LAST_LINES = 5
ALL_LINES = 100_000
PAUSE = 0.5  # between two looks whether somebody cancels


async def remove_hooks(run: StepRun) -> None:
    """None of this operation's hook containers is left; what they did stays done.

    A container is how we know that its hook has run, so this comes only after the journal says that it did.
    """
    for found in await run.world.supervisor.find(run.app):
        if found.role is Role.HOOK and found.operation == run.operation.id:
            await run.world.supervisor.remove(found.name)


async def tell_failure(run: StepRun) -> None:
    """The app's own hooks have been told, after everything else was put back; a cancel is no failure."""
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


@step(undo=tell_failure)
async def on_failure(run: StepRun) -> None:
    """From here on, a failure is told to the app's own hooks once everything is put back."""


@step(undo=remove_hooks)
async def pre_deploy(run: StepRun) -> str | None:
    """The app's hooks have exited zero, before anything of the release serves."""
    return await _run_hooks(run, "pre_deploy", run.manifest.hooks.pre_deploy)


@step()
async def post_deploy(run: StepRun) -> str | None:
    """The app's hooks have exited zero."""
    return await _run_hooks(run, "post_deploy", run.manifest.hooks.post_deploy)


@step()
async def tidy(run: StepRun) -> None:
    """No hook container is left."""
    if run.manifest.hooks.pre_deploy or run.manifest.hooks.post_deploy:
        await remove_hooks(run)


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
    settings, release = run.world.settings, run.release
    known = {
        "PVDIFY_PREVIOUS_RELEASE": str(run.operation.previous or ""),
        "PVDIFY_URL": f"{settings.public_scheme}://{default_hostname(run.app, settings.base_domain)}",
    }
    config = await config_of(run.world, run.app, release.config_version)
    return hook_spec(release, moment, number, command, config, {**known, **facts}, run.operation.id)


async def _run_once(run: StepRun, spec: InstanceSpec) -> Exit:
    """Run the hook, or learn how it ended if an earlier life of the daemon ran it.

    Making the container and starting it are two moves: one that exists but never started has done nothing yet.
    """
    supervisor = run.world.supervisor
    known = {found.name: found for found in await supervisor.find(run.app)}.get(spec.name)
    if known is None:
        await supervisor.create(spec)
    if known is None or known.state is InstanceState.CREATED:
        await supervisor.start(spec)
        return await _wait(run, spec, left=run.manifest.hooks.timeout)
    ran = (run.world.clock.now() - known.started_at).total_seconds() if known.started_at else 0.0
    return await _wait(run, spec, left=max(0.0, run.manifest.hooks.timeout - ran))


@dataclass
class _Copied:
    lines: int


async def _wait(run: StepRun, spec: InstanceSpec, *, left: float) -> Exit:
    """Until it has ended, with its output in the deploy log as it comes. Raises HookFailed after so many seconds."""
    supervisor = run.world.supervisor
    copied = _Copied(lines=await _lines_logged(run, spec.name))
    output = asyncio.create_task(_copy_output(run, spec.name, copied))
    try:
        ended = await _before_deadline(run, spec, left)
    finally:
        output.cancel()
        with suppress(asyncio.CancelledError):
            await output
    for line in (await supervisor.tail([spec.name], ALL_LINES))[copied.lines :]:
        await run.log(EntryKind.OUTPUT, line.text, source=spec.name)
    if ended is None:
        await supervisor.stop(spec.name, 0)
        how = f"did not end within {run.manifest.hooks.timeout:g} s (`hooks.timeout`) and was killed"
        raise await _failed(run, spec.process, spec.command or "", spec, how)
    return ended


async def _before_deadline(run: StepRun, spec: InstanceSpec, left: float) -> Exit | None:
    """How it ended, None when the time is up. Raises DeployCanceled; removing the container is the undo's business."""
    clock = run.world.clock
    deadline = clock.monotonic() + left
    ended = asyncio.create_task(run.world.supervisor.wait(spec.name))
    try:
        while True:
            pause = asyncio.create_task(clock.sleep(min(PAUSE, max(0.0, deadline - clock.monotonic()))))
            await asyncio.wait({ended, pause}, return_when=asyncio.FIRST_COMPLETED)
            pause.cancel()
            if ended.done():
                return ended.result()
            if clock.monotonic() >= deadline:
                return None
            if spec.process == "pre_deploy":
                run.check_canceled()
    finally:
        ended.cancel()


async def _copy_output(run: StepRun, name: str, copied: _Copied) -> None:
    """Put the hook's lines into the deploy log as they come, without those that are there already."""
    skip = copied.lines
    async for line in run.world.supervisor.follow([name], since=run.operation.created_at):
        if skip > 0:
            skip -= 1
            continue
        await run.log(EntryKind.OUTPUT, line.text, source=name)
        copied.lines += 1


async def _lines_logged(run: StepRun, name: str) -> int:
    """How much of this hook's output an earlier life of the daemon has copied."""
    entries = await run.world.deploy_log.read(run.app, run.release.version)
    return sum(entry.source == name for entry in entries)


async def _failed(run: StepRun, moment: str, command: Command, spec: InstanceSpec, how: str) -> HookFailed:
    lines = await run.world.supervisor.tail([spec.name], LAST_LINES)
    said = "; ".join(line.text for line in lines) or "it wrote nothing"
    return HookFailed(
        f"{run.app} v{run.release.version}: the {moment} hook `{_shown(command)}` {how}",
        why=f"its last words: {said}",
        next=f"`pvdify logs {run.app} --release {run.release.version} --deploy`. "
        + (f"v{run.release.version} is live and stays live." if moment == "post_deploy" else "Visitors saw no change."),
    )


def _shown(command: Command) -> str:
    return command if isinstance(command, str) else " ".join(command)
