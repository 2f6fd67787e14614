"""Backups on a machine of fakes: schedules, kills, failures, retention."""

from dataclasses import replace

import pytest

from pvdify.engine.state.backups import lost_server
from pvdify.errors import AppRenamed, BackupsBusy, BackupTargetRefused, HostnameReserved
from pvdify.model.backup import BackupState, Counts, Keep, RestoreSubject, TaskState
from pvdify.model.config import ConfigVar
from pvdify.model.instance import Secret
from pvdify.ports.backups import BackupTarget
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import Daemon, Killed, Machine
from tests.support.asking import ACTOR

IMAGE = "reg.example.com/shop:v1"
TARGET = "/mnt/nas"
DATA = {"volumes": {"data": {"path": "/data"}}}


async def machine_with_app(**manifest: object) -> Machine:
    machine = Machine()
    machine.registry.push(IMAGE)
    daemon = machine.daemon()
    await daemon.deploy("shop", IMAGE, manifest={**DATA, **manifest})
    await daemon.finish("shop", 1)
    await daemon.backups.set_target(TARGET, {}, ACTOR)
    await daemon.bury()
    return machine


async def make(daemon: Daemon) -> None:
    await daemon.backups.run(ACTOR)
    await daemon.keeper.run_due()


async def test_a_backup_is_made_when_it_is_due_and_once_for_due_times_that_passed():
    machine = await machine_with_app()
    daemon = machine.daemon()
    await daemon.keeper.run_due()
    assert await machine.store.backups() == ()

    machine.clock.jump(5 * 86400)
    await daemon.keeper.run_due()
    await daemon.keeper.run_due()

    (backup,) = await machine.store.backups()
    assert backup.state is BackupState.STORED
    kinds = [task.kind for task in await machine.store.backup_tasks()]
    assert sorted(kind.value for kind in kinds) == ["backup", "verify"]
    assert backup.proven_at is not None
    await daemon.bury()


async def test_without_a_schedule_nothing_is_made():
    machine = await machine_with_app()
    daemon = machine.daemon()
    await daemon.backups.schedule(ACTOR, schedule="none", drills="none", time_zone=None, keep=None)

    machine.clock.jump(50 * 86400)
    await daemon.keeper.run_due()

    assert await machine.store.backup_tasks() == ()
    health = await daemon.backups.health()
    assert health is not None
    assert "no schedule" in health.problem
    await daemon.bury()


async def test_an_unreachable_backup_target_is_reported_until_it_answers():
    machine = await machine_with_app()
    daemon = machine.daemon()
    machine.backups.is_there = False
    await make(daemon)

    failed = await daemon.backups.health()
    assert failed is not None
    assert "does not answer" in failed.problem
    assert (await machine.store.events())[0].action == "backup.failed"
    machine.backups.is_there = True
    await make(daemon)
    healed = await daemon.backups.health()
    assert healed is not None
    assert healed.problem == ""
    await daemon.bury()


async def test_a_backup_that_is_late_needs_attention():
    machine = await machine_with_app()
    daemon = machine.daemon()
    await make(daemon)
    machine.clock.jump(2 * 86400)

    health = await daemon.backups.health()

    assert health is not None
    assert health.problem.startswith("none was made since")
    await daemon.bury()


@pytest.mark.slow
async def test_a_backup_is_completed_after_a_kill_at_any_write():
    kill_at, ended = 0, False
    while not ended:
        kill_at += 1
        machine = await machine_with_app()
        daemon = machine.daemon(kill_at=kill_at)
        try:
            await make(daemon)
            ended = True
        except Killed:
            pass
        await daemon.bury()
        next_one = machine.daemon()
        await next_one.keeper.recover()
        await next_one.keeper.run_due()

        tasks = await machine.store.backup_tasks()
        assert all(task.state.is_over for task in tasks), (kill_at, tasks)
        backups = await machine.store.backups()
        assert all(it.state is not BackupState.RUNNING for it in backups), (kill_at, backups)
        if tasks:
            assert backups[0].state is BackupState.STORED, (kill_at, backups)
        assert machine.backups.directories == {}
        await next_one.bury()
    assert kill_at > 10


async def test_a_kill_during_a_restore_leaves_no_partial_volume():
    kill_at, ended = 0, False
    while not ended:
        kill_at += 1
        machine = await machine_with_app()
        first = machine.daemon()
        await make(first)
        await first.bury()
        daemon = machine.daemon(kill_at=kill_at)
        try:
            await daemon.backups.restore("", RestoreSubject(app="shop", to="copy"), ACTOR)
            await daemon.keeper.run_due()
            ended = True
        except Killed:
            pass
        await daemon.bury()
        next_one = machine.daemon()
        await next_one.keeper.recover()
        await next_one.keeper.run_due()

        recorded = {it.id for it in await machine.store.volumes()}
        assert set(await machine.volumes.find()) <= recorded, kill_at
        assert all(task.state.is_over for task in await machine.store.backup_tasks())
        await next_one.bury()
    assert {it.app for it in await machine.store.volumes()} == {"shop", "copy"}


async def test_backup_hooks_run_around_the_copy_and_the_app_keeps_running():
    machine = await machine_with_app(backup={"before": "dump", "after": "tidy"})
    daemon = machine.daemon()
    for moment in ("backup_before", "backup_after"):
        machine.supervisor.script(Behaviour(exit_code=0, exit_after=1.0), process=moment)
    await make(daemon)
    started = [spec.process for spec in machine.supervisor.started if spec.process.startswith("backup")]

    backup = (await machine.store.backups())[0]
    assert started == ["backup_before", "backup_after"]
    assert backup.items[0].held == 0.0
    await daemon.bury()


async def test_older_backups_are_deleted_and_their_records_with_them():
    machine = await machine_with_app()
    daemon = machine.daemon()
    await daemon.backups.schedule(
        ACTOR, schedule="none", drills="none", time_zone=None, keep=Keep(daily=2, weekly=0, monthly=0)
    )
    for _ in range(5):
        await make(daemon)
        machine.clock.jump(86400)

    assert len(await machine.store.backups()) == 2
    assert len(machine.backups.stored) == 4
    await daemon.bury()


async def test_backups_recorded_only_at_the_target_are_found():
    machine = await machine_with_app()
    daemon = machine.daemon()
    await make(daemon)
    (before,) = await machine.store.backups()
    await machine.store.forget_backup(before.id)
    await daemon.backups.verify("", ACTOR, accepts_smaller=False)

    await daemon.keeper.run_due()

    (found,) = await machine.store.backups()
    assert found.id == before.id
    assert found.proven_at is not None
    assert [item.counts for item in found.items if item.app] == [Counts(files=1, bytes=100)]
    await daemon.bury()


async def test_one_thing_at_a_time():
    machine = await machine_with_app()
    daemon = machine.daemon()
    await daemon.backups.run(ACTOR)
    with pytest.raises(BackupsBusy):
        await daemon.backups.run(ACTOR)
    await daemon.bury()


async def test_restored_to_another_app_the_config_comes_with_the_volumes_unless_it_has_one():
    machine = await machine_with_app()
    daemon = machine.daemon()
    await make(daemon)
    secret = {"TOKEN": ConfigVar(value=Secret("a secret"), is_secret=True)}
    machine.backups.configs["shop"] = secret
    await daemon.requests.create_app("other", ACTOR)
    await daemon.requests.change_config("other", {"OWN": ConfigVar(value=Secret("kept"))}, ACTOR)

    plan = await daemon.backups.plan_restore("", RestoreSubject(app="shop", to="copy"))
    for to in ("copy", "other"):
        await daemon.backups.restore("", RestoreSubject(app="shop", to=to), ACTOR)
        await daemon.keeper.run_due()

    assert "set the config vars of copy to those that shop has in the backup" in plan.steps
    (version,) = await machine.store.config_versions("copy")
    assert version.set_keys == ("TOKEN",)
    assert await machine.secrets.read("copy", 1) == secret
    assert list(await machine.secrets.read("other", 1)) == ["OWN"]
    assert machine.backups.directories == {}
    await daemon.bury()


async def test_a_wrong_password_does_not_replace_the_one_that_works():
    machine = await machine_with_app()
    daemon = machine.daemon()

    with pytest.raises(BackupTargetRefused):
        await daemon.backups.set_target(TARGET, {"RESTIC_PASSWORD": "typo"}, ACTOR)
    await make(daemon)

    assert [task.state for task in await machine.store.backup_tasks()] == [TaskState.SUCCEEDED]
    await daemon.bury()


async def test_a_task_that_crashes_ends_and_the_next_one_runs(monkeypatch: pytest.MonkeyPatch):
    machine = await machine_with_app()
    daemon, right = machine.daemon(), machine.backups.store

    async def crash(*_: object) -> object:
        raise OSError("no such directory")

    monkeypatch.setattr(machine.backups, "store", crash)
    await make(daemon)
    monkeypatch.setattr(machine.backups, "store", right)
    await machine.clock.sleep(60)
    await make(daemon)

    failed, made = sorted(await machine.store.backup_tasks(), key=lambda task: task.created_at)
    assert (failed.state, made.state) == (TaskState.FAILED, TaskState.SUCCEEDED)
    assert "OSError" in failed.cause
    await daemon.bury()


async def test_nothing_is_restored_to_a_name_that_no_app_can_have():
    machine = await machine_with_app()
    machine.settings = replace(machine.settings, public_url="https://panel.example.com")
    daemon = machine.daemon()
    await make(daemon)
    await daemon.renames.rename("shop", "store", ACTOR, keeps_hostname=False)

    with pytest.raises(AppRenamed):
        await daemon.backups.restore("", RestoreSubject(app="shop", to="shop"), ACTOR)
    with pytest.raises(HostnameReserved):
        await daemon.backups.plan_restore("", RestoreSubject(app="shop", to="panel"))

    assert {app.name for app in await machine.store.apps()} == {"store"}
    await daemon.bury()


@pytest.mark.parametrize("problem", ["", "the disk was full"])
async def test_a_restored_server_does_not_make_again_the_backup_that_it_came_from(problem: str):
    machine = await machine_with_app()
    daemon = machine.daemon()
    await make(daemon)
    await daemon.bury()
    (backup,), (task,) = await machine.store.backups(), await machine.store.backup_tasks()
    items = tuple(replace(it, problem=problem) for it in backup.items)
    running = replace(backup, state=BackupState.RUNNING, items=items, ended_at=None)
    await machine.store.save(running, replace(task, state=TaskState.RUNNING, ended_at=None))
    machine.clock.jump(5 * 86400)  # until another server takes over

    parts = await machine.backups.list(BackupTarget(location=TARGET, password=Secret(str(machine.backups.password))))
    await lost_server.end_work(machine.store, backup.id, parts, machine.clock.now())
    restored = machine.daemon()
    await restored.keeper.recover()
    await restored.keeper.run_due()

    (found,), (ended,) = await machine.store.backups(), await machine.store.backup_tasks()
    assert (found.id, found.state) == (backup.id, BackupState.INCOMPLETE if problem else BackupState.STORED)
    assert ended.state is TaskState.SUCCEEDED
    assert "backup.interrupted" not in {event.action for event in await machine.store.events()}
    machine.clock.jump(86400)
    await restored.keeper.run_due()
    assert len(await machine.store.backups()) == 2
    await restored.bury()
