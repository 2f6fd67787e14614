"""Hooks: the app's own commands at named moments, each at most once per operation."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from pvdify.engine.plan import step
from pvdify.engine.posthog import config_of
from pvdify.engine.specs import hook_spec
from pvdify.engine.step_run import StepRun
from pvdify.errors import HookFailed
from pvdify.manifest.definition import Command
from pvdify.model.app import default_hostname
from pvdify.model.deploy_log import EntryKind
from pvdify.model.instance import Exit, InstanceSpec, InstanceState, Role

LAST_LINES = 5
ALL_LINES = 100_000


async def remove_hooks(run: StepRun) -> None:
    """None of this operation's hook containers is left; what they did stays done."""
    for found in await run.world.supervisor.find(run.app):
        if found.role is Role.HOOK and found.operation == run.operation.id:
            await run.world.supervisor.remove(found.name)


@step(undo=remove_hooks)
async def pre_deploy(run: StepRun) -> str | None:
    """The app's hooks have exited zero, before anything of the release serves."""
    return await _run_hooks(run, "pre_deploy", run.manifest.hooks.pre_deploy)


@step()
async def post_deploy(run: StepRun) -> str | None:
    """The app's hooks have exited zero, and no hook container is left."""
    try:
        return await _run_hooks(run, "post_deploy", run.manifest.hooks.post_deploy)
    finally:
        if run.manifest.hooks.pre_deploy or run.manifest.hooks.post_deploy:
            await remove_hooks(run)


async def _run_hooks(run: StepRun, moment: str, commands: tuple[Command, ...]) -> str | None:
    for number, command in enumerate(commands, start=1):
        spec = await _spec(run, moment, number, command)
        ended = await _run_once(run, spec)
        if ended.code != 0:
            raise await _failed(run, moment, command, spec, str(ended))
    return ", ".join(_shown(command) for command in commands) or None


async def _spec(run: StepRun, moment: str, number: int, command: Command) -> InstanceSpec:
    settings, release = run.world.settings, run.release
    facts = {
        "PVDIFY_PREVIOUS_RELEASE": str(run.operation.previous or ""),
        "PVDIFY_URL": f"{settings.public_scheme}://{default_hostname(run.app, settings.base_domain)}",
    }
    config = await config_of(run.world, run.app, release.config_version)
    return hook_spec(release, moment, number, command, config, facts, run.operation.id)


async def _run_once(run: StepRun, spec: InstanceSpec) -> Exit:
    """Run the hook, or learn how it ended if an earlier life of the daemon ran it.

    Making the container and starting it are two moves: one that exists but never started has done nothing yet.
    """
    supervisor = run.world.supervisor
    known = {found.name: found for found in await supervisor.find(run.app)}
    if spec.name not in known:
        await supervisor.create(spec)
    if spec.name not in known or known[spec.name].state is InstanceState.CREATED:
        await supervisor.start(spec)
    return await _wait(run, spec)


@dataclass
class _Copied:
    lines: int


async def _wait(run: StepRun, spec: InstanceSpec) -> Exit:
    supervisor, timeout = run.world.supervisor, run.manifest.hooks.timeout
    copied = _Copied(lines=await _lines_logged(run, spec.name))
    output = asyncio.create_task(_copy_output(run, spec.name, copied))
    try:
        ended = await _before_deadline(run, spec, timeout)
    finally:
        output.cancel()
        with suppress(asyncio.CancelledError):
            await output
    for line in (await supervisor.tail([spec.name], ALL_LINES))[copied.lines :]:
        await run.log(EntryKind.OUTPUT, line.text, source=spec.name)
    if ended is None:
        await supervisor.stop(spec.name, 0)
        raise await _failed(run, spec.process, spec.command or "", spec, f"did not end within {timeout:g} s")
    return ended


async def _before_deadline(run: StepRun, spec: InstanceSpec, timeout: float) -> Exit | None:
    ended = asyncio.create_task(run.world.supervisor.wait(spec.name))
    deadline = asyncio.create_task(run.world.clock.sleep(timeout))
    try:
        await asyncio.wait({ended, deadline}, return_when=asyncio.FIRST_COMPLETED)
        return ended.result() if ended.done() else None
    finally:
        ended.cancel()
        deadline.cancel()


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
    is_before = moment == "pre_deploy"
    return HookFailed(
        f"{run.app} v{run.release.version}: the {moment} hook `{_shown(command)}` {how}",
        why=f"its last words: {said}",
        next=f"`pvdify logs {run.app} --release {run.release.version} --deploy`. "
        + ("Visitors saw no change." if is_before else f"v{run.release.version} is live and stays live."),
    )


def _shown(command: Command) -> str:
    return command if isinstance(command, str) else " ".join(command)
